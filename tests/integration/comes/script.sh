#!/bin/sh
id -un
for word; do echo "<$word>"; done
echo complaint >&2
exit 0
