#!/bin/sh
set -eu
. "$(dirname "$0")/../../lib/install.sh"
needs python3
made_with="python3 -V"
unless_installed "$here/requirements.txt"
pip_install "$here/requirements.txt"
installed
