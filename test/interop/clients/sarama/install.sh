#!/bin/sh
set -eu
. "$(dirname "$0")/../../lib/install.sh"
go_build
