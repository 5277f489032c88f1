#!/bin/sh
cache=${INTEROP_CACHE:-$HOME/.cache/millrace-interop}
CLASSES=$cache/streams-eos/classes exec ../streams/run.sh "$@"
