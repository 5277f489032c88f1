# Sourced by each client's install.sh, after `set -eu`. Sets `name`, `here` (the client's folder), `lib` and `cache`
# (where the client is put). Exit 77 says that the client cannot be had on this machine.
here=$(cd "$(dirname "$0")" && pwd)
name=$(basename "$here")
lib=$(cd "$here/../../lib" && pwd)
cache=${INTEROP_CACHE:-$HOME/.cache/millrace-interop}/$name
mkdir -p "$cache"

missing() {
  echo "$name: $1" >&2
  exit 77
}

needs() {
  for tool in "$@"; do
    command -v "$tool" > /dev/null || missing "$tool is not on this machine"
  done
}

# unless_installed FILE…: ends the script when the last installation was made from these same files, and with the same
# answer of the command in `made_with`, if that is set.
unless_installed() {
  stamp=$({ cat "$0" "$@" && ${made_with:-true}; } | cksum)
  if [ "$(cat "$cache/.installed" 2> /dev/null)" = "$stamp" ]; then exit 0; fi
  rm -f "$cache/.installed"
}

installed() {
  echo "$stamp" > "$cache/.installed"
}

# try WHAT COMMAND…: runs the command; when it fails, keeps what it said and exits 77.
try() {
  what=$1
  shift
  if ! "$@" > "$cache/install.out" 2>&1; then
    missing "$what failed: $(tail -n 1 "$cache/install.out") (all of it in $cache/install.out)"
  fi
}

# For Python: packages into a folder of their own, so that neither a venv nor the machine's packages matter.
pip_install() { # requirements.txt
  rm -rf "$cache/packages"
  try 'pip install' python3 -m pip install --quiet --disable-pip-version-check --no-compile --target "$cache/packages" -r "$1"
}

# For Node: what the client's package-lock.json names.
npm_install() {
  needs npm
  cp "$here/package.json" "$here/package-lock.json" "$cache/"
  try 'npm ci' npm ci --prefix "$cache" --ignore-scripts --no-audit --no-fund
}

# For Go: the client's program, built in the module that all Go clients share.
go_build() {
  needs go
  unless_installed "$here"/*.go "$lib"/scenario/*.go "$lib/../go.sum"
  cd "$lib/.."
  try 'go build' go build -o "$cache/client" "./clients/$name"
  installed
}
