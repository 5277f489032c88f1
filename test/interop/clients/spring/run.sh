#!/usr/bin/env bash
# The Spring application as its user wrote it: ten application events go to event_topic, its own listener hears them and it ends.
bootstrap=$1
export TOOL_HEAP=128m
app=${INTEROP_CACHE:-$HOME/.cache/millrace-interop}/spring/target/events-1.jar
tool() { ../../peer/kafka.sh "$1" --bootstrap-server "$bootstrap" "${@:2}"; }
wanted=$(seq 0 9 | sed 's/^/order /')
tool kafka-topics --delete --if-exists --topic event_topic > /dev/null 2>&1   # of an earlier run against the same broker
tool kafka-consumer-groups --delete --group shop > /dev/null 2>&1
said=$(timeout 80 java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -jar "$app" --spring.kafka.bootstrap-servers="$bootstrap" 2>&1); status=$?
heard=$(sed -n 's/^heard //p' <<< "$said" | sort)
failures=0
check() { # scenario, what it got
  if [ "$2" = "$wanted" ]; then echo "ok $1"; else echo "not ok $1: got $(tr '\n' ',' <<< "$2") (status $status)"; failures=1; fi
}
check listener "$heard"
check events "$(tool kafka-console-consumer --topic event_topic --partition 0 --offset earliest --timeout-ms 5000 2> /dev/null | sort)"
lag=$(tool kafka-consumer-groups --describe --group shop 2> /dev/null | awk '$2 == "event_topic" { print $4, $5, $6 }')
if [ "$lag" = '10 10 0' ]; then echo 'ok committed'; else echo "not ok committed: offsets of the group shop are $lag"; failures=1; fi
[ $failures = 0 ] || echo "$said" >&2
exit $failures
