#!/bin/sh
set -eu
. "$(dirname "$0")/../../lib/install.sh"
unless_installed "$here/requirements.txt"
pip_install "$here/requirements.txt"
installed
