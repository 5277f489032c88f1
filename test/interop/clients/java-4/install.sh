#!/bin/sh
exec ../../java/install.sh java-4 4.4.0
