#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/../../lib/run-python.sh" "$here" "$here/client.py" "$@"
