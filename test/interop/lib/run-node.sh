#!/bin/sh
# run-node.sh CLIENT-FOLDER BOOTSTRAP PREFIX: runs client.mjs there with the packages that the client's install.sh has put aside,
# in the project's own Node where that is installed.
set -eu
project=$(cd "$(dirname "$0")/../../.." && pwd)
export INTEROP_PACKAGES=${INTEROP_CACHE:-$HOME/.cache/millrace-interop}/$(basename "$1")
node=$project/node_modules/.bin/node
[ -x "$node" ] || node=node
exec timeout -k 2 110 "$node" "$1/client.mjs" "$2" "$3"
