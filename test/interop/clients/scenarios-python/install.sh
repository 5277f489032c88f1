#!/bin/sh
# Both the newest kafka-python and 2.0.2: the programs are to run with either.
set -eu
. "$(dirname "$0")/../../lib/install.sh"
needs python3
made_with="python3 -V"
unless_installed "$here/../kafka-python/requirements.txt" "$here/../kafka-python-2.0.2/requirements.txt" "$here/sitecustomize.py"
pip_install "$here/../kafka-python-2.0.2/requirements.txt"
rm -rf "$cache/packages-2.0.2"
mv "$cache/packages" "$cache/packages-2.0.2"
cp "$here/sitecustomize.py" "$cache/packages-2.0.2/"
pip_install "$here/../kafka-python/requirements.txt"
installed
