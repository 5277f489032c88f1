/**
 * What every engine must do, whatever it keeps its logs in. Run it from the engine's test with a way to open a fresh engine:
 *
 *     logConformance('memory', () => openMemoryEngine({ catalog, clock }))
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { baseOffsetOf } from '@millrace/protocol'
import type {
  AppendOutcome,
  Isolation,
  LogConfig,
  OffsetFound,
  OffsetQuery,
  PartitionLog,
  ReadOutcome,
  StorageEngine,
  TopicLayout,
  TransactionAdmission,
  TransactionMarker,
} from './engine.ts'
import { batchAt } from './log/batch-view.ts'
import { type SampleBatch, sampleBatch } from './sample-batch.ts'

export const sampleConfig: LogConfig = {
  cleanupPolicy: ['delete'],
  segmentBytes: 1024 * 1024 * 1024,
  segmentMs: 604_800_000,
  segmentJitterMs: 0,
  segmentIndexBytes: 10_485_760,
  indexIntervalBytes: 4096,
  retentionMs: -1,
  retentionBytes: -1,
  fileDeleteDelayMs: 60_000,
  flushMessages: Number.MAX_SAFE_INTEGER,
  flushMs: Number.MAX_SAFE_INTEGER,
  preallocate: false,
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  deleteRetentionMs: 86_400_000,
}

/** Kafka's text form of the UUID whose last four bytes are `n`. */
export function sampleTopicId(n: number): string {
  const uuid = Buffer.alloc(16)
  uuid.writeUInt32BE(0x5eed, 4)
  uuid.writeUInt32BE(n, 12)
  return uuid.toString('base64url')
}

let topicCount = 0

/** One topic of an engine under test, spoken to in few words. */
export class TestTopic {
  readonly engine: StorageEngine
  readonly layout: TopicLayout

  constructor(engine: StorageEngine, layout: TopicLayout) {
    this.engine = engine
    this.layout = layout
  }

  static async create(
    engine: StorageEngine,
    options: { partitions?: number; config?: Partial<LogConfig> } = {},
  ): Promise<TestTopic> {
    const n = ++topicCount
    const layout = {
      topic: `topic-${n}`,
      topicId: sampleTopicId(n),
      partitionCount: options.partitions ?? 1,
      config: { ...sampleConfig, ...options.config },
    }
    await engine.logs.create(layout)
    return new TestTopic(engine, layout)
  }

  log(partition = 0): PartitionLog {
    const log = this.engine.logs.partition(this.layout.topicId, partition)
    assert(log !== undefined)
    return log
  }

  async append(batch: SampleBatch | Buffer = {}, partition = 0): Promise<AppendOutcome> {
    const records = Buffer.isBuffer(batch) ? Buffer.from(batch) : sampleBatch(batch)
    const outcomes = await this.engine.logs.append([{ partition: this.log(partition), records }])
    assert.equal(outcomes.length, 1)
    // The memory is the caller's again.
    records.fill(0xdb)
    return outcomes[0]!
  }

  /** A batch of a transaction; without an admission of a test's own it may begin here. */
  async appendInTransaction(batch: SampleBatch, admission?: TransactionAdmission | 'none'): Promise<AppendOutcome> {
    // Markers carry the engine's time, and a batch that is years away from them would begin a new segment.
    const own = { producerEpoch: 0, timestampsMs: [Date.now()], ...batch, isTransactional: true }
    const entry = { partition: this.log(), records: sampleBatch(own) }
    const given = admission ?? { askedAt: Number.POSITIVE_INFINITY, isEpochPerTransaction: false }
    const [outcome] = await this.engine.logs.append([given === 'none' ? entry : { ...entry, admission: given }])
    return outcome!
  }

  async mark(marker: TransactionMarker): Promise<AppendOutcome> {
    const [outcome] = await this.engine.logs.append([{ partition: this.log(), marker }])
    return outcome!
  }

  async read(offset: number, options: { maxBytes?: number; isolation?: Isolation } = {}): Promise<ReadOutcome> {
    const { maxBytes = 1_000_000, isolation = 'read_uncommitted' } = options
    const entries = [{ partition: this.log(), offset, maxBytes, isolation }]
    const [outcome] = await this.engine.logs.read(entries, { maxBytes, atLeastOneBatch: true })
    return outcome!
  }

  async listOffset(query: OffsetQuery): Promise<OffsetFound> {
    const found = await this.engine.logs.listOffset(this.log(), query)
    assert.equal(found.kind, 'found')
    return found as OffsetFound
  }
}

/** The base offsets of the batches that were read. */
export function baseOffsets(outcome: ReadOutcome): number[] {
  assert.equal(outcome.kind, 'read')
  return outcome.kind === 'read' ? batchesOf(outcome.records).map(batch => baseOffsetOf(batch, 0)) : []
}

export function batchesOf(records: readonly Buffer[]): Buffer[] {
  const joined = Buffer.concat(records)
  const batches: Buffer[] = []
  for (let at = 0; at < joined.length; ) {
    const batch = batchAt(joined, at)
    assert(batch !== undefined && at + batch.sizeInBytes <= joined.length, 'only whole batches are read')
    batches.push(joined.subarray(at, at + batch.sizeInBytes))
    at += batch.sizeInBytes
  }
  return batches
}

export function errorOf(outcome: { readonly kind: string }): string | undefined {
  return outcome.kind === 'refused' ? (outcome as unknown as { error: string }).error : undefined
}

export function logConformance(name: string, open: () => Promise<StorageEngine> | StorageEngine): void {
  describe(`the log engine on ${name}`, () => {
    let engine: StorageEngine
    before(async () => {
      engine = await open()
    })
    after(() => engine.close())

    describe('append and read', () => {
      it('gives offsets in order and reads the same bytes back', async () => {
        const topic = await TestTopic.create(engine)
        const sent = [{ values: ['a', 'b'] }, { values: ['c'] }, { values: ['d', 'e', 'f'] }].map(sampleBatch)
        for (const [i, batch] of sent.entries()) {
          const outcome = await topic.append(Buffer.from(batch))
          assert.equal(outcome.kind, 'appended')
          assert.equal(outcome.kind === 'appended' && outcome.baseOffset, [0, 2, 3][i])
        }
        const outcome = await topic.read(0)
        assert(outcome.kind === 'read')
        assert.deepEqual(baseOffsets(outcome), [0, 2, 3])
        for (const [i, batch] of batchesOf(outcome.records).entries()) {
          assert.deepEqual(batch.subarray(16), sent[i]!.subarray(16), 'all but base offset and epoch is as it was sent')
          assert.equal(batch.readInt32BE(12), 0, 'the leader epoch is 0')
        }
        assert.equal(
          outcome.bytes,
          sent.reduce((sum, batch) => sum + batch.length, 0),
        )
        assert.equal(outcome.highWatermark, 6)
        assert.equal(outcome.lastStableOffset, 6)
      })

      it('begins a read with the batch that holds the offset', async () => {
        const topic = await TestTopic.create(engine)
        for (let i = 0; i < 5; i++) await topic.append({ values: ['a', 'b', 'c'] })
        assert.deepEqual(baseOffsets(await topic.read(7)), [6, 9, 12])
      })

      it('reads nothing at the end and refuses what is beyond it', async () => {
        const topic = await TestTopic.create(engine)
        await topic.append({ values: ['a', 'b'] })
        assert.deepEqual(baseOffsets(await topic.read(2)), [])
        const beyond = await topic.read(3)
        assert.equal(errorOf(beyond), 'OFFSET_OUT_OF_RANGE')
        assert.equal(beyond.highWatermark, 2)
        assert.equal(errorOf(await topic.read(-1)), 'OFFSET_OUT_OF_RANGE')
      })

      it('appends to several partitions in one call', async () => {
        const topic = await TestTopic.create(engine, { partitions: 3 })
        const entries = [0, 1, 2, 1].map(partition => ({ partition: topic.log(partition), records: sampleBatch() }))
        const outcomes = await engine.logs.append(entries)
        assert.deepEqual(
          outcomes.map(o => o.kind === 'appended' && o.baseOffset),
          [0, 0, 0, 1],
        )
        assert.deepEqual(
          [0, 1, 2].map(p => topic.log(p).highWatermark),
          [1, 2, 1],
        )
      })

      it('refuses a batch that is larger than a segment', async () => {
        const topic = await TestTopic.create(engine, { config: { segmentBytes: 200 } })
        assert.equal(errorOf(await topic.append({ values: [Buffer.alloc(300)] })), 'RECORD_LIST_TOO_LARGE')
        assert.equal(topic.log().highWatermark, 0)
      })

      it('reads on over many segments', async () => {
        const topic = await TestTopic.create(engine, { config: { segmentBytes: 500, indexIntervalBytes: 100 } })
        for (let i = 0; i < 100; i++) await topic.append({ values: ['abc', 'def'] })
        const seen: number[] = []
        for (let offset = 0; offset < 200; ) {
          const got = baseOffsets(await topic.read(offset))
          assert(got.length > 0)
          seen.push(...got)
          offset = seen.at(-1)! + 2
        }
        assert.deepEqual(
          seen,
          Array.from({ length: 100 }, (_, i) => i * 2),
        )
      })
    })

    describe('read budgets', () => {
      it('cuts at whole batches', async () => {
        const topic = await TestTopic.create(engine)
        for (let i = 0; i < 4; i++) await topic.append()
        const one = sampleBatch().length
        assert.deepEqual(baseOffsets(await topic.read(0, { maxBytes: one * 2 })), [0, 1])
        assert.deepEqual(baseOffsets(await topic.read(0, { maxBytes: one * 3 - 1 })), [0, 1])
      })

      it('gives one batch though it is too large, so that the reader gets on', async () => {
        const topic = await TestTopic.create(engine)
        await topic.append({ values: [Buffer.alloc(5000)] })
        await topic.append()
        assert.deepEqual(baseOffsets(await topic.read(0, { maxBytes: 10 })), [0])
        assert.deepEqual(baseOffsets(await topic.read(0, { maxBytes: 0 })), [0])
      })

      it('shares one budget over the partitions in their order, and only the first may exceed it', async () => {
        const topic = await TestTopic.create(engine, { partitions: 4 })
        for (const partition of [1, 2, 3]) await topic.append({ values: [Buffer.alloc(1000)] }, partition)
        const entries = [0, 1, 2, 3].map(p => ({
          partition: topic.log(p),
          offset: 0,
          maxBytes: 100,
          isolation: 'read_uncommitted' as const,
        }))
        const counts = async (maxBytes: number, atLeastOneBatch: boolean) =>
          (await engine.logs.read(entries, { maxBytes, atLeastOneBatch })).map(o => baseOffsets(o).length)
        assert.deepEqual(await counts(1_000_000, true), [0, 1, 0, 0])
        assert.deepEqual(await counts(1_000_000, false), [0, 0, 0, 0])
        const wide = entries.map(entry => ({ ...entry, maxBytes: 2000 }))
        const outcomes = await engine.logs.read(wide, { maxBytes: 2500, atLeastOneBatch: true })
        assert.deepEqual(
          outcomes.map(o => baseOffsets(o).length),
          [0, 1, 1, 0],
        )
      })
    })

    describe('idempotent producers', () => {
      const batch = (baseSequence: number, more: SampleBatch = {}) => ({
        producerId: 7,
        producerEpoch: 0,
        baseSequence,
        ...more,
      })

      it('answers a repeated batch with its first offset and appends nothing', async () => {
        const topic = await TestTopic.create(engine)
        await topic.append()
        for (let i = 0; i < 5; i++) await topic.append(batch(i * 2, { values: ['a', 'b'] }))
        for (let i = 0; i < 5; i++) {
          const outcome = await topic.append(batch(i * 2, { values: ['a', 'b'] }))
          assert.equal(outcome.kind, 'duplicate')
          assert.equal(outcome.kind === 'duplicate' && outcome.baseOffset, 1 + i * 2)
        }
        assert.equal(topic.log().highWatermark, 11)
      })

      it('refuses a gap, and a repeat that is older than five batches', async () => {
        const topic = await TestTopic.create(engine)
        for (let i = 0; i < 6; i++) await topic.append(batch(i))
        assert.equal(errorOf(await topic.append(batch(7))), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
        assert.equal(errorOf(await topic.append(batch(0))), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
        assert.equal((await topic.append(batch(6))).kind, 'appended')
      })

      it('lets an unknown producer begin anywhere', async () => {
        const topic = await TestTopic.create(engine)
        assert.equal((await topic.append(batch(1234))).kind, 'appended')
        assert.equal((await topic.append(batch(1235))).kind, 'appended')
      })

      it('counts on from 0 after the last sequence number', async () => {
        const topic = await TestTopic.create(engine)
        await topic.append(batch(0x7fff_fffe, { values: ['a', 'b', 'c'] }))
        assert.equal((await topic.append(batch(1))).kind, 'appended')
        await topic.append(batch(2, { producerId: 8, baseSequence: 0x7fff_ffff }))
        assert.equal((await topic.append(batch(0, { producerId: 8 }))).kind, 'appended')
      })

      it('fences a lower epoch, and a higher one begins at 0', async () => {
        const topic = await TestTopic.create(engine)
        await topic.append(batch(0, { producerEpoch: 3 }))
        assert.equal(errorOf(await topic.append(batch(1, { producerEpoch: 2 }))), 'INVALID_PRODUCER_EPOCH')
        assert.equal(errorOf(await topic.append(batch(1, { producerEpoch: 4 }))), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
        assert.equal((await topic.append(batch(0, { producerEpoch: 4 }))).kind, 'appended')
      })

      it('lists them', async () => {
        const topic = await TestTopic.create(engine)
        await topic.append(batch(0, { values: ['a', 'b'], timestampsMs: [1, 5] }))
        assert.deepEqual(await engine.logs.activeProducers(topic.log()), [
          {
            producerId: 7,
            producerEpoch: 0,
            lastSequence: 1,
            lastTimestampMs: 5,
            coordinatorEpoch: -1,
            currentTransactionFirstOffset: -1,
          },
        ])
      })
    })

    describe('offsets by time', () => {
      const timed = async () => {
        const topic = await TestTopic.create(engine, { config: { indexIntervalBytes: 50, segmentBytes: 400 } })
        await topic.append({ values: ['a', 'b', 'c'], timestampsMs: [100, 200, 150] })
        await topic.append({ values: ['d', 'e'], timestampsMs: [120, 130] })
        await topic.append({ values: ['f', 'g'], timestampsMs: [300, 400] })
        for (let i = 0; i < 10; i++) await topic.append({ timestampsMs: [500 + i] })
        return topic
      }
      const at = (timestampMs: number) => ({ kind: 'timestamp', timestampMs, isolation: 'read_uncommitted' }) as const

      it('finds the first record at or after a time', async () => {
        const topic = await timed()
        const found = async (time: number) => {
          const { offset, timestampMs } = await topic.listOffset(at(time))
          return [offset, timestampMs]
        }
        assert.deepEqual(await found(0), [0, 100])
        assert.deepEqual(await found(101), [1, 200])
        assert.deepEqual(await found(201), [5, 300])
        assert.deepEqual(await found(301), [6, 400])
        assert.deepEqual(await found(505), [12, 505])
        assert.deepEqual(await found(510), [-1, -1])
      })

      it('knows earliest, latest and the largest time', async () => {
        const topic = await timed()
        assert.equal((await topic.listOffset({ kind: 'earliest' })).offset, 0)
        assert.equal((await topic.listOffset({ kind: 'latest', isolation: 'read_uncommitted' })).offset, 17)
        assert.deepEqual(await topic.listOffset({ kind: 'max_timestamp' }), {
          kind: 'found',
          offset: 16,
          timestampMs: 509,
          leaderEpoch: 0,
        })
        await topic.append({ timestampsMs: [50] })
        assert.equal((await topic.listOffset({ kind: 'max_timestamp' })).offset, 16)
      })

      it('finds nothing in an empty log', async () => {
        const topic = await TestTopic.create(engine)
        assert.equal((await topic.listOffset(at(0))).offset, -1)
        assert.equal((await topic.listOffset({ kind: 'max_timestamp' })).offset, -1)
        assert.equal((await topic.listOffset({ kind: 'latest', isolation: 'read_committed' })).offset, 0)
      })
    })

    it('tells where a leader epoch ends', async () => {
      const topic = await TestTopic.create(engine)
      await topic.append({ values: ['a', 'b'] })
      const end = (epoch: number) => engine.logs.epochEnd(topic.log(), epoch)
      assert.deepEqual(await end(0), { kind: 'epoch', leaderEpoch: 0, endOffset: 2 })
      assert.deepEqual(await end(1), { kind: 'epoch', leaderEpoch: -1, endOffset: -1 })
      assert.deepEqual(await end(-1), { kind: 'epoch', leaderEpoch: -1, endOffset: -1 })
    })

    describe('deleteRecords', () => {
      it('moves the log start, to the high watermark with -1', async () => {
        const topic = await TestTopic.create(engine, { config: { segmentBytes: 300 } })
        for (let i = 0; i < 20; i++) await topic.append()
        assert.deepEqual(await engine.logs.deleteRecords(topic.log(), 7), { kind: 'deleted', logStartOffset: 7 })
        assert.equal(errorOf(await topic.read(6)), 'OFFSET_OUT_OF_RANGE')
        assert.equal(baseOffsets(await topic.read(7))[0], 7)
        assert.equal((await topic.listOffset({ kind: 'earliest' })).offset, 7)
        assert.deepEqual(await engine.logs.deleteRecords(topic.log(), 3), { kind: 'deleted', logStartOffset: 7 })
        assert.deepEqual(await engine.logs.deleteRecords(topic.log(), -1), { kind: 'deleted', logStartOffset: 20 })
        const outcome = await topic.append()
        assert(outcome.kind === 'appended' && outcome.baseOffset === 20 && outcome.logStartOffset === 20)
      })

      it('refuses offsets above the high watermark and topics that only compact', async () => {
        const topic = await TestTopic.create(engine)
        assert.equal(errorOf(await engine.logs.deleteRecords(topic.log(), 1)), 'OFFSET_OUT_OF_RANGE')
        assert.equal(errorOf(await engine.logs.deleteRecords(topic.log(), -2)), 'OFFSET_OUT_OF_RANGE')
        const compacted = await TestTopic.create(engine, { config: { cleanupPolicy: ['compact'] } })
        assert.equal(errorOf(await engine.logs.deleteRecords(compacted.log(), 0)), 'POLICY_VIOLATION')
      })
    })

    it('takes a removed topic out of service at once, and its name may be used again', async () => {
      const topic = await TestTopic.create(engine)
      await topic.append()
      const stale = topic.log()
      await engine.logs.remove(topic.layout.topicId)
      assert.equal(engine.logs.partition(topic.layout.topicId, 0), undefined)
      const [refused] = await engine.logs.append([{ partition: stale, records: sampleBatch() }])
      assert.equal(errorOf(refused!), 'UNKNOWN_TOPIC_OR_PARTITION')
      const again = { ...topic.layout, topicId: sampleTopicId(1_000_000 + ++topicCount) }
      await engine.logs.create(again)
      assert.equal(engine.logs.partition(again.topicId, 0)?.highWatermark, 0)
    })

    it('adds partitions and obeys a changed configuration', async () => {
      const topic = await TestTopic.create(engine)
      await topic.append()
      await engine.logs.create({ ...topic.layout, partitionCount: 3 })
      assert.equal(topic.log(0).highWatermark, 1)
      assert.equal((await topic.append({}, 2)).kind, 'appended')
      assert.equal(engine.logs.partition(topic.layout.topicId, 3), undefined)
      engine.logs.configure(topic.layout.topicId, { ...sampleConfig, segmentBytes: 100 })
      assert.equal(errorOf(await topic.append({ values: [Buffer.alloc(200)] })), 'RECORD_LIST_TOO_LARGE')
    })

    it('calls the listener when a partition advances and when it goes', async () => {
      const topic = await TestTopic.create(engine)
      const calls: string[] = []
      engine.logs.listen({
        advanced: log => calls.push(`${log.highWatermark} from ${log.logStartOffset}`),
        failed: () => calls.push('failed'),
      })
      await topic.append({ values: ['a', 'b'] })
      await engine.logs.deleteRecords(topic.log(), 1)
      await engine.logs.remove(topic.layout.topicId)
      assert.deepEqual(calls, ['2 from 0', '2 from 1', 'failed'])
      engine.logs.listen({ advanced: () => {}, failed: () => {} })
    })

    it('tells what lies in which folder', async () => {
      const topic = await TestTopic.create(engine)
      const batch = sampleBatch()
      await topic.append(batch)
      const partitions = (await engine.logs.directories()).flatMap(directory => directory.partitions)
      const own = partitions.filter(p => p.topic === topic.layout.topic)
      assert.deepEqual(own, [{ topic: topic.layout.topic, partition: 0, sizeBytes: batch.length }])
    })
  })
}
