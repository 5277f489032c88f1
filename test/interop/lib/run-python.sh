#!/bin/sh
# run-python.sh CLIENT-FOLDER PROGRAM BOOTSTRAP PREFIX: runs a Python program with the packages that the client's install.sh has put aside.
set -eu
packages=${INTEROP_CACHE:-$HOME/.cache/millrace-interop}/$(basename "$1")/packages
export PYTHONPATH="$packages:$(cd "$(dirname "$0")" && pwd)" PYTHONDONTWRITEBYTECODE=1
exec timeout -k 2 110 python3 "$2" "$3" "$4"
