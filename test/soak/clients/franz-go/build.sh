#!/bin/sh
# build.sh: the program into the cache. Exit status 77: it cannot be had here.
set -eu
command -v go > /dev/null || { echo 'needs go' >&2; exit 77; }
cd "$(dirname "$0")"
cache=${INTEROP_CACHE:-$HOME/.cache/millrace-interop}
mkdir -p "$cache"
go mod download || { echo "its modules could not be had" >&2; exit 77; }
go build -o "$cache/soak-franz-go" .
