#!/bin/sh
# Makes ../vectors.jsonl.gz anew from Apache Kafka's own classes. Needs JDK 17 or newer and Maven; the work folder is $1 or a temporary one.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$(mktemp -d)}
node=$here/../../../../node_modules/.bin/node
mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$work/libs"
javac -nowarn --release 17 -cp "$work/libs/*" -d "$work/classes" "$here"/src/vectors/*.java
keys=$("$node" --conditions=source --input-type=module -e "
  const { apis } = await import('$here/../../src/apis/all.ts')
  console.log(apis.map(api => api.key).join(' '))")
# shellcheck disable=SC2086
java -cp "$work/classes:$work/libs/*" vectors.Main "$here/../vectors.jsonl.gz" 20261124 $keys
