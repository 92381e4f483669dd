#!/bin/sh
echo "$# $2"; pwd; id -un
