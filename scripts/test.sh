#!/bin/sh
# npm test: sets up, then runs every test that needs npm alone. Arguments are files to run instead of all.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
sh scripts/setup.sh
node="$root/node_modules/.bin/node"
[ -x "$node" ] || node=node
if [ $# -eq 0 ]; then
  set -- 'packages/*/src/**/*.test.ts' 'scripts/*.test.ts' 'test/**/*.test.ts'
fi
exec "$node" --conditions=source --disable-warning=ExperimentalWarning --test --test-timeout=120000 "$@"
