import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCode, Metadata, ZERO_UUID } from '@millrace/protocol'
import { startTestBroker } from '@millrace/testkit'

test('a topic that is asked for by id is found whether its name is null or, as Java sends it, empty', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const made = await client.request(Metadata, 13, {
    topics: [{ name: 'orders' }],
    includeTopicAuthorizedOperations: false,
  })
  const topicId = made.topics[0]!.topicId
  assert.notEqual(topicId, ZERO_UUID)
  for (const name of [null, '']) {
    const topics = [
      { topicId, name },
      { topicId: 'AAAAAAAAAAAAAAAAAAAACg', name },
    ]
    const answer = await client.request(Metadata, 13, { topics, includeTopicAuthorizedOperations: false })
    assert.deepEqual(
      answer.topics.map(t => [t.errorCode, t.name, t.topicId]),
      [
        [0, 'orders', topicId],
        [errorCode('UNKNOWN_TOPIC_ID'), null, 'AAAAAAAAAAAAAAAAAAAACg'],
      ],
    )
  }
})

test('versions 10 and 11 cannot ask by id: neither a null name nor an id gets more than INVALID_REQUEST', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  for (const version of [10, 11]) {
    for (const topic of [
      { name: null },
      { name: null, topicId: 'AAAAAAAAAAAAAAAAAAAACg' },
      { name: 'a', topicId: 'AAAAAAAAAAAAAAAAAAAACg' },
    ]) {
      const answer = await client.request(Metadata, version, { topics: [topic, { name: 'orders' }] })
      assert.deepEqual(
        answer.topics.map(t => [t.errorCode, t.name]),
        [
          [errorCode('INVALID_REQUEST'), topic.name ?? ''],
          [errorCode('INVALID_REQUEST'), 'orders'],
        ],
      )
    }
  }
})
