/** What reaches the device before which answer, by the system calls of a process that is watched, and what a sync costs that fails. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createLogger, silentLogger } from '@millrace/base'
import { nodeFileSystem } from '../disk/node-file-system.ts'
import { StorageError } from '../engine.ts'
import type { FileSystem, OpenFile } from '../file-system.ts'
import { putOffset } from './catalog-samples.ts'
import { openSqliteCatalog } from './sqlite-catalog.ts'

function newPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-catalog-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'catalog.db')
}

const canTrace = process.platform === 'linux' && spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0

/** Runs STEPS against a catalog, and says on stdout how each of them went. */
const writer = `
  const { writeSync } = await import('node:fs')
  const { openSqliteCatalog } = await import(process.env.CATALOG_MODULE)
  const logger = { debug() {}, info() {}, warn() {}, error() {} }
  const catalog = openSqliteCatalog({ path: process.env.CATALOG_PATH, nodeId: 1, logger })
  const offset = at => ({ topic: 't', partition: 0, offset: at, leaderEpoch: -1, metadata: '', commitTimestampMs: 0, expireTimestampMs: -1 })
  const topic = { id: 'AAAAAAAAAAAAAAAAAAAAAQ', name: 't', partitionCount: 1, createdMs: 1 }
  const steps = {
    plain: () => catalog.write([{ kind: 'putOffset', groupId: 'g', offset: offset(1) }]),
    vital: () => catalog.write([{ kind: 'putOffset', groupId: 'g', offset: offset(2) }], { isVital: true }),
    topic: () => catalog.write([{ kind: 'createTopic', topic }]),
    ids: () => catalog.allocateProducerIds(1),
  }
  writeSync(1, 'step open\\n')
  for (const name of process.env.STEPS.split(' '))
    writeSync(1, 'step ' + name + ' ' + await steps[name]().then(() => 'done', error => error.code) + '\\n')
  process.kill(process.pid, 'SIGKILL')
`

interface Trace {
  /** How often it called fsync before it was open. */
  readonly openingCount: number
  /** The answers and the syncs of the write-ahead log in between, in order. */
  readonly events: readonly string[]
}

async function traced(t: TestContext, steps: string, inject: readonly string[] = []): Promise<Trace> {
  const path = newPath(t)
  const trace = `${path}.trace`
  const node = [process.execPath, '--conditions=source', '--input-type=module', '--eval', writer]
  const traceOptions = ['-f', '-y', '-s', '80', '-o', trace, '-e', 'trace=fdatasync,fsync,write', ...inject]
  const child = spawn('strace', [...traceOptions, ...node], {
    env: {
      ...process.env,
      CATALOG_PATH: path,
      CATALOG_MODULE: new URL('./sqlite-catalog.ts', import.meta.url).href,
      STEPS: steps,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  await once(child, 'close')
  const lines = readFileSync(trace, 'utf8').split('\n')
  const opened = lines.findIndex(line => line.includes('"step open'))
  const events = lines.slice(opened + 1).flatMap(line => {
    const answer = /write\(1.*"step (.*)\\n"/.exec(line)
    if (answer !== null) return [answer[1]!]
    return /(fdatasync|fsync)\(\d+<[^>]*-wal>/.test(line) ? ['sync'] : []
  })
  return { openingCount: lines.slice(0, opened).filter(line => line.includes(' fsync(')).length, events }
}

test('the write-ahead log is synced before what is vital is answered, and for nothing else (Linux, with strace)', {
  skip: !canTrace,
  timeout: 60_000,
}, async t => {
  const { events } = await traced(t, 'plain vital plain topic ids plain')
  assert.deepEqual(events, [
    ...['plain done', 'sync', 'vital done', 'plain done', 'sync', 'topic done', 'sync', 'ids done', 'plain done'],
  ])
})

for (const step of ['vital', 'topic'])
  test(`a sync that the kernel refuses once is not tried again, and nothing is written after it (${step}; Linux, with strace)`, {
    skip: !canTrace,
    timeout: 60_000,
  }, async t => {
    const { openingCount } = await traced(t, 'plain')
    // SQLite calls fsync within its commit, and fdatasync is ours.
    const refused = step === 'vital' ? 'fdatasync:error=EIO:when=1' : `fsync:error=EIO:when=${openingCount + 1}`
    const { events } = await traced(t, `plain ${step} plain vital topic ids`, ['-e', `inject=${refused}`])
    assert.deepEqual(events, [
      ...['plain done', 'sync', `${step} UNAVAILABLE`],
      ...['plain UNAVAILABLE', 'vital UNAVAILABLE', 'topic UNAVAILABLE', 'ids UNAVAILABLE'],
    ])
  })

/** The machine's own, whose syncs wait for `held` and go wrong while `isFailing`. */
function failingSyncs(): { readonly fs: FileSystem; isFailing: boolean; held: Promise<void>; count: number } {
  const faults = {
    isFailing: false,
    held: Promise.resolve(),
    count: 0,
    fs: {
      ...nodeFileSystem,
      open: ((path: string, mode: 'write') => {
        const file = nodeFileSystem.open(path, mode)
        if (file === undefined) return undefined
        const sync = async (): Promise<void> => {
          faults.count++
          await faults.held
          if (faults.isFailing) throw new StorageError('IO', `${path}: the device is gone`)
          await file.sync()
        }
        return { sync, close: () => file.close() } as OpenFile
      }) as FileSystem['open'],
    },
  }
  return faults
}

test('after a failed sync the operator is told once what to do, and the next start finds what was acknowledged', async t => {
  const path = newPath(t)
  const lines: string[] = []
  const logger = createLogger({ level: 'info', format: 'json', write: line => lines.push(line) })
  const faults = failingSyncs()
  const first = openSqliteCatalog({ path, nodeId: 1, logger, fs: faults.fs, durable: true })
  await first.write([putOffset('g', 0, 1)])
  faults.isFailing = true
  const refused = [first.write([putOffset('g', 0, 2)]), first.write([putOffset('g', 1, 2)])]
  for (const write of refused) await assert.rejects(write, { code: 'UNAVAILABLE', message: /then restart it/ })
  faults.isFailing = false
  await assert.rejects(first.write([putOffset('g', 0, 3)]), { code: 'UNAVAILABLE', message: /then restart it/ })
  await assert.rejects(first.allocateProducerIds(1), { code: 'UNAVAILABLE' })
  assert.equal(faults.count, 2)
  assert.equal(lines.length, 1)
  first.close()
  const second = openSqliteCatalog({ path, nodeId: 1, logger: silentLogger })
  t.after(() => second.close())
  const [group] = await second.loadGroups()
  assert([1, 2].includes(group!.offsets[0]!.offset), 'what was acknowledged, or what was in doubt')
  await second.write([putOffset('g', 0, 4)], { isVital: true })
})

test('all that is written while a sync runs shares the next one', async t => {
  const faults = failingSyncs()
  const catalog = openSqliteCatalog({ path: newPath(t), nodeId: 1, logger: silentLogger, fs: faults.fs })
  t.after(() => catalog.close())
  const held = Promise.withResolvers<void>()
  faults.held = held.promise
  const writes: Promise<void>[] = []
  for (let turn = 0; turn < 100; turn++) {
    writes.push(catalog.write([putOffset('g', turn, 1)], { isVital: true }))
    await new Promise(resolve => setImmediate(resolve))
  }
  held.resolve()
  await Promise.all(writes)
  assert.equal(faults.count, 2)
})
