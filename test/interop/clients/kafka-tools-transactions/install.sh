#!/bin/sh
cd ../kafka-tools && exec ./install.sh
