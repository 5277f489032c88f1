/** `bin/millrace.js` as somebody starts it whose Node is older than the program wants. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'

const root = mkdtempSync(join(tmpdir(), 'millrace-bin-'))
after(() => rmSync(root, { recursive: true }))

const frontDoor = join(import.meta.dirname, '../../bin/millrace.js')
/** Only the process that is started with it takes itself for an old one. */
const pretendOld =
  "data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.9.0'}})"

interface Checkout {
  readonly main?: string
  readonly hasOwnNode?: boolean
}

function checkout(name: string, { main, hasOwnNode = false }: Checkout): string {
  const folder = join(root, name)
  mkdirSync(join(folder, 'bin'), { recursive: true })
  cpSync(frontDoor, join(folder, 'bin/millrace.js'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  if (main !== undefined) {
    mkdirSync(join(folder, 'dist'))
    writeFileSync(join(folder, 'dist/main.js'), main)
  }
  if (hasOwnNode) {
    mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true })
    symlinkSync(process.execPath, join(folder, 'node_modules/.bin/node'))
  }
  return join(folder, 'bin/millrace.js')
}

const startOld = (program: string, ...args: string[]): ChildProcess =>
  spawn(process.execPath, ['--import', pretendOld, program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })

async function endOf(child: ChildProcess) {
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'exit')])
  return { status: child.exitCode, stdout, stderr }
}

test('an old Node hands over to the one that was set up, with arguments and exit status', async () => {
  const program = checkout('handed-over', {
    main: 'console.log(process.versions.node, ...process.argv.slice(2)); process.exitCode = 7',
    hasOwnNode: true,
  })
  const { status, stdout, stderr } = await endOf(startOld(program, 'topic', 'list'))
  assert.equal(stderr, '')
  assert.equal(stdout, `${process.versions.node} topic list\n`)
  assert.equal(status, 7)
})

test('signals reach the program through the old Node', async () => {
  const program = checkout('signals', {
    main: "process.on('SIGTERM', () => process.exit(3)); setInterval(() => {}, 1000); console.log('ready')",
    hasOwnNode: true,
  })
  const child = startOld(program)
  await once(child.stdout!, 'data')
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [3, null])
})

test('without a newer Node, and without a build, it says so in one sentence', async () => {
  const old = await endOf(startOld(checkout('no-node', { main: '' })))
  assert.deepEqual(old, { status: 1, stdout: '', stderr: 'millrace: needs Node 24 or newer, this is 20.9.0\n' })
  const unbuilt = await endOf(startOld(checkout('no-build', {})))
  assert.deepEqual(unbuilt, {
    status: 1,
    stdout: '',
    stderr: "millrace: is not built yet: 'npm start' builds it\n",
  })
})
