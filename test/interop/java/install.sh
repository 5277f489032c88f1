#!/usr/bin/env bash
# The Java client of one version: install.sh java-4|java-3.9 puts its jars and the compiled programs into the cache.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=$1
case $name in
  java-4) version=4.4.0 ;;
  java-3.9) version=3.9.1 ;;
  *) echo "no version for $name" >&2; exit 2 ;;
esac
out=${INTEROP_CACHE:-$HOME/.cache/millrace-interop}/$name
command -v javac mvn > /dev/null || { echo 'needs a JDK (17 or newer) and Maven' >&2; exit 77; }
stamp="$version $(cat "$here/pom.xml" "$here"/src/interop/*.java | sha256sum)"
[ "$(cat "$out/.done" 2> /dev/null || true)" = "$stamp" ] && exit 0
rm -rf "$out"; mkdir -p "$out/classes"
mvn -q -B -f "$here/pom.xml" "-Dkafka=$version" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$out/libs" > "$out/mvn.log" 2>&1 ||
  { echo "kafka-clients $version could not be had from Maven Central" >&2; exit 77; }
javac -nowarn -Xlint:-removal -XDsuppressNotes --release 17 -cp "$out/libs/*" -d "$out/classes" "$here"/src/interop/*.java
echo "$stamp" > "$out/.done"
