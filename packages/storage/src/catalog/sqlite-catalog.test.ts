import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { createLogger, silentLogger } from '@millrace/base'
import type { OwnedCatalog } from './catalog.ts'
import { catalogConformance } from './catalog-conformance.ts'
import { contentsOf, orders, putOffset, setConfig } from './catalog-samples.ts'
import { openSqliteCatalog, type SqliteCatalogOptions } from './sqlite-catalog.ts'
import { SCHEMA_VERSION } from './sqlite-schema.ts'

function newPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-catalog-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'catalog.db')
}

function open(t: TestContext, path: string, options: Partial<SqliteCatalogOptions> = {}): OwnedCatalog {
  const catalog = openSqliteCatalog({ path, nodeId: 1, logger: silentLogger, ...options })
  t.after(() => catalog.close())
  return catalog
}

/** Counts the commits that the write-ahead log holds: a frame that ends one carries the size of the database. */
function commitsIn(path: string): number {
  const wal = readFileSync(`${path}-wal`)
  const frameBytes = 24 + wal.readUInt32BE(8)
  let count = 0
  for (let at = 32; at + frameBytes <= wal.length; at += frameBytes) if (wal.readUInt32BE(at + 4) !== 0) count++
  return count
}

catalogConformance('SQLite', { open: t => open(t, newPath(t)) })
catalogConformance('durable SQLite', { open: t => open(t, newPath(t), { durable: true }) })

test('all of it is there after the file is closed and opened again', async t => {
  const path = newPath(t)
  const first = open(t, path)
  await first.write([
    { kind: 'createTopic', topic: orders },
    setConfig('topic', 'orders', 'retention.ms', '1'),
    { kind: 'putGroup', groupId: 'g', value: Buffer.from('members') },
    putOffset('g', 0, 5),
  ])
  const { clusterId } = first
  const before = await contentsOf(first)
  const block = await first.allocateProducerIds(1000)
  first.close()
  const second = open(t, path)
  assert.equal(second.clusterId, clusterId)
  assert.deepEqual(await contentsOf(second), before)
  assert.equal((await second.allocateProducerIds(1)).first, block.first + 1000)
})

test('all writes of one turn are one commit', async t => {
  const path = newPath(t)
  const catalog = open(t, path)
  const before = commitsIn(path)
  await Promise.all(Array.from({ length: 100 }, (_, i) => catalog.write([putOffset('g', i, i)])))
  assert.equal(commitsIn(path), before + 1)
  await catalog.write([putOffset('g', 0, 1)])
  assert.equal(commitsIn(path), before + 2)
})

test('a file opened as the same node by another fences the first, for good', async t => {
  const path = newPath(t)
  const first = open(t, path)
  await first.write([putOffset('g', 0, 1)])
  const second = open(t, path)
  let told = 0
  first.subscribe(() => told++)
  const writes = [
    first.write([putOffset('g', 0, 2)]),
    first.write([putOffset('g', 1, 2)]),
    first.allocateProducerIds(1),
  ]
  for (const write of writes) await assert.rejects(write, { name: 'CatalogError', code: 'FENCED' })
  assert.equal(told, 0)
  second.close()
  await assert.rejects(first.write([putOffset('g', 0, 3)]), { code: 'FENCED' })
  assert.equal((await open(t, path).loadGroups())[0]?.offsets[0]?.offset, 1)
})

test('another node does not fence', async t => {
  const path = newPath(t)
  const first = open(t, path)
  open(t, path, { nodeId: 2 })
  await first.write([putOffset('g', 0, 2)])
})

test('a file keeps the cluster id it was made with and refuses another', t => {
  const path = newPath(t)
  open(t, path, { clusterId: 'MkU3OEVBNTcwNTJENDM2Qk' }).close()
  assert.equal(open(t, path).clusterId, 'MkU3OEVBNTcwNTJENDM2Qk')
  assert.throws(() => open(t, path, { clusterId: 'another' }), { name: 'StorageError', code: 'INCOMPATIBLE', path })
})

test('a full disk makes writes UNAVAILABLE, keeps what was there and is over when there is room', async t => {
  const lines: string[] = []
  const logger = createLogger({ level: 'info', format: 'json', write: line => lines.push(line) })
  const catalog = open(t, newPath(t), { sizeBytesMax: 128 * 1024, logger })
  const value = Buffer.alloc(60_000, 1)
  await catalog.write([{ kind: 'putGroup', groupId: 'kept', value }])
  for (const groupId of ['a', 'b'])
    await assert.rejects(catalog.write([putOffset(groupId, 0, 1), { kind: 'putGroup', groupId, value }]), error => {
      assert.ok(error instanceof Error && 'code' in error && error.cause instanceof Error && 'code' in error.cause)
      assert.equal(error.code, 'UNAVAILABLE')
      assert.equal(error.cause.code, 'DISK_FULL')
      return true
    })
  assert.equal(lines.length, 1)
  assert.deepEqual(
    (await catalog.loadGroups()).map(group => group.groupId),
    ['kept'],
  )
  await catalog.write([{ kind: 'deleteGroup', groupId: 'kept' }])
  await catalog.write([{ kind: 'putGroup', groupId: 'a', value }])
  assert.deepEqual(
    (await catalog.loadGroups()).map(group => group.groupId),
    ['a'],
  )
})

test('a file that is locked for long makes writes UNAVAILABLE until the lock is gone', async t => {
  const path = newPath(t)
  const catalog = open(t, path)
  const other = new DatabaseSync(path)
  t.after(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  await assert.rejects(catalog.write([putOffset('g', 0, 1)]), { code: 'UNAVAILABLE' })
  other.exec('ROLLBACK')
  await catalog.write([putOffset('g', 0, 1)])
})

test('a file that is no database is CORRUPT, and the error names it and a way out', t => {
  const path = newPath(t)
  writeFileSync(path, 'not a database at all, but long enough to have a header of one hundred bytes '.repeat(100))
  assert.throws(
    () => open(t, path),
    error => {
      assert.ok(error instanceof Error && 'code' in error)
      assert.equal(error.code, 'CORRUPT')
      assert.ok(error.message.includes(path) && error.message.includes('backup'), error.message)
      return true
    },
  )
})

test('a damaged or shortened file is CORRUPT', async t => {
  for (const damage of [overwriteMiddle, halve]) {
    const path = newPath(t)
    const catalog = open(t, path)
    await catalog.write(Array.from({ length: 2000 }, (_, i) => putOffset('g', i, i)))
    catalog.close()
    damage(path)
    assert.throws(() => open(t, path), { name: 'StorageError', code: 'CORRUPT', path })
  }
})

function overwriteMiddle(path: string): void {
  const bytes = readFileSync(path)
  bytes.fill(0x5a, bytes.length >> 1, (bytes.length >> 1) + 8192)
  writeFileSync(path, bytes)
}

function halve(path: string): void {
  truncateSync(path, statSync(path).size >> 1)
}

test('a folder that does not exist is an IO error that names the file', t => {
  const path = join(newPath(t), 'nowhere', 'catalog.db')
  assert.throws(() => open(t, path), { name: 'StorageError', code: 'IO', path })
})

test('an empty file becomes a catalog of the newest schema version', async t => {
  const path = newPath(t)
  writeFileSync(path, '')
  await open(t, path).write([{ kind: 'createTopic', topic: orders }])
  const db = new DatabaseSync(path)
  t.after(() => db.close())
  assert.equal(db.prepare('PRAGMA user_version').get()?.user_version, SCHEMA_VERSION)
})

test('a file of version 1 is brought up, with all that was in it', async t => {
  const path = newPath(t)
  const db = new DatabaseSync(path)
  db.exec(readFileSync(new URL('./fixtures/catalog-v1.sql', import.meta.url), 'utf8'))
  db.close()
  const catalog = open(t, path)
  assert.equal(catalog.clusterId, 'MkU3OEVBNTcwNTJENDM2Qk')
  const { topics, configs, features } = await catalog.load()
  assert.deepEqual(
    topics.map(({ name, partitionCount }) => [name, partitionCount]),
    [['orders', 3]],
  )
  assert.deepEqual(
    configs.map(({ name, value }) => [name, value]),
    [['retention.ms', '1']],
  )
  assert.deepEqual(features, { levels: [{ name: 'transaction.version', level: 2 }], epoch: 0 })
  assert.deepEqual(await catalog.loadTransactions(), [])
  const groups = (await catalog.loadGroups()).map(g => [g.groupId, g.value?.length, g.offsets.length, g.pending.length])
  assert.deepEqual(groups, [
    ['members', 3, 0, 0],
    ['simple', undefined, 1, 0],
  ])
  assert.equal((await catalog.allocateProducerIds(1)).first, 2000)
  await catalog.write([{ kind: 'putTransaction', transactionalId: 't', value: Buffer.from('1') }])
})

test('a file of a newer schema version is refused and left as it was', t => {
  const path = newPath(t)
  open(t, path).close()
  const db = new DatabaseSync(path)
  db.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`)
  db.close()
  const before = readFileSync(path)
  assert.throws(() => open(t, path), { name: 'StorageError', code: 'INCOMPATIBLE', path })
  assert.deepEqual(readFileSync(path), before)
})

test('a database of another program is refused and left as it was', t => {
  const path = newPath(t)
  const db = new DatabaseSync(path)
  db.exec('CREATE TABLE theirs (a)')
  db.close()
  const before = readFileSync(path)
  assert.throws(() => open(t, path), { name: 'StorageError', code: 'INCOMPATIBLE', path })
  assert.deepEqual(readFileSync(path), before)
})

/** Writes groups of rows that must agree, and says after each acknowledgement how far it is. */
const writer = `
  const { openSqliteCatalog } = await import(process.env.CATALOG_MODULE)
  const logger = { debug() {}, info() {}, warn() {}, error() {} }
  const catalog = openSqliteCatalog({ path: process.env.CATALOG_PATH, nodeId: 1, logger })
  const offset = (partition, offset) => ({
    kind: 'putOffset', groupId: 'g',
    offset: { topic: 't', partition, offset, leaderEpoch: -1, metadata: 'm'.repeat(200), commitTimestampMs: 0, expireTimestampMs: -1 },
  })
  for (let i = 1; ; i++) {
    await catalog.write(Array.from({ length: 50 }, (_, partition) => offset(partition, i)))
    process.stdout.write(i + '\\n')
  }
`

test('a process killed while it writes leaves all or nothing of each write, and all that was acknowledged', {
  timeout: 60_000,
}, async t => {
  const path = newPath(t)
  open(t, path).close()
  for (let round = 0; round < 3; round++) {
    const child = spawn(process.execPath, ['--conditions=source', '--input-type=module', '--eval', writer], {
      env: { ...process.env, CATALOG_PATH: path, CATALOG_MODULE: new URL('./sqlite-catalog.ts', import.meta.url).href },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.after(() => child.kill('SIGKILL'))
    const closed = once(child, 'close')
    let acknowledged = 0
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Number(line)
      if (acknowledged >= 20 + round * 37) child.kill('SIGKILL')
    }
    await closed
    assert.ok(acknowledged > 0)
    const catalog = open(t, path)
    const [group] = await catalog.loadGroups()
    const values = new Set(group?.offsets.map(({ offset }) => offset))
    assert.equal(group?.offsets.length, 50)
    assert.equal(values.size, 1, `the rows of one write disagree: ${[...values].join(' ')}`)
    assert.ok([...values][0]! >= acknowledged)
    catalog.close()
  }
})
