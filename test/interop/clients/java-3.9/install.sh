#!/bin/sh
exec ../../java/install.sh java-3.9
