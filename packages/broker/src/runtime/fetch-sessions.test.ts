import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, seededRandom } from '@millrace/base'
import { type FetchPartition, type FetchScope, FetchSessions, type SessionRequest } from './fetch-sessions.ts'

const EVICTABLE_AFTER_MS = 120_000

const partition = (index: number, fields: Partial<FetchPartition> = {}): FetchPartition => ({
  topic: 't',
  topicId: '',
  partition: index,
  fetchOffset: 0,
  partitionMaxBytes: 1000,
  currentLeaderEpoch: -1,
  lastFetchedEpoch: -1,
  ...fields,
})

const request = (sessionId: number, sessionEpoch: number, fields: Partial<SessionRequest> = {}): SessionRequest => ({
  sessionId,
  sessionEpoch,
  usesTopicIds: false,
  partitions: [],
  forgotten: [],
  ...fields,
})

function setUp(options: { slotsMax?: number; partitionsMax?: number } = {}) {
  const time = { ms: 0 }
  const clock: Clock = {
    now: () => time.ms,
    monotonicMs: () => time.ms,
    schedule: () => assert.fail('sessions arm no timers'),
  }
  const limits = { slotsMax: options.slotsMax ?? 10 }
  const sessions = new FetchSessions({
    slotsMax: () => limits.slotsMax,
    clock,
    random: seededRandom(1),
    ...(options.partitionsMax !== undefined && { partitionsMax: options.partitionsMax }),
  })
  return { sessions, time, limits }
}

type WithSession = Extract<FetchScope, { kind: 'full' | 'incremental' }>

function create(sessions: FetchSessions, count = 1, fields: Partial<SessionRequest> = {}): WithSession {
  const partitions = Array.from({ length: count }, (_, i) => partition(i))
  const scope = sessions.open(request(0, 0, { partitions, ...fields }))
  assert.equal(scope.kind, 'full')
  return scope as WithSession
}

function askedIn(scope: FetchScope): readonly FetchPartition[] {
  if (scope.kind === 'refused') return []
  return scope.kind === 'incremental' ? [...scope.session.asked()] : scope.partitions
}

const indexesOf = (scope: FetchScope) => askedIn(scope).map(p => p.partition)

test('epoch 0 makes a session, and the next requests name only what changes', () => {
  const { sessions } = setUp()
  const { session } = create(sessions, 3)
  assert.ok(session.id > 0)
  const next = sessions.open(
    request(session.id, 1, {
      partitions: [partition(1, { fetchOffset: 9 }), partition(7)],
      forgotten: [{ topic: 't', topicId: '', partition: 0 }],
    }),
  )
  assert.equal(next.kind, 'incremental')
  assert.deepEqual(indexesOf(next), [1, 2, 7])
  assert.equal(askedIn(next)[0]!.fetchOffset, 9)
  assert.equal(sessions.partitionCount, 3)
  assert.deepEqual(indexesOf(sessions.open(request(session.id, 2))), [1, 2, 7])
})

test('epoch -1 is answered without a session and closes the one it names', () => {
  const { sessions } = setUp()
  const { session } = create(sessions)
  const last = sessions.open(request(session.id, -1, { partitions: [partition(4)] }))
  assert.equal(last.kind, 'sessionless')
  assert.deepEqual(indexesOf(last), [4])
  assert.equal(sessions.count, 0)
  assert.equal(sessions.partitionCount, 0)
})

test('epoch 0 with a session id replaces that session', () => {
  const { sessions } = setUp()
  const { session } = create(sessions)
  const scope = sessions.open(request(session.id, 0, { partitions: [partition(0)] })) as WithSession
  assert.equal(scope.kind, 'full')
  assert.notEqual(scope.session.id, session.id)
  assert.equal(sessions.count, 1)
})

test('an unknown id, another epoch and another way of naming topics are refused, each with its own error', () => {
  const { sessions } = setUp()
  const { session } = create(sessions)
  const errorOf = (scope: FetchScope) => (scope.kind === 'refused' ? scope.error : scope.kind)
  assert.equal(errorOf(sessions.open(request(session.id + 1, 1))), 'FETCH_SESSION_ID_NOT_FOUND')
  assert.equal(errorOf(sessions.open(request(0, 1))), 'FETCH_SESSION_ID_NOT_FOUND')
  for (const epoch of [2, -2, 0x7fff_ffff])
    assert.equal(errorOf(sessions.open(request(session.id, epoch))), 'INVALID_FETCH_SESSION_EPOCH')
  assert.equal(errorOf(sessions.open(request(session.id, 1, { usesTopicIds: true }))), 'FETCH_SESSION_TOPIC_ID_ERROR')
  assert.equal(errorOf(sessions.open(request(session.id, 1))), 'incremental', 'a refusal changes nothing')
})

test('after the last epoch comes 1', () => {
  const { sessions } = setUp()
  const { session } = create(sessions)
  session.epoch = 0x7fff_ffff
  assert.equal(sessions.open(request(session.id, 0x7fff_ffff)).kind, 'incremental')
  assert.equal(session.epoch, 1)
})

test('a session that has no partitions left ends', () => {
  const { sessions } = setUp()
  const { session } = create(sessions)
  const scope = sessions.open(request(session.id, 1, { forgotten: [{ topic: 't', topicId: '', partition: 0 }] }))
  assert.deepEqual(scope, { kind: 'sessionless', partitions: [] })
  assert.equal(sessions.count, 0)
})

test('what is added and forgotten in one request is forgotten, as in Kafka', () => {
  const { sessions } = setUp()
  const { session } = create(sessions)
  const forgotten = [{ topic: 't', topicId: '', partition: 5 }]
  const scope = sessions.open(request(session.id, 1, { partitions: [partition(5)], forgotten }))
  assert.deepEqual(indexesOf(scope), [0])
})

test('without a slot a full request is answered without a session; one that is silent for two minutes gives its slot', () => {
  const { sessions, time } = setUp({ slotsMax: 2 })
  const first = create(sessions).session
  time.ms = 1
  const second = create(sessions).session
  const more = () => sessions.open(request(0, 0, { partitions: [partition(0)] }))
  assert.equal(more().kind, 'sessionless')
  time.ms = EVICTABLE_AFTER_MS - 1
  sessions.open(request(first.id, 1))
  assert.equal(more().kind, 'sessionless')
  time.ms = EVICTABLE_AFTER_MS + 1
  assert.equal(more().kind, 'full')
  assert.equal(sessions.open(request(second.id, 1)).kind, 'refused', 'the one that was silent is gone')
  assert.equal(sessions.open(request(first.id, 2)).kind, 'incremental')
  assert.equal(sessions.count, 2)
})

test('fewer slots than sessions, and none at all', () => {
  const { sessions, time, limits } = setUp({ slotsMax: 3 })
  for (let i = 0; i < 3; i++) create(sessions)
  limits.slotsMax = 1
  time.ms = EVICTABLE_AFTER_MS + 1
  create(sessions)
  assert.equal(sessions.count, 1)
  limits.slotsMax = 0
  time.ms *= 3
  assert.equal(sessions.open(request(0, 0, { partitions: [partition(0)] })).kind, 'sessionless')
})

test('the partitions of all sessions together are bounded, in new sessions and in old ones', () => {
  const { sessions } = setUp({ partitionsMax: 10 })
  assert.equal(
    sessions.open(request(0, 0, { partitions: Array.from({ length: 11 }, (_, i) => partition(i)) })).kind,
    'sessionless',
  )
  const { session } = create(sessions, 6)
  assert.equal(
    sessions.open(request(0, 0, { partitions: Array.from({ length: 5 }, (_, i) => partition(i)) })).kind,
    'sessionless',
  )
  const more = Array.from({ length: 5 }, (_, i) => partition(10 + i))
  const scope = sessions.open(request(session.id, 1, { partitions: more }))
  assert.equal(scope.kind, 'sessionless', 'the session ends and the request is answered')
  assert.equal(indexesOf(scope).length, 11)
  assert.equal(sessions.partitionCount, 0)
})

test('an answer names a partition for its first time, for data, for an error, and for moved offsets', () => {
  const { sessions } = setUp()
  const { session } = create(sessions, 2)
  const told = (fields: object) =>
    sessions.isNews(session, partition(0), { bytes: 0, errorCode: 0, highWatermark: 5, logStartOffset: 0, ...fields })
  assert.ok(told({}), 'never told')
  assert.ok(!told({}))
  assert.ok(told({ bytes: 10 }))
  assert.ok(told({ highWatermark: 6 }))
  assert.ok(told({ highWatermark: 6, logStartOffset: 2 }))
  assert.ok(told({ errorCode: 3, highWatermark: -1, logStartOffset: -1 }))
  assert.ok(told({ errorCode: 3, highWatermark: -1, logStartOffset: -1 }), 'an error is told each time')
  assert.ok(told({ highWatermark: 6, logStartOffset: 2 }), 'what it was before the error is told again')
})

test('a partition that had data goes to the end of the row, so that none is always last under the byte budget', () => {
  const { sessions } = setUp()
  const { session } = create(sessions, 3)
  sessions.isNews(session, partition(0), { bytes: 10, errorCode: 0, highWatermark: 5, logStartOffset: 0 })
  assert.deepEqual(indexesOf(sessions.open(request(session.id, 1))), [1, 2, 0])
})

test('with topic ids a topic that was made again is another partition', () => {
  const { sessions } = setUp()
  const { session } = create(sessions, 1, {
    usesTopicIds: true,
    partitions: [partition(0, { topicId: 'old' })],
  })
  const scope = sessions.open(
    request(session.id, 1, {
      usesTopicIds: true,
      partitions: [partition(0, { topicId: 'new' })],
      forgotten: [{ topic: 't', topicId: 'old', partition: 0 }],
    }),
  )
  assert.equal(scope.kind, 'incremental')
  assert.deepEqual(
    askedIn(scope).map(p => p.topicId),
    ['new'],
  )
})
