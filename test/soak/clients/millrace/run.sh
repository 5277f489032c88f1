#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
exec sh "$here/../../../../scripts/in-node.sh" "$here/client.ts" "$@"
