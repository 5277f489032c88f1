import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DescribeTopicPartitions, type DescribeTopicPartitionsResponse, errorName } from '@millrace/protocol'
import { createTopic, startTestBroker, type WireClient } from '@millrace/testkit'

interface Question {
  readonly topics?: readonly string[]
  readonly limit?: number
  readonly cursor?: { readonly topicName: string; readonly partitionIndex: number }
}

const ask = (client: WireClient, { topics = [], limit = 2_000, cursor }: Question = {}) =>
  client.request(DescribeTopicPartitions, 0, {
    topics: topics.map(name => ({ name })),
    responsePartitionLimit: limit,
    cursor: cursor ?? null,
  })

const shown = ({ topics }: DescribeTopicPartitionsResponse): string[] =>
  topics.map(t => `${t.name}:${t.partitions.map(p => p.partitionIndex).join(',')}`)

async function twoTopics(client: WireClient): Promise<void> {
  await createTopic(client, 'b', { partitions: 3 })
  await createTopic(client, 'a')
}

test('a partition is led by this broker, which is its only replica', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const topicId = await createTopic(client, 't')
  const { topics, nextCursor } = await ask(client, { topics: ['t'] })
  assert.equal(nextCursor, null)
  assert.deepEqual(topics, [
    {
      errorCode: 0,
      name: 't',
      topicId,
      isInternal: false,
      partitions: [
        {
          errorCode: 0,
          partitionIndex: 0,
          leaderId: 1,
          leaderEpoch: 0,
          replicaNodes: [1],
          isrNodes: [1],
          eligibleLeaderReplicas: [],
          lastKnownElr: [],
          offlineReplicas: [],
        },
      ],
      topicAuthorizedOperations: 3576,
    },
  ])
})

test('topics come by name, each once, and an empty list asks for all', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await twoTopics(client)
  assert.deepEqual(shown(await ask(client, { topics: ['b', 'a', 'b'] })), ['a:0', 'b:0,1,2'])
  assert.deepEqual(shown(await ask(client)), ['a:0', 'b:0,1,2'])
})

test('unknown topics and bad names are answered beside the others', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await twoTopics(client)
  const { topics } = await ask(client, { topics: ['a', 'nope', 'x/y'] })
  assert.deepEqual(
    topics.map(t => errorName(t.errorCode)),
    ['NONE', 'UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION'],
  )
})

test('pages follow one another by their cursors until everything was told once', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await twoTopics(client)
  const pages: string[][] = []
  let cursor: Question['cursor'] | null = null
  do {
    const page = await ask(client, { limit: 2, ...(cursor !== null && { cursor }) })
    pages.push(shown(page))
    cursor = page.nextCursor
  } while (cursor !== null)
  assert.deepEqual(pages, [['a:0', 'b:0'], ['b:1,2']])
})

test('a page that ends with a topic points at the begin of the next', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await twoTopics(client)
  const { nextCursor } = await ask(client, { topics: ['a', 'b'], limit: 1 })
  assert.deepEqual(nextCursor, { topicName: 'b', partitionIndex: 0 })
})

test('no limit below one, and none above the broker’s own, is kept', async () => {
  await using broker = await startTestBroker({ settings: { 'max.request.partition.size.limit': '2' } })
  const client = await broker.connect()
  await createTopic(client, 'b', { partitions: 3 })
  assert.deepEqual(shown(await ask(client, { limit: 0 })), ['b:0'])
  assert.deepEqual(shown(await ask(client, { limit: 1_000_000 })), ['b:0,1'])
})

test('a cursor past the last partition of its topic finds the topic without partitions', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await twoTopics(client)
  const page = await ask(client, { cursor: { topicName: 'b', partitionIndex: 99 } })
  assert.deepEqual([shown(page), page.nextCursor], [['b:'], null])
})

test('the cursor’s topic may have gone meanwhile when all topics are asked for', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await twoTopics(client)
  assert.deepEqual(shown(await ask(client, { cursor: { topicName: 'aa', partitionIndex: 5 } })), ['b:0,1,2'])
})

test('a cursor that is negative, or at a topic that was not asked for, is refused', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await twoTopics(client)
  for (const cursor of [
    { topicName: 'b', partitionIndex: -1 },
    { topicName: 'aa', partitionIndex: 0 },
    { topicName: 'zz', partitionIndex: 0 },
  ]) {
    const { topics } = await ask(client, { topics: ['a', 'b'], cursor })
    assert.deepEqual(
      topics.map(t => errorName(t.errorCode)),
      ['INVALID_REQUEST', 'INVALID_REQUEST'],
    )
  }
})
