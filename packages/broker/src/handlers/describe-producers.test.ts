import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DescribeProducers, errorName } from '@millrace/protocol'
import { batchOf, createTopic, produceBatch, startTestBroker } from '@millrace/testkit'

test('an idempotent producer is listed with what it wrote last', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const record = { timestamp: 1_000, value: Buffer.from('v') }
  await produceBatch(client, 't', batchOf([record, record], { producerId: 77, producerEpoch: 1, baseSequence: 0 }))
  const { topics } = await client.request(DescribeProducers, 0, { topics: [{ name: 't', partitionIndexes: [0] }] })
  assert.deepEqual(topics[0]!.partitions, [
    {
      partitionIndex: 0,
      errorCode: 0,
      errorMessage: null,
      activeProducers: [
        {
          producerId: 77,
          producerEpoch: 1,
          lastSequence: 1,
          lastTimestamp: 1_000,
          coordinatorEpoch: -1,
          currentTxnStartOffset: -1,
        },
      ],
    },
  ])
})

test('a producer without an id leaves no trace', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  await produceBatch(client, 't', batchOf(['a']))
  const { topics } = await client.request(DescribeProducers, 0, { topics: [{ name: 't', partitionIndexes: [0] }] })
  assert.deepEqual(topics[0]!.partitions[0]!.activeProducers, [])
})

test('unknown partitions, unknown topics and bad names are told apart', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const { topics } = await client.request(DescribeProducers, 0, {
    topics: ['t', 'nope', 'b/ad'].map(name => ({ name, partitionIndexes: [4] })),
  })
  assert.deepEqual(
    topics.map(({ partitions }) => errorName(partitions[0]!.errorCode)),
    ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION'],
  )
})

test('a partition that is named many times is answered once', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const { topics } = await client.request(DescribeProducers, 0, {
    topics: [{ name: 't', partitionIndexes: Array(10_000).fill(0) }],
  })
  assert.equal(topics[0]!.partitions.length, 1)
})
