#!/bin/sh
set -e
../../java/install.sh java-4
exec ../../scenarios/build.sh streams streams-java compile dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=libs
