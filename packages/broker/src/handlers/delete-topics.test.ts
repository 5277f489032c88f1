import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeleteTopics, errorName, Metadata, ZERO_UUID } from '@millrace/protocol'
import { createTopic, errorsOf, startTestBroker, versionsOf, type WireClient } from '@millrace/testkit'

const timeoutMs = 10_000

async function topicNames(client: WireClient): Promise<(string | null)[]> {
  const { topics } = await client.request(Metadata, 12, { topics: null })
  return topics.map(({ name }) => name).sort()
}

test('a topic is deleted by its name, in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  for (const version of versionsOf(DeleteTopics)) {
    await createTopic(client, 'gone')
    const body = version >= 6 ? { topics: [{ name: 'gone' }], timeoutMs } : { topicNames: ['gone'], timeoutMs }
    const { responses } = await client.request(DeleteTopics, version, body)
    assert.deepEqual(
      responses.map(r => [r.name, r.errorCode]),
      [['gone', 0]],
    )
    assert.deepEqual(await topicNames(client), [])
  }
})

test('a topic is deleted by its id, and the answer names it', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const topicId = await createTopic(client, 'gone')
  const { responses } = await client.request(DeleteTopics, 6, { topics: [{ name: null, topicId }], timeoutMs })
  assert.deepEqual(responses, [{ name: 'gone', topicId, errorCode: 0, errorMessage: null }])
  assert.deepEqual(await topicNames(client), [])
})

test('what is unknown, odd or named twice is refused, each for its reason', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const topicId = await createTopic(client, 'stays')
  const unknownId = 'AAAAAAAAAAAAAAAAAAAAAg'
  const twiceId = 'AAAAAAAAAAAAAAAAAAAABg'
  const { responses } = await client.request(DeleteTopics, 6, {
    topics: [
      { name: 'nope' },
      { name: null, topicId: unknownId },
      { name: null },
      { name: 'stays', topicId },
      { name: 'dup' },
      { name: 'dup' },
      { name: null, topicId: twiceId },
      { name: null, topicId: twiceId },
    ],
    timeoutMs,
  })
  const outcomes = new Map(
    responses.map(r => [`${r.name}/${r.topicId}`, `${errorName(r.errorCode)}: ${r.errorMessage}`]),
  )
  assert.equal(responses.length, 6)
  assert.deepEqual(
    outcomes,
    new Map([
      [`nope/${ZERO_UUID}`, 'UNKNOWN_TOPIC_OR_PARTITION: This server does not host this topic-partition.'],
      [`null/${unknownId}`, 'UNKNOWN_TOPIC_ID: This server does not host this topic ID.'],
      [`null/${ZERO_UUID}`, 'INVALID_REQUEST: Neither topic name nor id were specified.'],
      [`stays/${topicId}`, 'INVALID_REQUEST: You may not specify both topic name and topic id.'],
      [`dup/${ZERO_UUID}`, 'INVALID_REQUEST: Duplicate topic name.'],
      [`null/${twiceId}`, 'INVALID_REQUEST: Duplicate topic id.'],
    ]),
  )
  assert.deepEqual(await topicNames(client), ['stays'])
})

test('a topic named once by name and once by id is left alone', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const topicId = await createTopic(client, 'stays')
  const { responses } = await client.request(DeleteTopics, 6, {
    topics: [{ name: 'stays' }, { name: null, topicId }],
    timeoutMs,
  })
  assert.deepEqual(errorsOf(responses), ['INVALID_REQUEST'])
  assert.match(responses[0]!.errorMessage!, /maps to an ID that was already supplied/)
  assert.deepEqual(await topicNames(client), ['stays'])
})

test('with delete.topic.enable=false nothing is deleted, and old clients get an error they know', async () => {
  await using broker = await startTestBroker({ settings: { 'delete.topic.enable': 'false' } })
  const client = await broker.connect()
  await createTopic(client, 'stays')
  const refusals = new Map<number, unknown>()
  for (const version of [2, 3, 6]) {
    const body = version >= 6 ? { topics: [{ name: 'stays' }], timeoutMs } : { topicNames: ['stays'], timeoutMs }
    refusals.set(version, errorsOf((await client.request(DeleteTopics, version, body)).responses)[0])
  }
  assert.deepEqual([...refusals.values()], ['INVALID_REQUEST', 'TOPIC_DELETION_DISABLED', 'TOPIC_DELETION_DISABLED'])
  assert.deepEqual(await topicNames(client), ['stays'])
})

test('a name can be used again at once and gets another id', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const first = await createTopic(client, 'again')
  await client.request(DeleteTopics, 6, { topics: [{ name: 'again' }], timeoutMs })
  assert.notEqual(await createTopic(client, 'again'), first)
})

test('a request of 100,000 unknown names is answered, each name once', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const names = Array.from({ length: 100_000 }, (_, i) => `nope-${i}`)
  const { responses } = await client.request(DeleteTopics, 6, { topics: names.map(name => ({ name })), timeoutMs })
  assert.equal(responses.length, names.length)
})
