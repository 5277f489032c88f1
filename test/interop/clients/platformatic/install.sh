#!/bin/sh
set -eu
. "$(dirname "$0")/../../lib/install.sh"
unless_installed "$here/package-lock.json"
npm_install
installed
