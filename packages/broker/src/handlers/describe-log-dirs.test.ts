import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DescribeLogDirs } from '@millrace/protocol'
import { batchOf, createTopic, produceBatch, startTestBroker, versionsOf } from '@millrace/testkit'

test('the replicas asked for are told with their sizes, in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't', { partitions: 2 })
  const batch = batchOf(['some', 'bytes'])
  await produceBatch(client, 't', Buffer.from(batch), 1)
  for (const version of versionsOf(DescribeLogDirs)) {
    const { errorCode, results } = await client.request(DescribeLogDirs, version, {
      topics: [
        { topic: 't', partitions: [1, 1, 9] },
        { topic: 'nope', partitions: [0] },
      ],
    })
    assert.equal(errorCode, 0)
    assert.equal(results.length, 1)
    assert.deepEqual(results[0]!.topics, [
      {
        name: 't',
        partitions: [{ partitionIndex: 1, partitionSize: batch.length, offsetLag: 0, isFutureKey: false }],
      },
    ])
  }
})

test('null asks for everything, an empty list for the folders alone', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 'a', { partitions: 3 })
  await createTopic(client, 'b')
  const all = await client.request(DescribeLogDirs, 5, { topics: null })
  const counts = all.results[0]!.topics.map(({ name, partitions }) => `${name}:${partitions.length}`)
  assert.deepEqual(counts.sort(), ['a:3', 'b:1'])
  const none = await client.request(DescribeLogDirs, 5, { topics: [] })
  assert.deepEqual(
    none.results.map(({ topics }) => topics),
    [[]],
  )
})
