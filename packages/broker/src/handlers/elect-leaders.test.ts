import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ElectLeaders, errorName } from '@millrace/protocol'
import { createTopic, startTestBroker, versionsOf } from '@millrace/testkit'

test('no election is needed, and what is not there is unknown, in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  for (const version of versionsOf(ElectLeaders)) {
    const { errorCode, replicaElectionResults } = await client.request(ElectLeaders, version, {
      topicPartitions: [
        { topic: 't', partitions: [0, 5] },
        { topic: 'nope', partitions: [0] },
      ],
    })
    assert.equal(errorCode, 0)
    assert.deepEqual(
      replicaElectionResults.flatMap(({ topic, partitionResult }) =>
        partitionResult.map(p => [topic, p.partitionId, errorName(p.errorCode), p.errorMessage]),
      ),
      [
        ['t', 0, 'ELECTION_NOT_NEEDED', 'Leader election not needed for topic partition.'],
        ['t', 5, 'UNKNOWN_TOPIC_OR_PARTITION', 'No such partition as t-5'],
        ['nope', 0, 'UNKNOWN_TOPIC_OR_PARTITION', 'No such topic as nope'],
      ],
    )
  }
})

test('of all partitions only those that changed are named: none', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const { errorCode, replicaElectionResults } = await client.request(ElectLeaders, 2, { topicPartitions: null })
  assert.deepEqual([errorCode, replicaElectionResults], [0, [{ topic: 't', partitionResult: [] }]])
})

test('a kind of election that does not exist is refused, for each partition too', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const { errorCode, replicaElectionResults } = await client.request(ElectLeaders, 2, {
    electionType: 2,
    topicPartitions: [{ topic: 't', partitions: [0] }],
  })
  assert.equal(errorName(errorCode), 'INVALID_REQUEST')
  assert.equal(replicaElectionResults[0]!.partitionResult[0]!.errorMessage, 'Unknown election type 2')
})
