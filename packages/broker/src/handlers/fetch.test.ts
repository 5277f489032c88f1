import assert from 'node:assert/strict'
import { test } from 'node:test'
import { baseOffsetOf, errorName, Fetch, type FetchResponse } from '@millrace/protocol'
import { batchOf, createTopic, produceBatch, startTestBroker, versionsOf, type WireClient } from '@millrace/testkit'

interface Asked {
  readonly topic?: string
  readonly topicId?: string
  readonly partition?: number
  readonly offset?: number
  readonly maxBytes?: number
  readonly epoch?: number
}

interface Options {
  readonly version?: number
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly isolationLevel?: number
  readonly session?: readonly [id: number, epoch: number]
  readonly forgotten?: readonly number[]
}

function fetch(client: WireClient, asked: readonly Asked[], options: Options = {}): Promise<FetchResponse> {
  const { version = 12, maxWaitMs = 0, minBytes = 1, maxBytes = 1 << 20, isolationLevel = 0 } = options
  const [sessionId, sessionEpoch] = options.session ?? [0, -1]
  return client.request(Fetch, version, {
    maxWaitMs,
    minBytes,
    maxBytes,
    isolationLevel,
    ...(version >= 7 && { sessionId, sessionEpoch }),
    topics: asked.map(a => ({
      ...(version >= 13 ? { topicId: a.topicId! } : { topic: a.topic ?? 't' }),
      partitions: [
        {
          partition: a.partition ?? 0,
          fetchOffset: a.offset ?? 0,
          partitionMaxBytes: a.maxBytes ?? 1 << 20,
          ...(version >= 9 && { currentLeaderEpoch: a.epoch ?? -1 }),
        },
      ],
    })),
    ...(options.forgotten && { forgottenTopicsData: [{ topic: 't', partitions: options.forgotten }] }),
  })
}

const sizeOf = (response: FetchResponse): number =>
  response.responses
    .flatMap(({ partitions }) => partitions.flatMap(({ records }) => [...(records ?? [])]))
    .reduce((sum, view) => sum + view.length, 0)

const firstError = ({ responses }: FetchResponse): string => errorName(responses[0]!.partitions[0]!.errorCode)
const named = ({ responses }: FetchResponse): number[] =>
  responses.flatMap(({ partitions }) => partitions.map(({ partitionIndex }) => partitionIndex))

test('records and watermarks are told in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const topicId = await createTopic(client, 't')
  await produceBatch(client, 't', batchOf(['a', 'b']))
  for (const version of versionsOf(Fetch)) {
    const response = await fetch(client, [{ topicId }], { version })
    const [partition] = response.responses[0]!.partitions
    assert.deepEqual([partition!.errorCode, partition!.highWatermark], [0, 2])
    assert.equal(sizeOf(response), batchOf(['a', 'b']).length)
  }
})

test('a fetch in the middle of a batch gets the whole batch', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  await produceBatch(client, 't', batchOf(['a', 'b', 'c']))
  const { responses } = await fetch(client, [{ offset: 2 }])
  assert.equal(baseOffsetOf(Buffer.concat([...responses[0]!.partitions[0]!.records!]), 0), 0)
})

test('offsets outside the log, wrong epochs and unknown partitions are refused', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const refusals: [Asked, string][] = [
    [{ offset: 1 }, 'OFFSET_OUT_OF_RANGE'],
    [{ offset: -1 }, 'OFFSET_OUT_OF_RANGE'],
    [{ epoch: 4 }, 'UNKNOWN_LEADER_EPOCH'],
    [{ partition: 9 }, 'UNKNOWN_TOPIC_OR_PARTITION'],
    [{ topic: 'nope' }, 'UNKNOWN_TOPIC_OR_PARTITION'],
  ]
  for (const [asked, refusal] of refusals)
    assert.equal(firstError(await fetch(client, [asked], { maxWaitMs: 10_000 })), refusal)
  const byId = await fetch(client, [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAg' }], { version: 13, maxWaitMs: 10_000 })
  assert.equal(firstError(byId), 'UNKNOWN_TOPIC_ID')
})

test('one batch comes even if it is larger than every limit, and no second one', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't', { partitions: 2 })
  const batch = () => batchOf(['x'.repeat(1_000)])
  for (const partition of [0, 0, 1]) await produceBatch(client, 't', batch(), partition)
  const response = await fetch(client, [{}, { partition: 1 }], { maxBytes: 10 })
  assert.equal(sizeOf(response), batch().length)
})

test('a fetch at the end waits until there is something', async () => {
  await using broker = await startTestBroker()
  const [reader, writer] = [await broker.connect(), await broker.connect()]
  await createTopic(writer, 't')
  let isAnswered = false
  const waiting = fetch(reader, [{}], { maxWaitMs: 15_000 }).finally(() => {
    isAnswered = true
  })
  // Once this is answered, so would the fetch be, if it did not wait.
  await fetch(await broker.connect(), [{}])
  assert.equal(isAnswered, false)
  await produceBatch(writer, 't', batchOf(['a']))
  assert.ok(sizeOf(await waiting) > 0)
})

test('a fetch that wants more bytes than come is answered when its time is up', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  await produceBatch(client, 't', batchOf(['a']))
  const response = await fetch(client, [{}], { maxWaitMs: 50, minBytes: 1 << 20 })
  assert.equal(sizeOf(response), batchOf(['a']).length)
})

test('a fetch wakes up when its topic is deleted', async () => {
  await using broker = await startTestBroker()
  const [reader, admin] = [await broker.connect(), await broker.connect()]
  const topicId = await createTopic(admin, 't')
  const waiting = fetch(reader, [{}], { maxWaitMs: 15_000 })
  await fetch(admin, [{}])
  await broker.catalog.write([{ kind: 'deleteTopic', topicId }])
  assert.equal(firstError(await waiting), 'UNKNOWN_TOPIC_OR_PARTITION')
})

test('aborted transactions are listed, if only as none, for those who read committed data', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  await produceBatch(client, 't', batchOf(['a']))
  const aborted = async (isolationLevel: number) =>
    (await fetch(client, [{}], { isolationLevel })).responses[0]!.partitions[0]!.abortedTransactions
  assert.deepEqual([await aborted(0), await aborted(1)], [null, []])
})

async function session(client: WireClient): Promise<number> {
  await createTopic(client, 't', { partitions: 2 })
  const opened = await fetch(client, [{}, { partition: 1 }], { session: [0, 0] })
  assert.notEqual(opened.sessionId, 0)
  assert.deepEqual(named(opened), [0, 1])
  return opened.sessionId
}

test('in a session only partitions with news are named', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const id = await session(client)
  assert.deepEqual(named(await fetch(client, [], { session: [id, 1] })), [])
  await produceBatch(client, 't', batchOf(['a']), 1)
  const news = await fetch(client, [], { session: [id, 2] })
  assert.deepEqual(named(news), [1])
  assert.ok(sizeOf(news) > 0)
})

test('a session takes in new offsets and forgets partitions', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const id = await session(client)
  await produceBatch(client, 't', batchOf(['a']), 1)
  await produceBatch(client, 't', batchOf(['b']), 0)
  const first = await fetch(client, [{ partition: 1, offset: 1 }], { session: [id, 1], forgotten: [0] })
  // Partition 1 has no records past offset 1, but its high watermark is news.
  assert.deepEqual([named(first), sizeOf(first)], [[1], 0])
  assert.deepEqual(named(await fetch(client, [], { session: [id, 2] })), [])
})

test('a session’s epoch must be the next, and an unknown session is not there', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const id = await session(client)
  const wrong = await fetch(client, [], { session: [id, 5] })
  assert.equal(errorName(wrong.errorCode), 'INVALID_FETCH_SESSION_EPOCH')
  const unknown = await fetch(client, [], { session: [id === 77 ? 78 : 77, 1] })
  assert.equal(errorName(unknown.errorCode), 'FETCH_SESSION_ID_NOT_FOUND')
})

test('a session that was closed is not there any more', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const id = await session(client)
  const closing = await fetch(client, [{}], { session: [id, -1] })
  assert.deepEqual([closing.errorCode, closing.sessionId], [0, 0])
  assert.equal(errorName((await fetch(client, [], { session: [id, 1] })).errorCode), 'FETCH_SESSION_ID_NOT_FOUND')
})

test('names and ids do not mix in one session', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const id = await session(client)
  const mixed = await fetch(client, [], { version: 13, session: [id, 1] })
  assert.equal(errorName(mixed.errorCode), 'FETCH_SESSION_TOPIC_ID_ERROR')
})

test('a session that waits is told of the partition that gets records, and of no other', async () => {
  await using broker = await startTestBroker()
  const [reader, writer] = [await broker.connect(), await broker.connect()]
  const id = await session(reader)
  const waiting = fetch(reader, [], { session: [id, 1], maxWaitMs: 15_000 })
  await fetch(await broker.connect(), [{}])
  await produceBatch(writer, 't', batchOf(['a']), 1)
  const news = await waiting
  assert.deepEqual(named(news), [1])
  assert.ok(sizeOf(news) > 0)
})

test('a session with nothing new is told of a topic that is gone and of an offset that is none', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const topicId = await createTopic(client, 't', { partitions: 2 })
  const { sessionId: id } = await fetch(client, [{}, { partition: 1 }], { session: [0, 0] })
  assert.deepEqual(named(await fetch(client, [], { session: [id, 1] })), [])
  const beyond = await fetch(client, [{ offset: 1 }], { session: [id, 2] })
  assert.deepEqual([named(beyond), firstError(beyond)], [[0], 'OFFSET_OUT_OF_RANGE'])
  await broker.catalog.write([{ kind: 'deleteTopic', topicId }])
  const gone = await fetch(client, [], { session: [id, 3] })
  assert.deepEqual([named(gone), firstError(gone)], [[0, 1], 'UNKNOWN_TOPIC_OR_PARTITION'])
})
