#!/bin/sh
cache=${INTEROP_CACHE:-$HOME/.cache/millrace-interop}
exec java -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$cache/soak-java:$cache/java-4/libs/*" soak.SoakClient "$@"
