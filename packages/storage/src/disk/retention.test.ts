import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '@millrace/base'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { errorOf, sampleConfig, sampleTopicId } from '../conformance.ts'
import type { LogConfig } from '../engine.ts'
import { DiskPartition, FOLDER, HeldClock } from './disk-fixture.ts'

const CHECK_MS = 300_000

/** Three batches of 71 bytes to a segment. */
const filled = async (config: Partial<LogConfig>, batches = 9) => {
  const clock = new HeldClock()
  const fs = new FaultFileSystem()
  const disk = await DiskPartition.open(fs, { clock, config: { segmentBytes: 215, ...config } })
  for (let i = 0; i < batches; i++) await disk.append({ timestampsMs: [clock.now() + i] })
  return { disk, clock, fs }
}

const logs = (disk: DiskPartition) =>
  disk
    .names()
    .filter(name => name.endsWith('.log'))
    .map(name => Number(name.slice(0, 20)))

describe('retention', () => {
  it('deletes by time, oldest first, the active segment too', async () => {
    const { disk, clock } = await filled({ retentionMs: 1_000_000 })
    assert.deepEqual(logs(disk), [0, 3, 6])
    await clock.pass(CHECK_MS)
    assert.deepEqual(logs(disk), [0, 3, 6])
    await clock.pass(1_000_000)
    assert.deepEqual(logs(disk), [9])
    assert.equal(disk.log().logStartOffset, 9)
    assert.equal(disk.log().highWatermark, 9)
    const outcome = await disk.append()
    assert.equal(outcome.kind === 'appended' && outcome.baseOffset, 9)
  })

  it('deletes by size as long as what stays is not below the limit', async () => {
    const { disk, clock } = await filled({ retentionBytes: 400 })
    await clock.pass(CHECK_MS)
    assert.deepEqual(logs(disk), [3, 6])
    assert.equal(disk.log().logStartOffset, 3)
  })

  it('deletes what lies below the log start', async () => {
    const { disk, clock } = await filled({})
    await disk.engine.logs.deleteRecords(disk.log(), 7)
    await clock.pass(CHECK_MS)
    assert.deepEqual(logs(disk), [6])
    assert.equal(disk.log().logStartOffset, 7)
    assert.deepEqual(await disk.engine.logs.epochEnd(disk.log(), 0), { kind: 'epoch', leaderEpoch: 0, endOffset: 9 })
  })

  it('keeps everything of a topic that only compacts', async () => {
    const { disk, clock } = await filled({ retentionMs: 1, retentionBytes: 1, cleanupPolicy: ['compact'] })
    await clock.pass(10 * CHECK_MS)
    assert.deepEqual(logs(disk), [0, 3, 6])
  })

  it('renames the files first and removes them after the delay', async () => {
    const { disk, clock } = await filled({ retentionBytes: 400, fileDeleteDelayMs: 60_000 })
    await clock.pass(30_000)
    const waiting = disk.names().filter(name => name.endsWith('.deleted'))
    assert.deepEqual(
      waiting,
      ['index', 'log', 'timeindex'].map(suffix => `00000000000000000000.${suffix}.deleted`),
    )
    await clock.pass(60_000)
    assert.deepEqual(
      disk.names().filter(name => name.endsWith('.deleted')),
      [],
    )
  })

  it('removes at the next start what waited when the process ended', async () => {
    const { disk, clock, fs } = await filled({ retentionBytes: 400 })
    await clock.pass(30_000)
    const again = await DiskPartition.open(fs.afterKill())
    assert.deepEqual(
      again.names().filter(name => name.endsWith('.deleted')),
      [],
    )
    assert.equal(again.log().logStartOffset, 3)
    assert.equal((await again.readAll()).length, 6)
    assert.equal(disk.log().logStartOffset, 3)
  })
})

describe('rolling', () => {
  it("closes a segment when its first record is older than segment.ms by the records' time", async () => {
    const { disk } = await filled({ segmentMs: 1000, segmentBytes: 10_000 }, 0)
    for (const time of [5000, 5900, 6000, 6001, 6500, 7002]) await disk.append({ timestampsMs: [time] })
    assert.deepEqual(logs(disk), [0, 3, 5])
  })

  it('goes by the clock when records have no time', async () => {
    const { disk, clock } = await filled({ segmentMs: 1000, segmentBytes: 10_000 }, 0)
    await disk.append({ timestampsMs: [-1] })
    await clock.pass(1001)
    await disk.append({ timestampsMs: [-1] })
    assert.deepEqual(logs(disk), [0, 1])
  })

  it('closes a segment when an index is full', async () => {
    const { disk } = await filled({ segmentIndexBytes: 24, indexIntervalBytes: 0, segmentBytes: 10_000 }, 6)
    assert.deepEqual(logs(disk), [0, 2, 4])
  })
})

describe('DeleteRecords', () => {
  it('stays done after a kill', async () => {
    const { disk, fs } = await filled({})
    assert.deepEqual(await disk.engine.logs.deleteRecords(disk.log(), 4), { kind: 'deleted', logStartOffset: 4 })
    const again = await DiskPartition.open(fs.afterKill())
    assert.equal(again.log().logStartOffset, 4)
  })

  it('is not acknowledged while the log start cannot be written, and then also where it had been moved', async () => {
    const { disk, fs } = await filled({})
    const ask = () => disk.engine.logs.deleteRecords(disk.log(), 4)
    fs.inject({ operation: 'write', path: 'checkpoint', code: 'DISK_FULL' })
    for (let i = 0; i < 2; i++) assert.equal(errorOf(await ask()), 'KAFKA_STORAGE_ERROR')
    fs.heal()
    assert.deepEqual(await ask(), { kind: 'deleted', logStartOffset: 4 })
    const again = await DiskPartition.open(fs.afterPowerCut(seededRandom(1)))
    assert.equal(again.log().logStartOffset, 4)
  })
})

describe('a removed topic', () => {
  it('has its folder renamed at once and removed after the delay', async () => {
    const { disk, clock, fs } = await filled({ fileDeleteDelayMs: 60_000 })
    await disk.engine.logs.remove(sampleTopicId(7))
    const [waiting] = fs.list('/data').filter(name => name.startsWith('t-0'))
    assert.match(waiting!, /^t-0\.[0-9a-f]{32}-delete$/)
    await clock.pass(60_000)
    assert.deepEqual(
      fs.list('/data').filter(name => name.startsWith('t-0')),
      [],
    )
  })

  it('is gone after a start that finds its folder still waiting', async () => {
    const { disk, fs } = await filled({})
    await disk.engine.logs.remove(sampleTopicId(7))
    const after = fs.afterKill()
    const again = await DiskPartition.open(after)
    assert.deepEqual(
      after.list('/data').filter(name => name.startsWith('t-0')),
      ['t-0'],
    )
    assert.equal(again.log().highWatermark, 0)
  })

  it('tells those whose append still waited for a sync', async () => {
    const { disk } = await filled({ flushMessages: 1 }, 0)
    const waiting = disk.append()
    await disk.engine.logs.remove(sampleTopicId(7))
    assert.equal(errorOf(await waiting), 'KAFKA_STORAGE_ERROR')
  })
})

it('puts a folder of another topic of the same name aside', async () => {
  const { disk, fs } = await filled({})
  await disk.engine.close()
  fs.garble(`${FOLDER}/partition.metadata`, content =>
    Buffer.from(content.toString().replace(/topic_id: .*/, `topic_id: ${sampleTopicId(8)}`)),
  )
  const again = await DiskPartition.open(fs)
  assert.equal(again.log().highWatermark, 0)
  assert.equal(fs.list('/data').filter(name => name.endsWith('-stray')).length, 1)
})

it('forgets a producer that did not write for so long, unless its transaction is open', async () => {
  const settings = { producerExpirationMs: 1_000_000, producerExpirationCheckMs: 100_000 }
  const clock = new HeldClock()
  const disk = await DiskPartition.open(new FaultFileSystem(), { clock, settings })
  const at = { timestampsMs: [clock.now()], producerEpoch: 0 }
  await disk.append({ ...at, producerId: 1, baseSequence: 0 })
  await disk.append({ ...at, producerId: 2, baseSequence: 0, isTransactional: true })
  await clock.pass(900_000)
  assert.equal(errorOf(await disk.append({ ...at, producerId: 1, baseSequence: 9 })), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
  await clock.pass(200_000)
  assert.deepEqual(
    (await disk.engine.logs.activeProducers(disk.log())).map(state => state.producerId),
    [2],
  )
  assert.equal((await disk.append({ ...at, producerId: 1, baseSequence: 9 })).kind, 'appended')
})

it('checks a folder whole that was there before its topic', async () => {
  const { disk, fs } = await filled({}, 3)
  const log = fs.contentOf(`${FOLDER}/00000000000000000000.log`)
  const other = { topic: 'u', topicId: sampleTopicId(9), partitionCount: 1, config: sampleConfig }
  fs.makeFolder('/data/u-0')
  fs.open('/data/u-0/00000000000000000000.log', 'create').write(log.subarray(0, log.length - 5), 0)
  await disk.engine.close()
  const again = await DiskPartition.open(fs)
  await again.engine.logs.create(other)
  assert.equal(again.engine.logs.partition(other.topicId, 0)?.highWatermark, 2)
})

it('checks a folder whole that somebody put there while the process ran', async () => {
  const { disk, fs } = await filled({}, 3)
  const log = fs.contentOf(`${FOLDER}/00000000000000000000.log`)
  const other = { topic: 'u', topicId: sampleTopicId(9), partitionCount: 1, config: sampleConfig }
  fs.makeFolder('/data/u-0')
  fs.open('/data/u-0/00000000000000000000.log', 'create').write(log.subarray(0, log.length - 5), 0)
  await disk.engine.logs.create(other)
  assert.equal(disk.engine.logs.partition(other.topicId, 0)?.highWatermark, 2)
})

it('keeps all above the log start when a power cut brings back some of what retention removed', async () => {
  const config = { segmentBytes: 215, retentionBytes: 400, flushMessages: 1 }
  for (let seed = 0; seed < 60; seed++) {
    const { disk, clock, fs } = await filled(config, 24)
    await clock.pass(CHECK_MS)
    const { logStartOffset, highWatermark } = disk.log()
    assert(logStartOffset > 6)
    let left = fs.afterPowerCut(seededRandom(seed))
    for (const life of [1, 2, 3]) {
      const again = await DiskPartition.open(left, { config })
      const found = await again.readAll()
      assert.equal(again.log().highWatermark, highWatermark, `seed ${seed}, life ${life}`)
      assert.equal(found.length, highWatermark - logStartOffset, `seed ${seed}, life ${life}`)
      await again.clock.pass(10_000)
      left = again.fs.afterKill()
    }
  }
})
