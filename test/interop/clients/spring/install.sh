#!/bin/sh
set -e
../../peer/kafka.sh install
exec ../../scenarios/build.sh spring spring package
