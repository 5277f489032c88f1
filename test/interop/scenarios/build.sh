#!/usr/bin/env bash
# Builds a scenario's Maven project from a copy in the cache: build.sh NAME FOLDER GOAL… (done once for the same sources)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=$1 folder=$2; shift 2
out=${INTEROP_CACHE:-$HOME/.cache/millrace-interop}/$name
command -v javac mvn > /dev/null || { echo 'needs a JDK (17 or newer) and Maven' >&2; exit 77; }
stamp="$* $(cd "$here/$folder" && find . -type f -not -path './target/*' | sort | xargs sha256sum | sha256sum)"
[ "$(cat "$out/.done" 2> /dev/null || true)" = "$stamp" ] && exit 0
rm -rf "$out"; mkdir -p "$out"
cp -r "$here/$folder/." "$out/"
(cd "$out" && mvn -q -B "$@") > "$out/mvn.log" 2>&1 || { tail -5 "$out/mvn.log" >&2; echo "$folder could not be built with Maven" >&2; exit 77; }
echo "$stamp" > "$out/.done"
