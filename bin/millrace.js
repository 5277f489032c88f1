#!/usr/bin/env node
// The program's front door, in words that an old Node understands too. Where the project has set its own Node up, any Node from 18 on opens it.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const fileAt = path => fileURLToPath(new URL(path, import.meta.url))
const ownNode = fileAt('../node_modules/.bin/node')
const [major] = process.versions.node.split('.').map(Number)

if (!existsSync(fileAt('../dist/main.js'))) refuse("is not built yet: 'npm start' builds it")
else if (major < 24 && !existsSync(ownNode)) refuse(`needs Node 24 or newer, this is ${process.versions.node}`)
else if (major < 24) runInOwnNode()
else {
  module.enableCompileCache?.()
  await import('../dist/main.js')
}

function refuse(why) {
  process.stderr.write(`millrace: ${why}\n`)
  process.exitCode = 1
}

function runInOwnNode() {
  const child = spawn(ownNode, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  // A terminal sends Ctrl-C to both of them, and a second one would end a command at once.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
