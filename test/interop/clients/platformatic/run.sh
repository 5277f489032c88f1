#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/../../lib/run-node.sh" "$here" "$@"
