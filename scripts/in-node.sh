#!/bin/sh
# Runs a script in the project's own Node, from source: in-node.sh [node options] file.ts [arguments]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
sh "$root/scripts/setup.sh"
node="$root/node_modules/.bin/node"
[ -x "$node" ] || node=node
exec "$node" --conditions=source --disable-warning=ExperimentalWarning "$@"
