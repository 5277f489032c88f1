#!/bin/sh
set -e
../../java/install.sh streams-check 4.4.0
exec ../../scenarios/build.sh streams streams-java compile dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=libs
