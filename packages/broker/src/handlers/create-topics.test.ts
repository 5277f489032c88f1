import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CreateTopics, type CreateTopicsResponse, errorName, Metadata, ZERO_UUID } from '@millrace/protocol'
import { createTopic, startTestBroker, versionsOf, type WireClient } from '@millrace/testkit'

interface Asked {
  readonly name: string
  readonly numPartitions?: number
  readonly replicationFactor?: number
  readonly assignments?: readonly { readonly partitionIndex: number; readonly brokerIds: readonly number[] }[]
  readonly configs?: readonly { readonly name: string; readonly value: string | null }[]
}

const create = (client: WireClient, topics: readonly Asked[], { version = 7, validateOnly = false } = {}) =>
  client.request(CreateTopics, version, {
    topics: topics.map(topic => ({ numPartitions: 1, replicationFactor: 1, ...topic })),
    timeoutMs: 10_000,
    validateOnly,
  })

const outcomes = ({ topics }: CreateTopicsResponse): string[] =>
  topics.map(({ errorCode, errorMessage }) =>
    errorMessage === null ? errorName(errorCode) : `${errorName(errorCode)}: ${errorMessage}`,
  )

test('topics are created in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  for (const version of versionsOf(CreateTopics))
    assert.deepEqual(outcomes(await create(client, [{ name: `t${version}` }], { version })), ['NONE'])
  const { topics } = await client.request(Metadata, 12, { topics: null })
  assert.equal(topics.length, versionsOf(CreateTopics).length)
})

test('the answer tells id, counts and configurations', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const configs = [{ name: 'retention.ms', value: '1000' }]
  const { topics } = await create(client, [{ name: 't', numPartitions: 3, configs }])
  const [made] = topics
  assert.notEqual(made!.topicId, ZERO_UUID)
  assert.deepEqual([made!.numPartitions, made!.replicationFactor], [3, 1])
  const retention = made!.configs!.find(({ name }) => name === 'retention.ms')!
  assert.deepEqual([retention.value, retention.configSource], ['1000', 1])
})

test('validate only makes nothing', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  assert.deepEqual(outcomes(await create(client, [{ name: 't' }], { validateOnly: true })), ['NONE'])
  assert.deepEqual((await client.request(Metadata, 12, { topics: null })).topics, [])
})

test('what cannot be made is refused, each for its reason', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 'a.b')
  const assigned = (...brokerIds: number[]) => [{ partitionIndex: 0, brokerIds }]
  const byHand = { name: 'n', numPartitions: -1, replicationFactor: -1 }
  const refusals: [Asked, RegExp][] = [
    [{ name: 'a.b' }, /^TOPIC_ALREADY_EXISTS: Topic 'a\.b' already exists\.$/],
    [{ name: 'a_b' }, /^INVALID_TOPIC_EXCEPTION: Topic 'a_b' collides with existing topic: a\.b$/],
    [{ name: '..' }, /^INVALID_TOPIC_EXCEPTION: Topic name is invalid: '\.\.' is not allowed$/],
    [{ name: 'n', numPartitions: 0 }, /^INVALID_PARTITIONS: /],
    [{ name: 'n', replicationFactor: 0 }, /^INVALID_REPLICATION_FACTOR: /],
    [{ name: 'n', replicationFactor: 2 }, /^INVALID_REPLICATION_FACTOR: .*only 1 broker/],
    [{ name: 'n', configs: [{ name: 'nope', value: '1' }] }, /^INVALID_CONFIG: Unknown topic config name: nope$/],
    [{ ...byHand, numPartitions: 1, assignments: assigned(1) }, /^INVALID_REQUEST: .*numPartitions was not set to -1/],
    [{ ...byHand, replicationFactor: 1, assignments: assigned(1) }, /^INVALID_REQUEST: .*factor was not set to -1/],
    [{ ...byHand, assignments: assigned(2) }, /^INVALID_REPLICA_ASSIGNMENT: .*no such broker is registered/],
    [{ ...byHand, assignments: [{ partitionIndex: 1, brokerIds: [1] }] }, /^INVALID_REPLICA_ASSIGNMENT: /],
  ]
  for (const [asked, refusal] of refusals) assert.match(outcomes(await create(client, [asked]))[0]!, refusal)
  assert.deepEqual(outcomes(await create(client, [{ ...byHand, assignments: assigned(1) }])), ['NONE'])
})

test('-1 takes the defaults, in old versions too', async () => {
  await using broker = await startTestBroker({ settings: { 'num.partitions': '3' } })
  const client = await broker.connect()
  const counts = { numPartitions: -1, replicationFactor: -1 }
  assert.deepEqual(outcomes(await create(client, [{ name: 'old', ...counts }], { version: 3 })), ['NONE'])
  assert.equal((await create(client, [{ name: 'new', ...counts }])).topics[0]!.numPartitions, 3)
})

test('a name that is there twice is refused once, and the others are made', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const response = await create(client, [{ name: 'd' }, { name: 'e' }, { name: 'd' }])
  assert.deepEqual(outcomes(response), ['INVALID_REQUEST: Duplicate topic name.', 'NONE'])
})

test('of two names in one request that differ in a dot only one becomes a topic', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const response = await create(client, [{ name: 'c.d' }, { name: 'c_d' }])
  assert.deepEqual(outcomes(response), [
    'NONE',
    `INVALID_TOPIC_EXCEPTION: Topic 'c_d' collides with existing topic: c.d`,
  ])
})

test('clients that create the same topic at the same time make one', async () => {
  await using broker = await startTestBroker()
  const clients = await Promise.all([broker.connect(), broker.connect(), broker.connect()])
  const answers = await Promise.all(clients.map(client => create(client, [{ name: 't' }])))
  assert.deepEqual(answers.flatMap(outcomes).sort(), [
    'NONE',
    `TOPIC_ALREADY_EXISTS: Topic 't' already exists.`,
    `TOPIC_ALREADY_EXISTS: Topic 't' already exists.`,
  ])
})

test('a request for far too many partitions is refused whole', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const topics = Array.from({ length: 1_000 }, (_, i) => ({ name: `t${i}`, numPartitions: 100_000 }))
  const refused = outcomes(await create(client, topics))
  assert.equal(refused.length, 1_000)
  assert.equal(refused[0], 'POLICY_VIOLATION: Excessively large number of partitions per request.')
})
