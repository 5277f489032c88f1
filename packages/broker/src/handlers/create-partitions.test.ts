import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CreatePartitions, errorName, Metadata } from '@millrace/protocol'
import { createTopic, startTestBroker, versionsOf, type WireClient } from '@millrace/testkit'

async function partitionCount(client: WireClient, name: string): Promise<number> {
  const { topics } = await client.request(Metadata, 12, { topics: [{ name }] })
  return topics[0]!.partitions.length
}

async function outcome(
  client: WireClient,
  topic: { name: string; count: number; assignments?: readonly (readonly number[])[] },
  validateOnly = false,
): Promise<string> {
  const assignments = topic.assignments?.map(brokerIds => ({ brokerIds })) ?? null
  const { results } = await client.request(CreatePartitions, 3, {
    topics: [{ name: topic.name, count: topic.count, assignments }],
    timeoutMs: 10_000,
    validateOnly,
  })
  const { errorCode, errorMessage } = results[0]!
  return errorMessage === null ? errorName(errorCode) : `${errorName(errorCode)}: ${errorMessage}`
}

test('a topic grows, in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  for (const version of versionsOf(CreatePartitions)) {
    const count = 2 + version
    const { results } = await client.request(CreatePartitions, version, {
      topics: [{ name: 't', count, assignments: null }],
      timeoutMs: 10_000,
      validateOnly: false,
    })
    assert.deepEqual(results, [{ name: 't', errorCode: 0, errorMessage: null }])
    assert.equal(await partitionCount(client, 't'), count)
  }
})

test('a count that is no increase is refused in words', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't', { partitions: 3 })
  assert.equal(await outcome(client, { name: 't', count: 3 }), 'INVALID_PARTITIONS: Topic already has 3 partition(s).')
  for (const count of [2, 0, -5])
    assert.equal(
      await outcome(client, { name: 't', count }),
      `INVALID_PARTITIONS: The topic t currently has 3 partition(s); ${count} would not be an increase.`,
    )
  assert.equal(await partitionCount(client, 't'), 3)
})

test('far too many new partitions are refused', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  assert.match(await outcome(client, { name: 't', count: 2_000_000_000 }), /^POLICY_VIOLATION: /)
})

test('an unknown topic is refused', async () => {
  await using broker = await startTestBroker()
  assert.equal(await outcome(await broker.connect(), { name: 'nope', count: 3 }), 'UNKNOWN_TOPIC_OR_PARTITION')
})

test('chosen replicas must be one list for each new partition, of this broker alone', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't', { partitions: 3 })
  const refusals: [count: number, assignments: number[][], message: string][] = [
    [5, [[1]], 'Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.'],
    [4, [[7]], 'The manual partition assignment includes broker 7, but no such broker is registered.'],
    [4, [[1, 1]], 'The manual partition assignment includes the broker 1 more than once.'],
    [4, [[]], 'The manual partition assignment includes an empty replica list.'],
  ]
  for (const [count, assignments, message] of refusals)
    assert.equal(await outcome(client, { name: 't', count, assignments }), `INVALID_REPLICA_ASSIGNMENT: ${message}`)
  assert.equal(await outcome(client, { name: 't', count: 4, assignments: [[1]] }), 'NONE')
  assert.equal(await partitionCount(client, 't'), 4)
})

test('of two clients that ask for the same growth one is told that it is there', async () => {
  await using broker = await startTestBroker()
  const [one, two] = [await broker.connect(), await broker.connect()]
  await createTopic(one, 't')
  const outcomes = await Promise.all([outcome(one, { name: 't', count: 4 }), outcome(two, { name: 't', count: 4 })])
  assert.deepEqual(outcomes.map(text => text.replace(/:.*/, '')).sort(), ['INVALID_PARTITIONS', 'NONE'])
  assert.equal(await partitionCount(one, 't'), 4)
})

test('validate only changes nothing', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  assert.equal(await outcome(client, { name: 't', count: 9 }, true), 'NONE')
  assert.equal(await partitionCount(client, 't'), 1)
})

test('a topic that is named twice is refused once and stays as it is', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const topic = { name: 't', count: 5, assignments: null }
  const { results } = await client.request(CreatePartitions, 3, {
    topics: [topic, topic],
    timeoutMs: 10_000,
    validateOnly: false,
  })
  assert.deepEqual(
    results.map(r => [errorName(r.errorCode), r.errorMessage]),
    [['INVALID_REQUEST', 'Duplicate topic name.']],
  )
  assert.equal(await partitionCount(client, 't'), 1)
})
