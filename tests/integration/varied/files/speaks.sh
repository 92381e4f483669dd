#!/bin/sh
# Says who runs it and with what; the first argument "fail" makes it fail.
echo "args: $# $*"
echo "user: $(id -un)"
echo "on stderr ü" >&2
test "$1" != fail
