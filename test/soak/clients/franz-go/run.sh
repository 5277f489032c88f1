#!/bin/sh
exec "${INTEROP_CACHE:-$HOME/.cache/millrace-interop}/soak-franz-go" "$@"
