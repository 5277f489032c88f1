import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorName, Metadata, type MetadataResponse } from '@millrace/protocol'
import { createTopic, startTestBroker, versionsOf } from '@millrace/testkit'

const named = (...names: string[]) => ({ topics: names.map(name => ({ name })), allowAutoTopicCreation: false })
const outcomes = ({ topics }: MetadataResponse): string[] =>
  topics.map(({ name, errorCode }) => `${name} ${errorName(errorCode)}`)

test('broker, cluster and topic are described in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const topicId = await createTopic(client, 't', { partitions: 2 })
  for (const version of versionsOf(Metadata)) {
    const body = version >= 4 ? named('t') : { topics: [{ name: 't' }] }
    const { brokers, controllerId, clusterId, topics } = await client.request(Metadata, version, body)
    assert.deepEqual(
      brokers.map(b => [b.nodeId, b.host, b.port]),
      [[1, '127.0.0.1', broker.port]],
    )
    if (version >= 1) assert.equal(controllerId, 1)
    if (version >= 2) assert.equal(clusterId, broker.broker.clusterId)
    if (version >= 10) assert.equal(topics[0]!.topicId, topicId)
    assert.deepEqual(
      topics[0]!.partitions.map(p => [p.partitionIndex, p.leaderId, p.replicaNodes, p.isrNodes]),
      [
        [0, 1, [1], [1]],
        [1, 1, [1], [1]],
      ],
    )
  }
})

test('all topics are asked for by null, and in version 0 by an empty list', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 'a')
  await createTopic(client, 'b')
  const names = async (version: number, topics: null | []) =>
    (await client.request(Metadata, version, { topics })).topics.map(({ name }) => name).sort()
  assert.deepEqual(await names(0, []), ['a', 'b'])
  assert.deepEqual(await names(12, null), ['a', 'b'])
  assert.deepEqual(await names(12, []), [])
})

test('unknown topics and bad names are told apart, and each name is answered once', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const response = await client.request(Metadata, 12, named('t', 'nope', 'b/ad', '..', 't'))
  assert.deepEqual(outcomes(response), [
    't NONE',
    'nope UNKNOWN_TOPIC_OR_PARTITION',
    'b/ad INVALID_TOPIC_EXCEPTION',
    '.. INVALID_TOPIC_EXCEPTION',
  ])
})

test('a topic that is asked for is created where both the broker and the client allow it', async () => {
  await using broker = await startTestBroker({ settings: { 'num.partitions': '3' } })
  const client = await broker.connect()
  const { topics } = await client.request(Metadata, 12, { topics: [{ name: 'new' }], allowAutoTopicCreation: true })
  assert.deepEqual([topics[0]!.errorCode, topics[0]!.partitions.length], [0, 3])
  await using strict = await startTestBroker({ settings: { 'auto.create.topics.enable': 'false' } })
  const refused = await (await strict.connect()).request(Metadata, 12, {
    topics: [{ name: 'new' }],
    allowAutoTopicCreation: true,
  })
  assert.deepEqual(outcomes(refused), ['new UNKNOWN_TOPIC_OR_PARTITION'])
})

test('clients that ask at the same time make one topic', async () => {
  await using broker = await startTestBroker()
  const clients = await Promise.all([broker.connect(), broker.connect(), broker.connect()])
  const ids = await Promise.all(
    clients.map(async client => {
      const body = { topics: [{ name: 'new' }], allowAutoTopicCreation: true }
      return (await client.request(Metadata, 12, body)).topics[0]!.topicId
    }),
  )
  assert.equal(new Set(ids).size, 1)
})

test('authorized operations are told only when asked for, of unknown topics too', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const operations = async (includeTopicAuthorizedOperations: boolean) => {
    const body = { ...named('t', 'nope'), includeTopicAuthorizedOperations }
    return (await client.request(Metadata, 12, body)).topics.map(topic => topic.topicAuthorizedOperations)
  }
  assert.deepEqual(await operations(false), [-2_147_483_648, -2_147_483_648])
  assert.deepEqual(await operations(true), [3576, 3576])
})
