import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as p from '@millrace/protocol'
import { batchOf, startTestBroker, type TestBroker, type WireClient } from '@millrace/testkit'
import type { Operation, ResourceType } from '../security/authorizer.ts'

type Permission = `${Operation} ${ResourceType} ${string}`

/** A broker with the topic `t`, where a client may do what is listed and nothing else. */
async function guardedBroker(...allowed: Permission[]): Promise<TestBroker> {
  const permissions = new Set<string>(allowed)
  const broker = await startTestBroker({
    authorizer: { authorize: (_who, operation, type, name) => permissions.has(`${operation} ${type} ${name}`) },
  })
  const topic = { id: 'AAAAAAAAAAAAAAAAAAAAAg', name: 't', partitionCount: 1, createdMs: 0 }
  await broker.catalog.write([{ kind: 'createTopic', topic }])
  return broker
}

const partition0 = { topic: 't', partitions: [{ partition: 0 }] }

/** Who may do nothing is told this by each API. */
const refusals: Record<string, [error: p.ErrorName, ask: (client: WireClient) => Promise<number | undefined>]> = {
  Produce: [
    'TOPIC_AUTHORIZATION_FAILED',
    async client =>
      (
        await client.request(p.Produce, 9, {
          acks: 1,
          topicData: [{ name: 't', partitionData: [{ index: 0, records: [batchOf(['a'])] }] }],
        })
      ).responses[0]?.partitionResponses[0]?.errorCode,
  ],
  Fetch: [
    'TOPIC_AUTHORIZATION_FAILED',
    async client =>
      (await client.request(p.Fetch, 12, { topics: [partition0] })).responses[0]?.partitions[0]?.errorCode,
  ],
  ListOffsets: [
    'TOPIC_AUTHORIZATION_FAILED',
    async client =>
      (
        await client.request(p.ListOffsets, 9, {
          topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
        })
      ).topics[0]?.partitions[0]?.errorCode,
  ],
  Metadata: [
    'TOPIC_AUTHORIZATION_FAILED',
    async client => (await client.request(p.Metadata, 12, { topics: [{ name: 't' }] })).topics[0]?.errorCode,
  ],
  CreateTopics: [
    'TOPIC_AUTHORIZATION_FAILED',
    async client =>
      (
        await client.request(p.CreateTopics, 7, {
          topics: [{ name: 'u', numPartitions: 1, replicationFactor: 1 }],
        })
      ).topics[0]?.errorCode,
  ],
  DeleteTopics: [
    'TOPIC_AUTHORIZATION_FAILED',
    async client => (await client.request(p.DeleteTopics, 6, { topics: [{ name: 't' }] })).responses[0]?.errorCode,
  ],
  DeleteRecords: [
    'TOPIC_AUTHORIZATION_FAILED',
    async client =>
      (
        await client.request(p.DeleteRecords, 2, {
          topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: -1 }] }],
        })
      ).topics[0]?.partitions[0]?.errorCode,
  ],
  InitProducerId: [
    'CLUSTER_AUTHORIZATION_FAILED',
    async client => (await client.request(p.InitProducerId, 5, { transactionalId: null })).errorCode,
  ],
  OffsetForLeaderEpoch: [
    'TOPIC_AUTHORIZATION_FAILED',
    async client =>
      (await client.request(p.OffsetForLeaderEpoch, 4, { topics: [partition0] })).topics[0]?.partitions[0]?.errorCode,
  ],
  DescribeConfigs: [
    'TOPIC_AUTHORIZATION_FAILED',
    async client =>
      (
        await client.request(p.DescribeConfigs, 4, {
          resources: [{ resourceType: 2, resourceName: 't', configurationKeys: null }],
        })
      ).results[0]?.errorCode,
  ],
  AlterConfigs: [
    'GROUP_AUTHORIZATION_FAILED',
    async client =>
      (await client.request(p.AlterConfigs, 2, { resources: [{ resourceType: 32, resourceName: 'g' }] })).responses[0]
        ?.errorCode,
  ],
  IncrementalAlterConfigs: [
    'CLUSTER_AUTHORIZATION_FAILED',
    async client =>
      (await client.request(p.IncrementalAlterConfigs, 1, { resources: [{ resourceType: 4, resourceName: '1' }] }))
        .responses[0]?.errorCode,
  ],
  DescribeLogDirs: [
    'CLUSTER_AUTHORIZATION_FAILED',
    async client => (await client.request(p.DescribeLogDirs, 4, { topics: null })).errorCode,
  ],
  CreatePartitions: [
    'TOPIC_AUTHORIZATION_FAILED',
    async client =>
      (await client.request(p.CreatePartitions, 3, { topics: [{ name: 't', count: 5, assignments: null }] })).results[0]
        ?.errorCode,
  ],
  ElectLeaders: [
    'CLUSTER_AUTHORIZATION_FAILED',
    async client => (await client.request(p.ElectLeaders, 2, { topicPartitions: null })).errorCode,
  ],
  AlterPartitionReassignments: [
    'CLUSTER_AUTHORIZATION_FAILED',
    async client => (await client.request(p.AlterPartitionReassignments, 1, { topics: [] })).errorCode,
  ],
  ListPartitionReassignments: [
    'CLUSTER_AUTHORIZATION_FAILED',
    async client => (await client.request(p.ListPartitionReassignments, 0, { topics: null })).errorCode,
  ],
  DescribeProducers: [
    'TOPIC_AUTHORIZATION_FAILED',
    async client =>
      (await client.request(p.DescribeProducers, 0, { topics: [{ name: 't', partitionIndexes: [0] }] })).topics[0]
        ?.partitions[0]?.errorCode,
  ],
  ListConfigResources: [
    'CLUSTER_AUTHORIZATION_FAILED',
    async client => (await client.request(p.ListConfigResources, 1, {})).errorCode,
  ],
  DescribeTopicPartitions: [
    'TOPIC_AUTHORIZATION_FAILED',
    async client =>
      (await client.request(p.DescribeTopicPartitions, 0, { topics: [{ name: 't' }] })).topics[0]?.errorCode,
  ],
}

for (const [name, [error, ask]] of Object.entries(refusals))
  test(`${name} refuses who may do nothing with ${error}`, async () => {
    await using broker = await guardedBroker()
    assert.equal(p.errorName((await ask(await broker.connect()))!), error)
  })

test('topics that may not be described are left out where all are asked for', async () => {
  await using broker = await guardedBroker()
  const client = await broker.connect()
  assert.deepEqual((await client.request(p.Metadata, 12, { topics: null })).topics, [])
  assert.deepEqual((await client.request(p.DescribeTopicPartitions, 0, {})).topics, [])
})

test('the name behind an id is not told to who may not describe the topic', async () => {
  await using broker = await guardedBroker()
  const client = await broker.connect()
  const topics = [{ name: null, topicId: 'AAAAAAAAAAAAAAAAAAAAAg' }]
  const { responses } = await client.request(p.DeleteTopics, 6, { topics })
  assert.deepEqual([responses[0]!.name, p.errorName(responses[0]!.errorCode)], [null, 'TOPIC_AUTHORIZATION_FAILED'])
  const described = await client.request(p.Metadata, 12, { topics })
  assert.deepEqual(
    described.topics.map(t => [t.name, p.errorName(t.errorCode)]),
    [[null, 'UNKNOWN_TOPIC_ID']],
  )
})

test('to describe a topic is not yet to delete it', async () => {
  await using broker = await guardedBroker('DESCRIBE TOPIC t')
  const client = await broker.connect()
  const { responses } = await client.request(p.DeleteTopics, 6, { topics: [{ name: 't' }] })
  assert.equal(p.errorName(responses[0]!.errorCode), 'TOPIC_AUTHORIZATION_FAILED')
})

test('who may write to any topic may do so idempotently', async () => {
  await using broker = await guardedBroker('WRITE TOPIC t')
  const { errorCode } = await (await broker.connect()).request(p.InitProducerId, 5, { transactionalId: null })
  assert.equal(errorCode, 0)
})

test('authorized operations are those that the client may do', async () => {
  await using broker = await guardedBroker('DESCRIBE TOPIC t', 'READ TOPIC t', 'ALTER CLUSTER kafka-cluster')
  const client = await broker.connect()
  const { topics } = await client.request(p.Metadata, 12, {
    topics: [{ name: 't' }],
    includeTopicAuthorizedOperations: true,
  })
  assert.equal(topics[0]!.topicAuthorizedOperations, (1 << 3) | (1 << 8))
  const cluster = await client.request(p.DescribeCluster, 2, { includeClusterAuthorizedOperations: true })
  assert.equal(cluster.clusterAuthorizedOperations, 1 << 7)
})
