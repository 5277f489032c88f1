#!/usr/bin/env bash
# The word count of Kafka Streams as its user wrote it, started twice: the second time without its local state, which comes back from the changelog.
bootstrap=$1
cache=${INTEROP_CACHE:-$HOME/.cache/millrace-interop}
classes=${CLASSES:-$cache/streams/target/classes}
jvm='-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
folder=$(mktemp -d)
app=
trap '[ -z "$app" ] || kill -9 $app 2> /dev/null; rm -rf "$folder"' EXIT
check() { java $jvm -cp "$cache/java-4/classes:$cache/java-4/libs/*" interop.WordCountCheck "$bootstrap" "$1"; }
start() {
  rm -rf "$folder/state"; mkdir "$folder/state"
  java $jvm -Djava.io.tmpdir="$folder/state" -cp "$classes:$cache/streams/libs/*" WordCount "$bootstrap" >> "$folder/log" 2>&1 &
  app=$!
}
stop() { kill $app 2> /dev/null; wait $app; app=; }
failures=0
check prepare || exit 1
start
check counts || failures=1
stop
check leave || failures=1
start
check restored || failures=1
check purge || failures=1
stop
[ $failures = 0 ] || tail -40 "$folder/log" >&2
exit $failures
