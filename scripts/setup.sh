#!/bin/sh
# Installs what the lockfile names, the project's own Node among it, unless that is already done. Plain sh, so that it runs anywhere.
set -eu
cd "$(dirname "$0")/.."
stamp=node_modules/.setup
[ -f "$stamp" ] && cmp -s package-lock.json "$stamp" && exit 0
echo 'setting up: npm ci' >&2
npm ci --no-audit --no-fund --loglevel=error >&2
cp package-lock.json "$stamp"
