#!/bin/sh
"$(dirname "$0")/../../peer/kafka.sh" install && exit 0
echo "needs java 17, Maven and Apache Kafka from Maven Central" >&2
exit 77
