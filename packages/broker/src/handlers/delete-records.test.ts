import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeleteRecords, errorName, Fetch, ListOffsets } from '@millrace/protocol'
import { batchOf, createTopic, produceBatch, startTestBroker, versionsOf, type WireClient } from '@millrace/testkit'

async function outcome(
  client: WireClient,
  name: string,
  offset: number,
  partitionIndex = 0,
): Promise<[string, number]> {
  const { topics } = await client.request(DeleteRecords, 2, {
    topics: [{ name, partitions: [{ partitionIndex, offset }] }],
    timeoutMs: 10_000,
  })
  const { errorCode, lowWatermark } = topics[0]!.partitions[0]!
  return [errorName(errorCode), lowWatermark]
}

async function topicOfFive(client: WireClient, configs: Record<string, string> = {}): Promise<void> {
  await createTopic(client, 't', { configs })
  const record = { timestamp: 1_000, key: Buffer.from('k'), value: Buffer.from('v') }
  await produceBatch(client, 't', batchOf(Array.from({ length: 5 }, () => record)))
}

test('the log start moves and is answered, in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await topicOfFive(client)
  for (const version of versionsOf(DeleteRecords)) {
    const { topics } = await client.request(DeleteRecords, version, {
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: version + 1 }] }],
      timeoutMs: 10_000,
    })
    assert.deepEqual(topics, [
      { name: 't', partitions: [{ partitionIndex: 0, lowWatermark: version + 1, errorCode: 0 }] },
    ])
  }
  const listed = await client.request(ListOffsets, 7, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -2 }] }],
  })
  assert.equal(listed.topics[0]!.partitions[0]!.offset, 3)
})

test('what lies before the log start cannot be read any more', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await topicOfFive(client)
  await outcome(client, 't', 4)
  const { responses } = await client.request(Fetch, 12, {
    maxWaitMs: 0,
    minBytes: 1,
    topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 3, partitionMaxBytes: 1 << 20 }] }],
    forgottenTopicsData: [],
  })
  assert.equal(errorName(responses[0]!.partitions[0]!.errorCode), 'OFFSET_OUT_OF_RANGE')
})

test('-1 deletes everything up to the high watermark', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await topicOfFive(client)
  assert.deepEqual(await outcome(client, 't', -1), ['NONE', 5])
})

test('an offset below the log start changes nothing', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await topicOfFive(client)
  await outcome(client, 't', 3)
  assert.deepEqual(await outcome(client, 't', 1), ['NONE', 3])
})

test('an offset above the high watermark, or below -1, is out of range', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await topicOfFive(client)
  assert.deepEqual(await outcome(client, 't', 6), ['OFFSET_OUT_OF_RANGE', -1])
  assert.deepEqual(await outcome(client, 't', -2), ['OFFSET_OUT_OF_RANGE', -1])
})

test('a topic that is only compacted keeps its records', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await topicOfFive(client, { 'cleanup.policy': 'compact' })
  assert.deepEqual(await outcome(client, 't', 2), ['POLICY_VIOLATION', -1])
})

test('a partition that is not there is unknown', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await topicOfFive(client)
  assert.deepEqual(await outcome(client, 't', 1, 7), ['UNKNOWN_TOPIC_OR_PARTITION', -1])
  assert.deepEqual(await outcome(client, 'nope', 1), ['UNKNOWN_TOPIC_OR_PARTITION', -1])
})

test('an internal topic keeps its records', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, '__consumer_offsets')
  assert.deepEqual(await outcome(client, '__consumer_offsets', -1), ['INVALID_TOPIC_EXCEPTION', -1])
})

test('of a partition that is named several times the last offset counts, and it is answered once', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await topicOfFive(client)
  const at = (offset: number) => ({ partitionIndex: 0, offset })
  const { topics } = await client.request(DeleteRecords, 2, {
    topics: [
      { name: 't', partitions: [at(1), at(4)] },
      { name: 't', partitions: [at(3)] },
    ],
    timeoutMs: 10_000,
  })
  assert.deepEqual(topics, [{ name: 't', partitions: [{ partitionIndex: 0, lowWatermark: 3, errorCode: 0 }] }])
})
