#!/usr/bin/env bash
# The word count of ../streams with exactly_once_v2: one line more, and nothing else (done once for the same source).
set -euo pipefail
cache=${INTEROP_CACHE:-$HOME/.cache/millrace-interop}
(cd ../streams && ./install.sh)
out=$cache/streams-eos
source=../../scenarios/streams-java/src/main/java/WordCount.java
stamp=$(cat "$source" install.sh | sha256sum)
[ "$(cat "$out/.done" 2> /dev/null || true)" = "$stamp" ] && exit 0
rm -rf "$out"
mkdir -p "$out/src" "$out/classes"
line='        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);'
sed "/APPLICATION_ID_CONFIG/a\\
$line" "$source" > "$out/src/WordCount.java"
grep -q EXACTLY_ONCE_V2 "$out/src/WordCount.java"
javac -nowarn -cp "$cache/streams/libs/*" -d "$out/classes" "$out/src/WordCount.java"
echo "$stamp" > "$out/.done"
