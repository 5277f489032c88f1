#!/bin/sh
exec ../../java/install.sh java-4
