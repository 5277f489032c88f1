import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLogger, seededRandom } from '@millrace/base'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { errorOf, sampleConfig, sampleTopicId } from '../conformance.ts'
import { StorageError } from '../engine.ts'
import { sampleBatch } from '../sample-batch.ts'
import { DiskPartition, FOLDER, settled } from './disk-fixture.ts'

const values = async (disk: DiskPartition, partition = 0) => (await disk.readAll(partition)).length

const heard = () => {
  const lines: string[] = []
  return { lines, logger: createLogger({ level: 'warn', format: 'json', write: line => lines.push(line) }) }
}

describe('a full disk', () => {
  it('refuses with KAFKA_STORAGE_ERROR, says so once, and goes on when there is space again', async () => {
    const fs = new FaultFileSystem()
    const { lines, logger } = heard()
    const disk = await DiskPartition.open(fs, { logger })
    await disk.append()
    fs.capacityBytes = fs.freeSpace().totalBytes - fs.freeSpace().usableBytes
    fs.inject({ operation: 'write', path: '.log', code: 'DISK_FULL', writtenBytes: 30 })
    for (let i = 0; i < 5; i++) assert.equal(errorOf(await disk.append()), 'KAFKA_STORAGE_ERROR')
    assert.equal(lines.length, 1)
    assert.equal(await values(disk), 1)
    fs.heal()
    const outcome = await disk.append()
    assert.equal(outcome.kind === 'appended' && outcome.baseOffset, 1)
    assert.equal(await values(disk), 2)
  })

  it('may strike in the middle of a roll and nothing is lost', async () => {
    const fs = new FaultFileSystem()
    const config = { segmentBytes: 150, indexIntervalBytes: 1 }
    const disk = await DiskPartition.open(fs, { config })
    for (let i = 0; i < 2; i++) await disk.append()
    for (const operation of ['open', 'write', 'rename', 'truncate'] as const) {
      fs.inject({ operation, code: 'DISK_FULL' })
      assert.equal(errorOf(await disk.append()), 'KAFKA_STORAGE_ERROR', operation)
      fs.heal()
      assert.equal((await disk.append()).kind, 'appended')
      for (let i = 0; i < 3; i++) await disk.append()
    }
    const count = await values(disk)
    const again = await DiskPartition.open(fs.afterKill(), { config })
    assert.equal(await values(again), count)
  })

  it('does not lose a record because an index entry could not be written', async () => {
    const fs = new FaultFileSystem()
    const disk = await DiskPartition.open(fs, { config: { indexIntervalBytes: 0 } })
    await disk.append()
    fs.inject({ operation: 'write', path: '.index', code: 'DISK_FULL', writtenBytes: 3 })
    for (let i = 0; i < 3; i++) assert.equal((await disk.append()).kind, 'appended')
    fs.heal()
    await disk.append()
    assert.equal(await values(disk), 5)
    await disk.engine.close()
    const again = await DiskPartition.open(fs, { config: { indexIntervalBytes: 0 } })
    assert.equal(again.report.recoveredSegments, 0)
    assert.equal(await values(again), 5)
  })
})

describe('a failing disk', () => {
  it('takes back a write that failed half-way', async () => {
    const fs = new FaultFileSystem()
    const disk = await DiskPartition.open(fs)
    await disk.append()
    const before = fs.contentOf(`${FOLDER}/00000000000000000000.log`)
    fs.inject({ operation: 'write', path: '.log', code: 'IO', writtenBytes: 40, times: 1 })
    assert.equal(
      errorOf(await disk.append({ producerId: 1, producerEpoch: 0, baseSequence: 0 })),
      'KAFKA_STORAGE_ERROR',
    )
    assert.deepEqual(fs.contentOf(`${FOLDER}/00000000000000000000.log`), before)
    const retried = await disk.append({ producerId: 1, producerEpoch: 0, baseSequence: 0 })
    assert.equal(retried.kind, 'appended', 'the batch that failed is not remembered as sent')
  })

  it('takes a partition out of service when a write cannot be taken back, and the others go on', async () => {
    const fs = new FaultFileSystem()
    const disk = await DiskPartition.open(fs, { partitionCount: 2 })
    const failed: number[] = []
    disk.engine.logs.listen({ advanced: () => {}, failed: log => failed.push(log.partition) })
    await disk.append()
    fs.inject({ operation: 'write', path: 't-0/', code: 'IO', writtenBytes: 40 })
    fs.inject({ operation: 'truncate', path: 't-0/', code: 'IO' })
    assert.equal(errorOf(await disk.append()), 'KAFKA_STORAGE_ERROR')
    fs.heal()
    assert.equal(errorOf(await disk.append()), 'KAFKA_STORAGE_ERROR')
    assert.deepEqual(failed, [0])
    assert.equal((await disk.append({}, 1)).kind, 'appended')
    await disk.engine.close()
    const again = await DiskPartition.open(fs, { partitionCount: 2 })
    assert.equal(again.report.cleanStart, false)
    assert.equal(await values(again), 1)
  })

  it('never tries a failed sync again', async () => {
    const fs = new FaultFileSystem()
    const disk = await DiskPartition.open(fs, { config: { flushMessages: 1 }, partitionCount: 2 })
    await disk.append()
    fs.inject({ operation: 'sync', path: 't-0/', code: 'IO', times: 1 })
    assert.equal(errorOf(await disk.append()), 'KAFKA_STORAGE_ERROR')
    assert.equal(errorOf(await disk.append()), 'KAFKA_STORAGE_ERROR')
    assert.equal(disk.log().highWatermark, 1, 'what may be lost was never readable')
    assert.equal((await disk.append({}, 1)).kind, 'appended')
  })

  it('does not lose the begin of a log whose first segment could not be synced', async () => {
    const fs = new FaultFileSystem()
    const config = { segmentBytes: 150, indexIntervalBytes: 1 }
    const disk = await DiskPartition.open(fs, { config })
    fs.inject({ operation: 'sync', path: '.log', code: 'IO' })
    while (fs.list(FOLDER).filter(name => name.endsWith('.log')).length < 2) await disk.append()
    await settled()
    assert.equal(errorOf(await disk.append()), 'KAFKA_STORAGE_ERROR')
    for (let seed = 0; seed < 20; seed++) {
      const again = await DiskPartition.open(fs.afterPowerCut(seededRandom(seed)), { config })
      assert.equal(again.log().logStartOffset, 0, `seed ${seed}`)
    }
  })

  it('opens what it can: a partition that cannot be read answers KAFKA_STORAGE_ERROR', async () => {
    const fs = new FaultFileSystem()
    const disk = await DiskPartition.open(fs, { partitionCount: 2 })
    for (const partition of [0, 1]) await disk.append({}, partition)
    const next = fs.afterKill()
    next.inject({ operation: 'read', path: 't-0/', code: 'IO' })
    const again = await DiskPartition.open(next, { partitionCount: 2 })
    assert.deepEqual(
      again.report.failures.map(failure => failure.partition),
      [0],
    )
    assert.equal(errorOf(await again.append({}, 0)), 'KAFKA_STORAGE_ERROR')
    assert.equal((await again.append({}, 1)).kind, 'appended')
    await again.engine.close()
    assert(!next.list('/data').includes('.kafka_cleanshutdown'), 'what was not opened is checked next time')
  })
})

describe('syncs', () => {
  it('share one sync among all that wait for it', async () => {
    const fs = new FaultFileSystem()
    const disk = await DiskPartition.open(fs, { config: { flushMessages: 1 } })
    await disk.append()
    const before = fs.syncCount
    const outcomes = Array.from({ length: 50 }, () =>
      disk.engine.logs.append([{ partition: disk.log(), records: sampleBatch() }]),
    )
    assert.equal(disk.log().highWatermark, 1)
    for (const [i, [outcome]] of (await Promise.all(outcomes)).entries())
      assert.equal(outcome?.kind === 'appended' && outcome.baseOffset, i + 1)
    assert.equal(fs.syncCount - before, 2, 'the first, and one for the 49 that came meanwhile')
    assert.equal(disk.log().highWatermark, 51)
  })

  it('come after so many messages', async () => {
    const fs = new FaultFileSystem()
    const disk = await DiskPartition.open(fs, { config: { flushMessages: 3 } })
    const before = fs.syncCount
    for (let i = 0; i < 7; i++) await disk.append()
    assert.equal(fs.syncCount - before, 2)
  })

  it('come after flush.ms though nobody waits', async () => {
    const fs = new FaultFileSystem()
    const disk = await DiskPartition.open(fs, { config: { flushMs: 1000 } })
    await disk.append()
    const before = fs.syncCount
    await disk.clock.pass(999)
    assert.equal(fs.syncCount, before)
    await disk.clock.pass(1)
    assert.equal(fs.syncCount, before + 1)
    await disk.clock.pass(10_000)
    assert.equal(fs.syncCount, before + 1)
  })

  it('let a repeated batch wait for the first of its kind', async () => {
    const disk = await DiskPartition.open(new FaultFileSystem(), { config: { flushMessages: 1 } })
    const batch = () => sampleBatch({ producerId: 1, producerEpoch: 0, baseSequence: 0 })
    const order: string[] = []
    const sent = [0, 1].map(async () => {
      const [outcome] = await disk.engine.logs.append([{ partition: disk.log(), records: batch() }])
      order.push(`${outcome?.kind} ${disk.log().highWatermark}`)
    })
    await Promise.all(sent)
    assert.deepEqual(order, ['appended 1', 'duplicate 1'])
  })
})

it('closes files of idle partitions when too many are open', async () => {
  const disk = await DiskPartition.open(new FaultFileSystem(), { partitionCount: 30, settings: { openFilesMax: 8 } })
  for (let round = 0; round < 3; round++) for (let p = 0; p < 30; p++) await disk.append({}, p)
  for (let p = 0; p < 30; p++) assert.equal(await values(disk, p), 3)
})

it('makes the partitions of a topic once when two ask at the same time, and none of one that is removed meanwhile', async () => {
  const fs = new FaultFileSystem()
  const disk = await DiskPartition.open(fs)
  const { logs } = disk.engine
  const layout = { topic: 'u', topicId: sampleTopicId(9), partitionCount: 40, config: sampleConfig }
  await Promise.all([logs.create(layout), logs.create({ ...layout, partitionCount: 50 })])
  assert.equal(fs.list('/data').filter(name => name.startsWith('u-')).length, 50)
  const other = { ...layout, topic: 'v', topicId: sampleTopicId(10) }
  const creating = logs.create(other)
  await new Promise(resolve => setImmediate(resolve))
  await logs.remove(other.topicId)
  await creating
  assert.equal(logs.partition(other.topicId, 0), undefined)
  assert.deepEqual(
    fs.list('/data').filter(name => /^v-\d+$/.test(name)),
    [],
  )
})

it('refuses a folder that is in use, in one sentence', async () => {
  const fs = new FaultFileSystem()
  const disk = await DiskPartition.open(fs)
  await assert.rejects(DiskPartition.open(fs), (error: unknown) => {
    assert(error instanceof StorageError)
    assert.equal(error.code, 'LOCKED')
    assert.match(error.message, /the data folder \/data is in use by another process/)
    return true
  })
  await disk.engine.close()
  await (await DiskPartition.open(fs)).engine.close()
  await settled()
})

describe('what the page cache holds after the end of a process', () => {
  const config = { flushMessages: 1 }
  const batch = { producerId: 1, producerEpoch: 0, baseSequence: 0 }

  const staysThroughPowerCuts = async (left: FaultFileSystem) => {
    const again = await DiskPartition.open(left, { config })
    assert.equal((await again.append(batch)).kind, 'duplicate', 'promised from now on')
    for (let seed = 0; seed < 20; seed++) {
      const last = await DiskPartition.open(again.fs.afterPowerCut(seededRandom(seed)), { config })
      assert.equal(await values(last), 1, `seed ${seed}`)
    }
  }

  it('is synced by the next one before it is promised to anybody', async () => {
    const fs = new FaultFileSystem()
    const disk = await DiskPartition.open(fs, { config })
    fs.delay = () => new Promise(() => {})
    void disk.append(batch)
    await staysThroughPowerCuts(fs.afterKill())
  })

  it('is written once more when its sync failed: the kernel takes it for written', async () => {
    const fs = new FaultFileSystem()
    const disk = await DiskPartition.open(fs, { config })
    fs.inject({ operation: 'sync', path: '.log', code: 'IO', times: 1 })
    assert.equal(errorOf(await disk.append(batch)), 'KAFKA_STORAGE_ERROR')
    await staysThroughPowerCuts(fs.afterKill())
  })
})
