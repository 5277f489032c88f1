#!/bin/sh
# The word count of ../streams with exactly_once_v2: one line more, and nothing else.
set -e
cache=${INTEROP_CACHE:-$HOME/.cache/millrace-interop}
(cd ../streams && ./install.sh)
out=$cache/streams-eos
rm -rf "$out"
mkdir -p "$out/src" "$out/classes"
line='        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);'
sed "/APPLICATION_ID_CONFIG/a\\
$line" ../../scenarios/streams-java/src/main/java/WordCount.java > "$out/src/WordCount.java"
grep -q EXACTLY_ONCE_V2 "$out/src/WordCount.java"
javac -nowarn -cp "$cache/streams/libs/*" -d "$out/classes" "$out/src/WordCount.java"
