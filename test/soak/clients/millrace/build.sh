#!/bin/sh
# build.sh: nothing to do, it runs from source.
