#!/bin/sh
# build.sh: the program against the jars of the interop suite's Java client. Exit status 77: it cannot be had here.
set -eu
command -v javac > /dev/null || { echo "needs a JDK (17 or newer)" >&2; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
"$here/../../../interop/java/install.sh" java-4
cache=${INTEROP_CACHE:-$HOME/.cache/millrace-interop}
mkdir -p "$cache/soak-java"
javac -nowarn --release 17 -cp "$cache/java-4/libs/*" -d "$cache/soak-java" "$here"/soak/*.java
