/** What every engine must do with transactions (KIP-98, KIP-890). Run it beside `logConformance`. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { readControlRecord } from '@millrace/protocol'
import { baseOffsets, batchesOf, errorOf, TestTopic } from './conformance.ts'
import type { StorageEngine } from './engine.ts'
import { sampleMarker } from './sample-batch.ts'

const perEpoch = (askedAt: number) => ({ askedAt, isEpochPerTransaction: true })
const first = (askedAt: number) => ({ askedAt, isEpochPerTransaction: false })

export function transactionConformance(name: string, open: () => Promise<StorageEngine> | StorageEngine): void {
  describe(`transactions in the log engine on ${name}`, () => {
    let engine: StorageEngine
    before(async () => {
      engine = await open()
    })
    after(() => engine.close())

    const newTopic = () => TestTopic.create(engine)
    const aborted = async (topic: TestTopic, offset: number, maxBytes = 1_000_000) => {
      const outcome = await topic.read(offset, { isolation: 'read_committed', maxBytes })
      return outcome.kind === 'read' ? outcome.abortedTransactions.map(t => [t.producerId, t.firstOffset]) : []
    }

    it('hold the last stable offset at the earliest open one', async () => {
      const topic = await newTopic()
      await topic.append({ timestampsMs: [Date.now()] })
      await topic.appendInTransaction({ producerId: 1, baseSequence: 0 })
      await topic.appendInTransaction({ producerId: 2, baseSequence: 0 })
      assert.equal(topic.log().lastStableOffset, 1)
      assert.deepEqual(baseOffsets(await topic.read(0, { isolation: 'read_committed' })), [0])
      assert.deepEqual(baseOffsets(await topic.read(0)), [0, 1, 2])
      await topic.mark(sampleMarker(1, 'commit'))
      assert.equal(topic.log().lastStableOffset, 2)
      assert.equal((await topic.listOffset({ kind: 'latest', isolation: 'read_committed' })).offset, 2)
      assert.equal((await topic.listOffset({ kind: 'latest', isolation: 'read_uncommitted' })).offset, 4)
      await topic.mark(sampleMarker(2, 'commit'))
      assert.equal(topic.log().lastStableOffset, 5)
    })

    it('are not found by time before they end', async () => {
      const topic = await newTopic()
      await topic.appendInTransaction({ producerId: 1, baseSequence: 0, timestampsMs: [50] })
      const at = { kind: 'timestamp', timestampMs: 40 } as const
      assert.equal((await topic.listOffset({ ...at, isolation: 'read_committed' })).offset, -1)
      assert.equal((await topic.listOffset({ ...at, isolation: 'read_uncommitted' })).offset, 0)
      await topic.mark(sampleMarker(1, 'commit'))
      assert.equal((await topic.listOffset({ ...at, isolation: 'read_committed' })).offset, 0)
    })

    it('are named when they were aborted and overlap what is read', async () => {
      const topic = await newTopic()
      await topic.appendInTransaction({ producerId: 1, baseSequence: 0 })
      await topic.mark(sampleMarker(1, 'abort'))
      await topic.appendInTransaction({ producerId: 2, baseSequence: 0 })
      await topic.mark(sampleMarker(2, 'commit'))
      await topic.appendInTransaction({ producerId: 3, baseSequence: 0 })
      await topic.mark(sampleMarker(3, 'abort'))
      assert.deepEqual(await aborted(topic, 0), [
        [1, 0],
        [3, 4],
      ])
      assert.deepEqual(await aborted(topic, 2), [[3, 4]])
      assert.deepEqual(await aborted(topic, 2, 1), [])
      const plain = await topic.read(0)
      assert(plain.kind === 'read' && plain.abortedTransactions.length === 0)
    })

    it('that lie within each other are each named', async () => {
      const topic = await newTopic()
      for (const producerId of [1, 2, 3]) await topic.appendInTransaction({ producerId, baseSequence: 0 })
      await topic.mark(sampleMarker(2, 'abort'))
      await topic.mark(sampleMarker(3, 'abort'))
      await topic.mark(sampleMarker(1, 'abort'))
      assert.deepEqual((await aborted(topic, 0)).sort(), [
        [1, 0],
        [2, 1],
        [3, 2],
      ])
      assert.deepEqual(await aborted(topic, 5), [[1, 0]])
    })

    it('take a marker as a control batch with what it says inside', async () => {
      const topic = await newTopic()
      const outcome = await topic.mark(sampleMarker(9, 'abort', { producerEpoch: 4, coordinatorEpoch: 7 }))
      assert(outcome.kind === 'appended' && outcome.baseOffset === 0)
      const read = await topic.read(0)
      const [batch] = batchesOf(read.kind === 'read' ? read.records : [])
      const control = readControlRecord(batch!, 0)
      assert.deepEqual([control?.kind, control?.coordinatorEpoch, control?.offset], ['abort', 7, 0])
      assert.deepEqual(await aborted(topic, 0), [], 'it ended nothing here')
    })

    it('of a producer do not mix with plain batches of it', async () => {
      const topic = await newTopic()
      await topic.appendInTransaction({ producerId: 1, baseSequence: 0 })
      const plain = { producerId: 1, producerEpoch: 0, baseSequence: 1 }
      assert.equal(errorOf(await topic.append(plain)), 'INVALID_TXN_STATE')
      await topic.mark(sampleMarker(1, 'commit'))
      assert.equal((await topic.append(plain)).kind, 'appended')
    })

    it('are listed with their first offset', async () => {
      const topic = await newTopic()
      await topic.append()
      await topic.appendInTransaction({ producerId: 1, baseSequence: 0 })
      const listed = async () => {
        const [producer] = await engine.logs.activeProducers(topic.log())
        return [producer?.currentTransactionFirstOffset, producer?.producerEpoch, producer?.coordinatorEpoch]
      }
      assert.deepEqual(await listed(), [1, 0, -1])
      assert(engine.logs.hasOpenTransaction(topic.log(), { producerId: 1, producerEpoch: 0 }))
      assert(!engine.logs.hasOpenTransaction(topic.log(), { producerId: 1, producerEpoch: 1 }))
      await topic.mark(sampleMarker(1, 'commit', { coordinatorEpoch: 3 }))
      assert.deepEqual(await listed(), [-1, 0, 3])
      assert(!engine.logs.hasOpenTransaction(topic.log(), { producerId: 1, producerEpoch: 0 }))
    })

    it('begin only where they are admitted', async () => {
      const topic = await newTopic()
      const batch = (baseSequence: number) => ({ producerId: 1, baseSequence })
      assert.equal(errorOf(await topic.appendInTransaction(batch(0), 'none')), 'INVALID_TXN_STATE')
      assert.equal((await topic.appendInTransaction(batch(0), first(0))).kind, 'appended')
      assert.equal((await topic.appendInTransaction(batch(1), 'none')).kind, 'appended')
    })

    it('do not begin by an admission that was asked for before their marker', async () => {
      const topic = await newTopic()
      const askedAt = topic.log().highWatermark
      await topic.mark(sampleMarker(1, 'abort'))
      const late = await topic.appendInTransaction({ producerId: 1, baseSequence: 0 }, first(askedAt))
      assert.equal(errorOf(late), 'INVALID_TXN_STATE')
      const next = await topic.appendInTransaction({ producerId: 1, baseSequence: 0 }, first(1))
      assert.equal(next.kind, 'appended')
    })

    it('answer a retry of a batch after their end as what it is', async () => {
      const topic = await newTopic()
      await topic.appendInTransaction({ producerId: 1, baseSequence: 0 })
      await topic.mark(sampleMarker(1, 'commit'))
      assert.equal((await topic.appendInTransaction({ producerId: 1, baseSequence: 0 }, 'none')).kind, 'duplicate')
    })

    it('begin at sequence 0 when an epoch is one transaction and the producer is not known', async () => {
      const topic = await newTopic()
      const begin = (producerId: number, baseSequence: number, askedAt: number) =>
        topic.appendInTransaction({ producerId, baseSequence }, perEpoch(askedAt))
      assert.equal(errorOf(await begin(1, 3, 0)), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
      assert.equal((await begin(1, 0, 0)).kind, 'appended')
      assert.equal((await topic.appendInTransaction({ producerId: 2, baseSequence: 3 })).kind, 'appended')
    })

    it('are fenced off by the marker of the next epoch', async () => {
      const topic = await newTopic()
      await topic.appendInTransaction({ producerId: 1, baseSequence: 0 })
      await topic.mark(sampleMarker(1, 'abort', { producerEpoch: 1, transactionVersion: 2 }))
      const zombie = await topic.appendInTransaction({ producerId: 1, baseSequence: 1 })
      assert.equal(errorOf(zombie), 'INVALID_PRODUCER_EPOCH')
      const successor = { producerId: 1, producerEpoch: 1, baseSequence: 0 }
      assert.equal((await topic.appendInTransaction(successor)).kind, 'appended')
    })

    it('refuse a marker of an older epoch, and with the second protocol one of the same', async () => {
      const topic = await newTopic()
      await topic.appendInTransaction({ producerId: 1, producerEpoch: 3, baseSequence: 0 })
      const end = (producerEpoch: number, transactionVersion: number) =>
        topic.mark(sampleMarker(1, 'commit', { producerEpoch, transactionVersion }))
      assert.equal(errorOf(await end(2, 1)), 'INVALID_PRODUCER_EPOCH')
      assert.equal(errorOf(await end(3, 2)), 'INVALID_PRODUCER_EPOCH')
      assert.equal(topic.log().lastStableOffset, 0)
      assert.equal((await end(4, 2)).kind, 'appended')
      assert.equal(topic.log().lastStableOffset, 2)
      assert.equal((await end(4, 2)).kind, 'appended', 'a marker that is written again')
      assert.equal(errorOf(await end(3, 2)), 'INVALID_PRODUCER_EPOCH')
      assert.equal((await topic.append()).kind, 'appended')
    })

    it('refuse a marker of a coordinator that was replaced', async () => {
      const topic = await newTopic()
      await topic.mark(sampleMarker(1, 'commit', { coordinatorEpoch: 5 }))
      await topic.appendInTransaction({ producerId: 1, baseSequence: 0 })
      const old = await topic.mark(sampleMarker(1, 'abort', { coordinatorEpoch: 4 }))
      assert.equal(errorOf(old), 'TRANSACTION_COORDINATOR_FENCED')
      assert.equal(topic.log().lastStableOffset, 1)
      assert.equal((await topic.mark(sampleMarker(1, 'abort', { coordinatorEpoch: 5 }))).kind, 'appended')
    })

    it('hold the last stable offset no lower than the log start', async () => {
      const topic = await newTopic()
      await topic.appendInTransaction({ producerId: 1, baseSequence: 0 })
      await topic.append()
      await engine.logs.deleteRecords(topic.log(), 1)
      assert.equal(topic.log().lastStableOffset, 1)
    })
  })
}
