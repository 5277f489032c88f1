import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KafkaError } from '../errors.ts'
import { PartitionQueue } from './partition-queue.ts'
import { ProducerBatch } from './producer-batch.ts'
import { verdictOn } from './verdict.ts'

const identity = { producerId: 7, producerEpoch: 0 }

function batchOf(recordCount: number): ProducerBatch {
  const batch = new ProducerBatch(0, 1000)
  for (let n = 0; n < recordCount; n++) batch.append({ timestamp: 0, value: Buffer.from('x') }, undefined)
  return batch
}

/** A queue whose broker knows it: one record is acknowledged, sequence 0. */
function known(batches: readonly ProducerBatch[]): PartitionQueue {
  const queue = new PartitionQueue('t', 0, 5)
  queue.adopt(identity)
  queue.waiting.push(batchOf(1))
  queue.succeeded(queue.start())
  queue.waiting.push(...batches)
  return queue
}

test('sequences follow each other, and the first batch of an epoch goes alone', () => {
  const queue = new PartitionQueue('t', 0, 5)
  queue.adopt(identity)
  queue.waiting.push(batchOf(3), batchOf(2), batchOf(1))
  const first = queue.start()
  assert.equal(first.baseSequence, 0)
  assert.equal(queue.mayStart, false)
  queue.succeeded(first)
  assert.deepEqual([queue.start().baseSequence, queue.start().baseSequence], [3, 5])
})

test('no more than five batches are under way', () => {
  const queue = known(Array.from({ length: 7 }, () => batchOf(1)))
  let started = 0
  while (queue.mayStart) {
    queue.start()
    started++
  }
  assert.equal(started, 5)
})

test('batches that failed come back in their order, before what has not been sent, and go one by one', () => {
  const [a, b, c, d] = [batchOf(1), batchOf(1), batchOf(1), batchOf(1)]
  const queue = known([a, b, c, d])
  for (const batch of [a, b, c]) assert.equal(queue.start(), batch)
  for (const batch of [b, a, c]) {
    batch.attempts++
    queue.again(batch)
  }
  assert.deepEqual(queue.waiting, [a, b, c, d])
  assert.deepEqual([a.baseSequence, b.baseSequence, c.baseSequence], [1, 2, 3])
  assert.equal(queue.start(), a)
  assert.equal(queue.mayStart, false)
  queue.succeeded(a)
  assert.equal(queue.start(), b)
})

test('while a later batch is under way an earlier one may go again, and nothing else', () => {
  const [a, b, c] = [batchOf(1), batchOf(1), batchOf(1)]
  const queue = known([a, b, c])
  queue.start()
  queue.start()
  a.attempts++
  queue.again(a)
  assert.equal(queue.mayStart, true)
  assert.equal(queue.start(), a)
  assert.equal(queue.mayStart, false)
})

test('after a batch is lost for good everything begins again at sequence 0 of a new epoch, once nothing is under way', () => {
  const [a, b, c] = [batchOf(1), batchOf(2), batchOf(1)]
  const queue = known([a, b, c])
  queue.start()
  queue.start()
  queue.failed(a)
  assert.deepEqual([queue.wantsNewEpoch, queue.mayStart], [false, false])
  queue.again(b)
  assert.equal(queue.wantsNewEpoch, true)
  queue.adopt({ producerId: 7, producerEpoch: 1 })
  assert.equal(queue.start(), b)
  assert.deepEqual([b.baseSequence, b.identity?.producerEpoch], [0, 1])
  queue.succeeded(b)
  assert.equal(queue.start().baseSequence, 2)
})

test('sequences go from 2147483647 on to 0', () => {
  const queue = known([])
  const large = batchOf(1)
  Object.defineProperty(large, 'recordCount', { value: 0x7fff_ffff - 1 })
  queue.waiting.push(large, batchOf(2), batchOf(1))
  queue.succeeded(queue.start())
  const last = queue.start()
  assert.equal(last.baseSequence, 0x7fff_ffff)
  assert.equal(queue.start().baseSequence, 1)
})

test('a complaint about the sequence is passing while an earlier batch is unacknowledged, and else a reason to begin again', () => {
  const [a, b] = [batchOf(1), batchOf(1)]
  const queue = known([a, b])
  queue.start()
  queue.start()
  const complaint = new KafkaError('OUT_OF_ORDER_SEQUENCE_NUMBER', 'out of order')
  assert.equal(verdictOn(complaint, b, queue, false), 'again')
  assert.equal(verdictOn(complaint, a, queue, false), 'restart')
})

test('what a broker says decides about the batch', () => {
  const queue = known([batchOf(2)])
  const batch = queue.start()
  const verdict = (code: KafkaError['code'], of = batch) => verdictOn(new KafkaError(code, ''), of, queue, false)
  assert.equal(verdict('NOT_LEADER_OR_FOLLOWER'), 'again')
  assert.equal(verdict('DISCONNECTED'), 'again')
  assert.equal(verdict('DUPLICATE_SEQUENCE_NUMBER'), 'delivered')
  assert.equal(verdict('MESSAGE_TOO_LARGE'), 'split')
  assert.equal(verdict('MESSAGE_TOO_LARGE', batchOf(1)), 'failed')
  assert.equal(verdict('UNKNOWN_PRODUCER_ID'), 'restart')
  assert.equal(verdict('TOPIC_AUTHORIZATION_FAILED'), 'failed')
  assert.equal(verdict('OUT_OF_ORDER_SEQUENCE_NUMBER', batchOf(1)), 'failed')
})
