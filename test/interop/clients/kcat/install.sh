#!/bin/sh
set -eu
. "$(dirname "$0")/../../lib/install.sh"
needs python3
command -v kcat > /dev/null && exit 0
needs apt-get
as_root=
[ "$(id -u)" = 0 ] || { needs sudo; as_root='sudo -n'; }
if ! $as_root apt-get install -y -q kcat > "$cache/install.out" 2>&1; then
  try 'apt-get update' $as_root apt-get update -q
  try 'apt-get install kcat' $as_root apt-get install -y -q kcat
fi
