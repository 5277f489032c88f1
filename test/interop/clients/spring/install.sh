#!/bin/sh
../kafka-tools/install.sh || exit
exec ../../scenarios/build.sh spring spring package
