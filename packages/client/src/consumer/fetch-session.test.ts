import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZERO_UUID } from '@millrace/protocol'
import { type FetchPartition, FetchSession } from './fetch-session.ts'

const id = 'abcdefghijklmnopqrstuv'
const at = (partition: number, fetchOffset: number, topicId = id): FetchPartition => ({
  topic: 't',
  topicId,
  partition,
  fetchOffset,
  leaderEpoch: 1,
  maxBytes: 100,
})

test('the first request names everything and asks for a session', () => {
  const plan = new FetchSession().plan([at(0, 5), at(1, 6)])
  assert.deepEqual([plan.sessionId, plan.sessionEpoch, plan.fetch.length], [0, 0, 2])
})

test('in a session only what changed is named, and what is gone is forgotten', () => {
  const session = new FetchSession()
  session.plan([at(0, 5), at(1, 6)])
  session.answered(77)
  const plan = session.plan([at(0, 5), at(2, 0)])
  assert.deepEqual([plan.sessionId, plan.sessionEpoch], [77, 1])
  assert.deepEqual(plan.fetch, [at(2, 0)])
  assert.deepEqual(plan.forget, [at(1, 6)])
  session.answered(77)
  assert.deepEqual(session.plan([at(0, 9), at(2, 0)]).fetch, [at(0, 9)])
})

test('a topic with another id is forgotten and fetched anew', () => {
  const session = new FetchSession()
  session.plan([at(0, 5)])
  session.answered(77)
  const reborn = at(0, 0, 'vutsrqponmlkjihgfedcba')
  const plan = session.plan([reborn])
  assert.deepEqual([plan.fetch, plan.forget], [[reborn], [at(0, 5)]])
})

test('a broker that gives no session is told everything each time', () => {
  const session = new FetchSession()
  session.plan([at(0, 5)])
  session.answered(0)
  const plan = session.plan([at(0, 5)])
  assert.deepEqual([plan.sessionId, plan.sessionEpoch, plan.fetch.length], [0, 0, 1])
})

test('after an error the old session is closed and another one asked for, unless the broker lost it', () => {
  const session = new FetchSession()
  session.plan([at(0, 5)])
  session.answered(77)
  session.plan([at(0, 6)])
  session.failed(false)
  const again = session.plan([at(0, 6)])
  assert.deepEqual([again.sessionId, again.sessionEpoch, again.fetch.length], [77, 0, 1])
  session.failed(true)
  assert.equal(session.plan([at(0, 6)]).sessionId, 0)
})

test('going from topic ids back to names begins a session of its own', () => {
  const session = new FetchSession()
  session.plan([at(0, 5)])
  session.answered(77)
  const plan = session.plan([at(0, 5, ZERO_UUID)])
  assert.deepEqual([plan.sessionEpoch, plan.fetch.length], [0, 1])
})
