#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/../../lib/run-go.sh" "$here" "$@"
