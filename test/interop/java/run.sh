#!/usr/bin/env bash
# run.sh NAME BOOTSTRAP PREFIX
out=${INTEROP_CACHE:-$HOME/.cache/millrace-interop}/$1
exec java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$out/classes:$out/libs/*" interop.Main "$2" "$3"
