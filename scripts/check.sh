#!/bin/sh
# npm run check: lint, format, types, layers and tests. With --static all but the tests.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh
node_modules/.bin/biome check --error-on-warnings .
node_modules/.bin/tsc -p tsconfig.json --noEmit
sh scripts/in-node.sh scripts/tidy.ts
[ "${1:-}" = --static ] || sh scripts/test.sh
