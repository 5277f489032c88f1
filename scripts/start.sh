#!/bin/sh
# npm start: sets up and builds what is not there yet, then becomes the broker, so that signals and the exit status are its own.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
sh scripts/setup.sh
if [ ! -f dist/.built ] || [ -n "$(find packages/*/src bin scripts/build.ts package-lock.json -newer dist/.built -print -quit)" ]; then
  sh scripts/in-node.sh scripts/build.ts --code >&2
fi
node="$root/node_modules/.bin/node"
[ -x "$node" ] || node=node
# V8 compiles and marks beside the broker, by itself in four threads. Where cores are few those keep it from running for whole time slices; one thread is enough
# for one node.
case "$*" in *nodes*) pool= ;; *) pool=--v8-pool-size=1 ;; esac
# What comes later wins, so the caller may choose another admin listener, or none.
exec "$node" $pool bin/millrace.js serve --set millrace.admin.listener=127.0.0.1:9644 "$@"
