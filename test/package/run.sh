#!/bin/sh
# The package as its users get it: packed, installed into an empty folder, its types checked, its client run against its broker, its program run.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
sh "$root/scripts/setup.sh"
bin="$root/node_modules/.bin"
PATH="$bin:$PATH"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$root"
npm pack --silent --pack-destination "$folder" > /dev/null
cd "$folder"
cp "$root/test/package/app.ts" "$root/test/package/tsconfig.json" .
echo '{ "name": "app", "version": "1.0.0", "private": true, "type": "module" }' > package.json
npm install --silent --no-audit --no-fund ./millrace-*.tgz "@types/node@26" > /dev/null
"$bin/tsc" -p .
node --disable-warning=ExperimentalWarning app.ts
npx millrace version | grep -q '^millrace '
npx millrace serve --help | grep -q -- --ephemeral
echo '1 passed, 0 failed'
