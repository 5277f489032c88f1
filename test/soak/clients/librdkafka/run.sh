#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH="${INTEROP_CACHE:-$HOME/.cache/millrace-interop}/confluent-kafka/packages" PYTHONDONTWRITEBYTECODE=1
exec python3 "$here/client.py" "$@"
