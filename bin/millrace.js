#!/usr/bin/env node
// The program's front door, in words that an old Node understands too.
import module from 'node:module'

const [major] = process.versions.node.split('.').map(Number)
if (major < 24) {
  process.stderr.write(`millrace: needs Node 24 or newer, this is ${process.versions.node}\n`)
  process.exit(1)
}
module.enableCompileCache?.()
await import('../dist/main.js')
