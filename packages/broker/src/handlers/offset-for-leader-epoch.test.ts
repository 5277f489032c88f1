import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OffsetForLeaderEpoch } from '@millrace/protocol'
import { batchOf, createTopic, errorsOf, produceBatch, startTestBroker, versionsOf } from '@millrace/testkit'

test('the current epoch ends at the log end, in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  await produceBatch(client, 't', batchOf(['a', 'b']))
  for (const version of versionsOf(OffsetForLeaderEpoch)) {
    const { topics } = await client.request(OffsetForLeaderEpoch, version, {
      topics: [{ topic: 't', partitions: [{ partition: 0, leaderEpoch: 0 }] }],
    })
    assert.deepEqual(topics, [
      { topic: 't', partitions: [{ errorCode: 0, partition: 0, leaderEpoch: 0, endOffset: 2 }] },
    ])
  }
})

test('an epoch above all known, and none, have no end', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const { topics } = await client.request(OffsetForLeaderEpoch, 4, {
    topics: [
      {
        topic: 't',
        partitions: [
          { partition: 0, leaderEpoch: 5 },
          { partition: 0, leaderEpoch: -1 },
        ],
      },
    ],
  })
  for (const { errorCode, leaderEpoch, endOffset } of topics[0]!.partitions)
    assert.deepEqual([errorCode, leaderEpoch, endOffset], [0, -1, -1])
})

test('a client whose own epoch is newer than the leader is told so', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const { topics } = await client.request(OffsetForLeaderEpoch, 4, {
    topics: [{ topic: 't', partitions: [{ partition: 0, currentLeaderEpoch: 7, leaderEpoch: 0 }] }],
  })
  assert.deepEqual(errorsOf(topics[0]!.partitions), ['UNKNOWN_LEADER_EPOCH'])
})

test('partitions that are not there are unknown', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const { topics } = await client.request(OffsetForLeaderEpoch, 4, {
    topics: [
      {
        topic: 't',
        partitions: [
          { partition: 9, leaderEpoch: 0 },
          { partition: -1, leaderEpoch: 0 },
        ],
      },
      { topic: 'nope', partitions: [{ partition: 0, leaderEpoch: 0 }] },
    ],
  })
  assert.deepEqual(
    topics.flatMap(t => errorsOf(t.partitions)),
    Array(3).fill('UNKNOWN_TOPIC_OR_PARTITION'),
  )
})
