#!/bin/sh
# Builds librdkafka too, which takes minutes; the binary is kept.
set -eu
. "$(dirname "$0")/../../lib/install.sh"
needs cargo cc c++ make
unless_installed "$here"/src/*.rs "$here/Cargo.toml" "$here/Cargo.lock"
try 'cargo build' cargo build --release --locked --manifest-path "$here/Cargo.toml" --target-dir "$cache/target"
cp "$cache/target/release/interop-rdkafka" "$cache/client"
installed
