import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlterPartitionReassignments, errorName, ListPartitionReassignments } from '@millrace/protocol'
import { createTopic, startTestBroker, versionsOf, type WireClient } from '@millrace/testkit'

async function outcome(
  client: WireClient,
  replicas: readonly number[] | null,
  name = 't',
  partitionIndex = 0,
): Promise<string> {
  const { errorCode, responses } = await client.request(AlterPartitionReassignments, 1, {
    topics: [{ name, partitions: [{ partitionIndex, replicas }] }],
  })
  assert.equal(errorCode, 0)
  const partition = responses[0]!.partitions[0]!
  return `${errorName(partition.errorCode)}: ${partition.errorMessage}`
}

test('a move to where the partition is succeeds, in every version, and nothing is under way after it', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  for (const version of versionsOf(AlterPartitionReassignments)) {
    const { errorCode, responses } = await client.request(AlterPartitionReassignments, version, {
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, replicas: [1] }] }],
    })
    assert.equal(errorCode, 0)
    assert.deepEqual(responses, [{ name: 't', partitions: [{ partitionIndex: 0, errorCode: 0, errorMessage: null }] }])
  }
  for (const version of versionsOf(ListPartitionReassignments)) {
    const { errorCode, topics } = await client.request(ListPartitionReassignments, version, { topics: null })
    assert.deepEqual([errorCode, topics], [0, []])
  }
})

test('a move to another broker is refused in words', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const refused = 'INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes'
  assert.equal(await outcome(client, [1, 2]), `${refused} broker 2, but no such broker is registered.`)
  assert.equal(await outcome(client, [-1]), `${refused} broker -1, but no such broker is registered.`)
  assert.equal(await outcome(client, [1, 1]), `${refused} the broker 1 more than once.`)
  assert.equal(await outcome(client, []), `${refused} an empty replica list.`)
})

test('there is nothing to cancel', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  assert.equal(await outcome(client, null), 'NO_REASSIGNMENT_IN_PROGRESS: null')
})

test('what is not there is unknown, by name or by number', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  assert.equal(await outcome(client, [1], 'nope'), 'UNKNOWN_TOPIC_OR_PARTITION: Unable to find a topic named nope.')
  assert.equal(await outcome(client, [1], 't', 9), 'UNKNOWN_TOPIC_OR_PARTITION: Unable to find partition t:9.')
})

test('the wish not to change the replication factor comes back', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const request = { allowReplicationFactorChange: false, topics: [] }
  assert.equal((await client.request(AlterPartitionReassignments, 1, request)).allowReplicationFactorChange, false)
})
