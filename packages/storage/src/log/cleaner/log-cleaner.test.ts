import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { sampleConfig } from '../../conformance.ts'
import { FOLDER } from '../../disk/disk-fixture.ts'
import { BACKOFF_MS, Compacted, compactConfig } from './cleaner-fixture.ts'
import { ENTRY_BYTES } from './offset-map.ts'

async function filled(options: Parameters<typeof Compacted.open>[1] = {}, count = 60): Promise<Compacted> {
  const log = await Compacted.open(new FaultFileSystem(), options)
  for (let i = 0; i < count; i++) await log.append([[i % 10 === 0 ? `only ${i}` : `k${i % 7}`, `value ${i}`]])
  return log
}

const offsets = async (log: Compacted): Promise<number[]> =>
  (await log.disk.readAll()).map(batch => Number(batch.readBigInt64BE(0)))

describe('the cleaner', () => {
  it('cleans as far as the map of keys reaches, and the rest the next time', async () => {
    const log = await filled({ cleaner: { dedupeBufferBytes: 50 * ENTRY_BYTES, loadFactor: 0.08 } })
    for (let round = 0; round < 40; round++) await log.runCleaner()
    const found = await offsets(log)
    assert(found.length < 60, 'something went')
    await log.check({ exactly: false })
  })

  it('leaves a log alone while too little of it is dirty, and cleans it when the ratio is altered', async () => {
    const log = await filled({ config: { minCleanableDirtyRatio: 1 } })
    await log.runCleaner()
    assert.equal((await offsets(log)).length, 60)
    const config = { ...sampleConfig, ...compactConfig, minCleanableDirtyRatio: 0.5 }
    log.disk.engine.logs.configure(log.disk.log().topicId, config)
    await log.runCleaner()
    assert((await offsets(log)).length < 25)
  })

  it('goes by a backoff that is made shorter while it waits', async () => {
    const cleaner = { backoffMs: 100 * BACKOFF_MS }
    const log = await filled({ cleaner })
    await log.clock.pass(BACKOFF_MS)
    await log.runCleaner()
    assert.equal((await offsets(log)).length, 60)
    log.cleaner = { backoffMs: 1 }
    await log.runCleaner()
    assert((await offsets(log)).length < 25)
  })

  it('lets a log that cannot be read be, and says so', async () => {
    const log = await filled()
    const path = `${FOLDER}/00000000000000000000.log`
    log.disk.fs.garble(path, bytes => bytes.fill(7, 80, 90))
    const before = log.disk.names()
    await log.runCleaner()
    assert.deepEqual(log.disk.names(), before)
  })

  it('drops what it began when the disk is full, and tries again later', async () => {
    const log = await filled()
    const before = await offsets(log)
    log.disk.fs.inject({ operation: 'write', path: '.cleaned', code: 'DISK_FULL', writtenBytes: 10 })
    await log.runCleaner()
    assert.deepEqual(await offsets(log), before)
    assert(log.disk.names().every(name => !name.endsWith('.cleaned')))
    log.disk.fs.heal()
    await log.clean()
    await log.check()
  })

  it('does not trust a file whose sync failed', async () => {
    const log = await filled()
    const before = await offsets(log)
    log.disk.fs.inject({ operation: 'sync', path: '.log.cleaned', code: 'IO' })
    await log.runCleaner()
    assert.deepEqual(await offsets(log), before)
    log.disk.fs.heal()
    await log.clean()
    await log.check()
  })

  it('gives way to the removal of its topic', async () => {
    const log = await filled()
    const removed = log.runCleaner()
    await log.disk.engine.logs.remove(log.disk.log().topicId)
    await removed
    assert.deepEqual(log.disk.names(), [])
    await log.disk.engine.close()
  })

  it('gives way to records that are deleted while it works', async () => {
    const log = await filled({ config: { cleanupPolicy: ['compact', 'delete'] } })
    const cleaning = log.runCleaner()
    await log.disk.engine.logs.deleteRecords(log.disk.log(), 30)
    await cleaning
    const found = await offsets(log)
    assert.equal(log.disk.log().logStartOffset, 30)
    for (let key = 0; key < 7; key++) assert(found.includes(53 + key), `the last of its key at ${53 + key}`)
  })

  it('stops with its engine, in the middle of whatever it does', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const log = await filled()
      const cleaning = log.runCleaner()
      for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve))
      await log.disk.engine.close()
      await cleaning
      await log.reopen(log.disk.fs)
      await log.check({ exactly: false })
    }
  })

  it('begins where it ended, after a clean stop', async () => {
    const log = await filled()
    await log.clean()
    await log.disk.engine.close()
    const files = log.disk.names()
    await log.reopen(log.disk.fs)
    await log.runCleaner()
    assert.deepEqual(
      log.disk.names().filter(name => name.endsWith('.log')),
      files.filter(name => name.endsWith('.log')),
    )
    await log.check()
  })

  it('lets whoever reads a segment finish while it is replaced', async () => {
    const log = await filled({ config: { segmentBytes: 3_000 } }, 200)
    const whole = await log.disk.readAll()
    const cleaning = log.runCleaner()
    for (let i = 0; i < 30; i++) {
      const offset = (i * 7) % 180
      const entry = { partition: log.disk.log(), offset, maxBytes: 100_000, isolation: 'read_uncommitted' as const }
      const [outcome] = await log.disk.engine.logs.read([entry], { maxBytes: 100_000, atLeastOneBatch: true })
      assert(outcome?.kind === 'read' && outcome.bytes > 0, JSON.stringify(outcome))
      const first = Number(outcome.records[0]!.readBigInt64BE(0))
      const same = whole[first]!
      assert.deepEqual(outcome.records[0]!.subarray(0, same.length), same)
    }
    await cleaning
    await log.check({ exactly: false })
  })
})
