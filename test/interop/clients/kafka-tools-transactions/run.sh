#!/bin/sh
node=../../../../node_modules/.bin/node
[ -x "$node" ] || node=node
exec "$node" tools.ts "$@"
