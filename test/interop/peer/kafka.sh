#!/usr/bin/env bash
# Real Apache Kafka as a peer: install it from Maven Central, start and stop one combined node, run its tools.
#   kafka.sh install                         into $KAFKA_PEER (default ~/.cache/millrace-interop/kafka-peer); needs java 17 and mvn
#   kafka.sh start DIR PORT [extra.properties]   formats DIR on the first start, returns when the port answers; pid in DIR/pid
#   kafka.sh run DIR PORT [extra.properties]     the same in the foreground, output to the caller's
#   kafka.sh stop DIR | kill DIR             SIGTERM and wait | SIGKILL
#   kafka.sh tools                           names that can be run
#   kafka.sh NAME args…                      a tool by its name without .sh: kafka-topics, kafka-producer-perf-test …
#   kafka.sh class org.apache.… args…        any class on the path, $CLASSPATH added
#   kafka.sh shims FOLDER                    writes FOLDER/bin/NAME.sh for every tool, for suites that want a KAFKA_HOME
# HEAP (default 1g) sets the broker's heap, TOOL_HEAP (512m) a tool's, KAFKA_OPTS is added to both.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${KAFKA_PEER:-${INTEROP_CACHE:-$HOME/.cache/millrace-interop}/kafka-peer}
libs=$home/libs

# Kafka wants a logging backend and a configuration; warnings only, to stderr
log4j=$home/log4j2.properties
declare -A tool=(
  [kafka-topics]=org.apache.kafka.tools.TopicCommand
  [kafka-configs]=kafka.admin.ConfigCommand
  [kafka-acls]=org.apache.kafka.tools.AclCommand
  [kafka-console-producer]=org.apache.kafka.tools.ConsoleProducer
  [kafka-console-consumer]=org.apache.kafka.tools.consumer.ConsoleConsumer
  [kafka-console-share-consumer]=org.apache.kafka.tools.consumer.ConsoleShareConsumer
  [kafka-consumer-groups]=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand
  [kafka-share-groups]=org.apache.kafka.tools.consumer.group.ShareGroupCommand
  [kafka-streams-groups]=org.apache.kafka.tools.streams.StreamsGroupCommand
  [kafka-groups]=org.apache.kafka.tools.GroupsCommand
  [kafka-consumer-perf-test]=org.apache.kafka.tools.ConsumerPerformance
  [kafka-share-consumer-perf-test]=org.apache.kafka.tools.ShareConsumerPerformance
  [kafka-producer-perf-test]=org.apache.kafka.tools.ProducerPerformance
  [kafka-e2e-latency]=org.apache.kafka.tools.EndToEndLatency
  [kafka-verifiable-producer]=org.apache.kafka.tools.VerifiableProducer
  [kafka-verifiable-consumer]=org.apache.kafka.tools.VerifiableConsumer
  [kafka-verifiable-share-consumer]=org.apache.kafka.tools.VerifiableShareConsumer
  [kafka-broker-api-versions]=org.apache.kafka.tools.BrokerApiVersionsCommand
  [kafka-client-metrics]=org.apache.kafka.tools.ClientMetricsCommand
  [kafka-cluster]=org.apache.kafka.tools.ClusterTool
  [kafka-delegation-tokens]=org.apache.kafka.tools.DelegationTokenCommand
  [kafka-delete-records]=org.apache.kafka.tools.DeleteRecordsCommand
  [kafka-dump-log]=org.apache.kafka.tools.DumpLogSegments
  [kafka-features]=org.apache.kafka.tools.FeatureCommand
  [kafka-get-offsets]=org.apache.kafka.tools.GetOffsetShell
  [kafka-leader-election]=org.apache.kafka.tools.LeaderElectionCommand
  [kafka-log-dirs]=org.apache.kafka.tools.LogDirsCommand
  [kafka-metadata-quorum]=org.apache.kafka.tools.MetadataQuorumCommand
  [kafka-metadata-shell]=org.apache.kafka.shell.MetadataShell
  [kafka-reassign-partitions]=org.apache.kafka.tools.reassign.ReassignPartitionsCommand
  [kafka-replica-verification]=org.apache.kafka.tools.ReplicaVerificationTool
  [kafka-storage]=kafka.tools.StorageTool
  [kafka-streams-application-reset]=org.apache.kafka.tools.StreamsResetter
  [kafka-transactions]=org.apache.kafka.tools.TransactionsCommand
  [transactional-message-copier]=org.apache.kafka.tools.TransactionalMessageCopier
  [connect-standalone]=org.apache.kafka.connect.cli.ConnectStandalone
  [connect-distributed]=org.apache.kafka.connect.cli.ConnectDistributed
)
java_run() { # heap class args…
  local heap=$1; shift
  exec java -Xmx"$heap" ${KAFKA_OPTS:-} ${archive:+-XX:SharedArchiveFile="$archive"} -Dlog4j2.configurationFile="$log4j" -cp "$libs/*${CLASSPATH:+:$CLASSPATH}" "$@"
}
install() {
  [ -f "$libs/.done" ] && return
  mkdir -p "$libs"
  mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$libs"
  cat > "$log4j" <<'L'
appender.err.type = Console
appender.err.name = err
appender.err.target = SYSTEM_ERR
appender.err.layout.type = PatternLayout
appender.err.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = WARN
rootLogger.appenderRef.err.ref = err
L
  # the classes of a tool, ready-made: a third less time for each start; without the archive everything works the same
  echo default.api.timeout.ms=1000 > "$home/nobody.properties"
  (KAFKA_OPTS="-XX:ArchiveClassesAtExit=$home/tools.jsa" java_run 256m "${tool[kafka-topics]}" --list \
    --bootstrap-server 127.0.0.1:1 --command-config "$home/nobody.properties") > "$home/archive.log" 2>&1 || true
  touch "$libs/.done"
}
tool_run() { # class args…
  local archive=$home/tools.jsa; [ -f "$archive" ] || archive=
  java_run "${TOOL_HEAP:-512m}" "$@"
}
prepare() { # DIR PORT [extra], sets dir
  dir=$1
  local port=$2 extra=${3:-/dev/null}
  mkdir -p "$dir"; dir=$(cd "$dir" && pwd)
  cat > "$dir/server.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=PLAINTEXT://localhost:$port,CONTROLLER://localhost:$((port + 1))
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$dir/data
num.partitions=1
auto.create.topics.enable=true
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
P
  cat "$extra" >> "$dir/server.properties"   # a later line wins
  if [ ! -f "$dir/data/meta.properties" ]; then
    (java_run 256m kafka.tools.StorageTool format --standalone -t "$(java_run 256m kafka.tools.StorageTool random-uuid)" -c "$dir/server.properties") > "$dir/format.log" 2>&1
  fi
}
serve() { java_run "${HEAP:-1g}" -XX:+UseG1GC -Xms"${HEAP:-1g}" -Dkafka.logs.dir="$1" kafka.Kafka "$1/server.properties"; }
start() { # DIR PORT [extra]
  local dir port=$2; prepare "$@"
  (serve "$dir") > "$dir/out.log" 2>&1 < /dev/null &
  echo $! > "$dir/pid"
  for _ in $(seq 600); do
    (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && return
    kill -0 "$(cat "$dir/pid")" 2> /dev/null || { tail -5 "$dir/out.log" >&2; exit 1; }
    sleep 0.1
  done
  echo "no answer on $port after 60 s" >&2; exit 1
}
end() { # signal DIR
  local pid; pid=$(cat "$2/pid"); kill "-$1" "$pid" 2> /dev/null || true
  while kill -0 "$pid" 2> /dev/null; do sleep 0.1; done; rm -f "$2/pid"
}
case ${1:-} in
  install) install ;;
  start) shift; start "$@" ;;
  run) shift; prepare "$@"; serve "$dir" ;;
  stop) end TERM "$2" ;;
  kill) end KILL "$2" ;;
  tools) printf '%s\n' "${!tool[@]}" | sort ;;
  class) shift; tool_run "$@" ;;
  shims)
    mkdir -p "$2/bin"
    printf '#!/bin/sh\nexec "%s" class "$@"\n' "$here/kafka.sh" > "$2/bin/kafka-run-class.sh"; chmod +x "$2/bin/kafka-run-class.sh"
    for name in "${!tool[@]}"; do printf '#!/bin/sh\nexec "%s" %s "$@"\n' "$here/kafka.sh" "$name" > "$2/bin/$name.sh"; chmod +x "$2/bin/$name.sh"; done ;;
  *) [ -n "${tool[${1:-}]:-}" ] || { sed -n '2,12p' "${BASH_SOURCE[0]}" >&2; exit 2; }
     class=${tool[$1]}; shift; tool_run "$class" "$@" ;;
esac
