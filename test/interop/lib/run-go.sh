#!/bin/sh
# run-go.sh CLIENT-FOLDER BOOTSTRAP PREFIX: runs the program that the client's install.sh has built.
set -eu
name=$(basename "$1")
exec timeout -k 2 110 "${INTEROP_CACHE:-$HOME/.cache/millrace-interop}/$name/client" "$2" "$3"
