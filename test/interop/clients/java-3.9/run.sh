#!/bin/sh
exec ../../java/run.sh java-3.9 "$@"
