#!/bin/sh
exec ../../java/run.sh java-4 "$@"
