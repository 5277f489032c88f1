import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorName, ListOffsets } from '@millrace/protocol'
import { batchOf, createTopic, produceBatch, startTestBroker, versionsOf, type WireClient } from '@millrace/testkit'

/** Five records with the times 1000 to 1004, the latest in the middle. */
async function fiveRecords(client: WireClient): Promise<void> {
  await createTopic(client, 't')
  const times = [1_000, 1_001, 1_004, 1_002, 1_003]
  await produceBatch(client, 't', batchOf(times.map(timestamp => ({ timestamp, value: Buffer.from('v') }))))
}

async function offsetAt(client: WireClient, timestamp: number, version = 11): Promise<[string, number, number]> {
  const { topics } = await client.request(ListOffsets, version, {
    replicaId: -1,
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp }] }],
  })
  const { errorCode, offset, timestamp: found } = topics[0]!.partitions[0]!
  return [errorName(errorCode), offset, found]
}

test('the first and the next offset are told in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await fiveRecords(client)
  for (const version of versionsOf(ListOffsets)) {
    assert.deepEqual(await offsetAt(client, -2, version), ['NONE', 0, -1])
    assert.deepEqual(await offsetAt(client, -1, version), ['NONE', 5, -1])
  }
})

test('a time finds the first record at or after it, and none past the last', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await fiveRecords(client)
  assert.deepEqual(await offsetAt(client, 0), ['NONE', 0, 1_000])
  assert.deepEqual(await offsetAt(client, 1_002), ['NONE', 2, 1_004])
  assert.deepEqual(await offsetAt(client, 9_999), ['NONE', -1, -1])
  // Java's Long.MAX_VALUE, which no safe integer is, looks the same from here.
  assert.deepEqual(await offsetAt(client, Number.MAX_SAFE_INTEGER), ['NONE', -1, -1])
})

test('the record with the latest time is found', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await fiveRecords(client)
  assert.deepEqual(await offsetAt(client, -3), ['NONE', 2, 1_004])
})

test('each special time is known from its version on, and no other is', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await fiveRecords(client)
  const since = { [-3]: 7, [-4]: 8, [-5]: 9, [-6]: 11 }
  for (const [timestamp, version] of Object.entries(since)) {
    assert.equal((await offsetAt(client, Number(timestamp), version - 1))[0], 'UNSUPPORTED_VERSION')
    assert.equal((await offsetAt(client, Number(timestamp), version))[0], 'NONE')
  }
  assert.equal((await offsetAt(client, -7))[0], 'UNSUPPORTED_VERSION')
})

test('nothing is tiered, so the local log begins where the log does', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await fiveRecords(client)
  assert.deepEqual(await offsetAt(client, -4), ['NONE', 0, -1])
  assert.deepEqual(await offsetAt(client, -5), ['NONE', -1, -1])
})

test('repeats, unknown partitions and wrong epochs are refused one by one', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't', { partitions: 3 })
  const at = (partitionIndex: number, currentLeaderEpoch = -1) => ({
    partitionIndex,
    currentLeaderEpoch,
    timestamp: -1,
  })
  const { topics } = await client.request(ListOffsets, 11, {
    replicaId: -1,
    topics: [
      { name: 't', partitions: [at(0), at(0), at(1), at(2, 5), at(9)] },
      { name: 'nope', partitions: [at(0)] },
    ],
  })
  assert.deepEqual(
    topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorName(errorCode))),
    [
      'INVALID_REQUEST',
      'INVALID_REQUEST',
      'NONE',
      'UNKNOWN_LEADER_EPOCH',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'UNKNOWN_TOPIC_OR_PARTITION',
    ],
  )
})
