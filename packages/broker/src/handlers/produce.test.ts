import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  baseOffsetOf,
  compressionIdOf,
  compressionIds,
  errorName,
  Fetch,
  hasValidCrc,
  isLogAppendTime,
  Metadata,
  Produce,
  ZERO_UUID,
} from '@millrace/protocol'
import { batchOf, createTopic, produceBatch, startTestBroker, versionsOf, type WireClient } from '@millrace/testkit'

interface Sent {
  readonly topic?: string
  readonly topicId?: string
  readonly partition?: number
  readonly acks?: number
  readonly version?: number
}

async function send(client: WireClient, batch: Buffer | null, sent: Sent = {}) {
  const { topic = 't', topicId = ZERO_UUID, partition = 0, acks = -1, version = 12 } = sent
  const { responses } = await client.request(Produce, version, {
    transactionalId: null,
    acks,
    timeoutMs: 10_000,
    topicData: [
      {
        ...(version >= 13 ? { topicId } : { name: topic }),
        partitionData: [{ index: partition, records: batch === null ? null : [batch] }],
      },
    ],
  })
  return responses[0]!.partitionResponses[0]!
}

const outcome = async (client: WireClient, batch: Buffer | null, sent: Sent = {}): Promise<string> =>
  errorName((await send(client, batch, sent)).errorCode)

async function readBack(client: WireClient): Promise<Buffer> {
  const { responses } = await client.request(Fetch, 12, {
    maxWaitMs: 0,
    topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20 }] }],
  })
  return Buffer.concat([...(responses[0]!.partitions[0]!.records ?? [])])
}

const record = { timestamp: 1_000, key: Buffer.from('k'), value: Buffer.from('v'.repeat(100)) }

test('batches get the offsets that follow, in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const topicId = await createTopic(client, 't')
  let next = 0
  for (const version of versionsOf(Produce)) {
    const { errorCode, baseOffset, logAppendTimeMs } = await send(client, batchOf(['a', 'b']), { version, topicId })
    assert.deepEqual([errorCode, baseOffset, logAppendTimeMs], [0, next, -1])
    next += 2
  }
})

test('what was written is read back byte for byte, but for the offset', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const sent = [batchOf([record]), batchOf([record, record], { codec: 'gzip' })]
  for (const batch of sent) await produceBatch(client, 't', Buffer.from(batch))
  const read = await readBack(client)
  assert.equal(read.length, sent[0]!.length + sent[1]!.length)
  assert.equal(baseOffsetOf(read, sent[0]!.length), 1)
  // From the magic byte on: before it stand offset, length and leader epoch.
  assert.deepEqual(read.subarray(16, sent[0]!.length), sent[0]!.subarray(16))
  assert.deepEqual(read.subarray(sent[0]!.length + 16), sent[1]!.subarray(16))
})

test('requests under way together are answered in their order', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const offsets = await Promise.all(Array.from({ length: 50 }, () => produceBatch(client, 't', batchOf(['x']))))
  assert.deepEqual(
    offsets,
    Array.from({ length: 50 }, (_, i) => i),
  )
})

test('topics and partitions that are not there are unknown', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  assert.equal(await outcome(client, batchOf(['a']), { topic: 'nope' }), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(await outcome(client, batchOf(['a']), { partition: 9 }), 'UNKNOWN_TOPIC_OR_PARTITION')
  const topicId = 'AAAAAAAAAAAAAAAAAAAAAg'
  assert.equal(await outcome(client, batchOf(['a']), { version: 13, topicId }), 'UNKNOWN_TOPIC_ID')
})

test('acks other than -1, 0 and 1 are refused', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  assert.equal(await outcome(client, batchOf(['a']), { acks: 2 }), 'INVALID_REQUIRED_ACKS')
})

test('damaged and forbidden batches are refused and nothing of them is kept', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const changed = (at: number, value: number): Buffer => {
    const batch = batchOf([record])
    batch[at] = value
    return batch
  }
  const refusals: [Buffer | null, string][] = [
    [null, 'INVALID_RECORD'],
    [Buffer.alloc(0), 'INVALID_RECORD'],
    [batchOf([record]).subarray(0, 50), 'CORRUPT_MESSAGE|INVALID_RECORD'],
    [Buffer.concat([batchOf([record]), batchOf([record])]), 'INVALID_RECORD'],
    [changed(70, 0x55), 'CORRUPT_MESSAGE'],
    [batchOf([record], { baseOffset: 5 }), 'INVALID_RECORD'],
    [batchOf([record], { isControl: true }), 'INVALID_RECORD'],
    [batchOf([record], { producerId: 9, producerEpoch: 0 }), 'INVALID_RECORD'],
    [batchOf([{ timestamp: Date.now() + 7_200_000, value: Buffer.from('v') }]), 'INVALID_TIMESTAMP'],
    [batchOf([{ value: Buffer.alloc(1_100_000) }]), 'MESSAGE_TOO_LARGE'],
  ]
  for (const [batch, refusal] of refusals) assert.ok(refusal.split('|').includes(await outcome(client, batch)), refusal)
  assert.equal((await readBack(client)).length, 0)
})

test('zstd is refused before version 7', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const batch = () => batchOf([record], { codec: 'zstd' })
  assert.equal(await outcome(client, batch(), { version: 6 }), 'UNSUPPORTED_COMPRESSION_TYPE')
  assert.equal(await outcome(client, batch(), { version: 7 }), 'NONE')
})

test('a compacted topic names each record without a key', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't', { configs: { 'cleanup.policy': 'compact' } })
  const { errorCode, recordErrors } = await send(client, batchOf([record, { ...record, key: null }]))
  assert.equal(errorName(errorCode), 'INVALID_RECORD')
  assert.deepEqual(
    recordErrors!.map(({ batchIndex }) => batchIndex),
    [1],
  )
})

test('an idempotent producer must go on from its last sequence, with the epoch it has', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const batch = (producerEpoch: number, baseSequence: number) =>
    batchOf([record], { producerId: 9, producerEpoch, baseSequence })
  const steps: [epoch: number, sequence: number, outcome: string][] = [
    [0, 5, 'NONE'],
    [0, 5, 'NONE'],
    [0, 9, 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
    [1, 3, 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
    [1, 0, 'NONE'],
    [0, 6, 'INVALID_PRODUCER_EPOCH'],
  ]
  for (const [epoch, sequence, expected] of steps)
    assert.equal(await outcome(client, batch(epoch, sequence)), expected, `epoch ${epoch} sequence ${sequence}`)
  assert.equal((await readBack(client)).length, 2 * batch(0, 5).length)
})

test('with LogAppendTime the broker stamps the batch and tells the time', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't', { configs: { 'message.timestamp.type': 'LogAppendTime' } })
  const { errorCode, logAppendTimeMs } = await send(client, batchOf([record]))
  assert.equal(errorCode, 0)
  assert.ok(logAppendTimeMs! > 1_000)
  const read = await readBack(client)
  assert.ok(isLogAppendTime(read, 0) && hasValidCrc(read, 0))
})

test('a topic with a codec of its own keeps everything in it', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't', { configs: { 'compression.type': 'gzip' } })
  assert.equal(await outcome(client, batchOf([record])), 'NONE')
  const read = await readBack(client)
  assert.equal(compressionIdOf(read, 0), compressionIds.gzip)
  assert.ok(hasValidCrc(read, 0))
})

test('internal topics refuse everyone but the admin client', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const topic = '__consumer_offsets'
  await createTopic(client, topic)
  assert.equal(await outcome(client, batchOf(['a']), { topic }), 'INVALID_TOPIC_EXCEPTION')
  const admin = await broker.connect({ clientId: '__admin_client' })
  assert.equal(await outcome(admin, batchOf(['a']), { topic }), 'NONE')
})

test('acks 0 has no answer, and the connection goes on', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  client.send(Produce, 9, {
    transactionalId: null,
    acks: 0,
    timeoutMs: 1_000,
    topicData: [{ name: 't', partitionData: [{ index: 0, records: [batchOf(['a'])] }] }],
  })
  assert.equal((await client.request(Metadata, 12, { topics: [] })).topics.length, 0)
  assert.ok((await readBack(client)).length > 0)
})

test('an error with acks 0 ends the connection, for want of an answer', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  client.send(Produce, 9, {
    transactionalId: null,
    acks: 0,
    timeoutMs: 1_000,
    topicData: [{ name: 'nope', partitionData: [{ index: 0, records: [batchOf(['a'])] }] }],
  })
  await client.closed
})
