import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { planSpread } from './cluster-spread.ts'

const topicOf = (name: string, leaders: readonly number[]) => ({
  name,
  partitions: leaders.map((leaderId, partition) => ({
    partition,
    leaderId,
    leaderEpoch: 0,
    replicas: [leaderId],
    inSyncReplicas: [leaderId],
    offlineReplicas: [],
    eligibleLeaderReplicas: null,
    lastKnownEligibleLeaderReplicas: null,
  })),
})

test('a new broker gets its share of each topic, and no partition moves that need not', () => {
  assert.deepEqual(planSpread([1, 2, 3], [topicOf('t', [1, 2, 1, 2, 1, 2])]), [
    { topic: 't', partition: 4, from: 1, to: 3 },
    { topic: 't', partition: 5, from: 2, to: 3 },
  ])
  assert.deepEqual(planSpread([1, 2], [topicOf('t', [2, 1, 2]), topicOf('u', [1])]), [])
})

test('topics of one partition are spread over all brokers as well', () => {
  const moves = planSpread(
    [1, 2],
    ['a', 'b', 'c', 'd'].map(name => topicOf(name, [1])),
  )
  assert.equal(moves.length, 2)
  assert.ok(moves.every(({ from, to }) => from === 1 && to === 2))
})

test('what has several replicas, or a broker that is away, stays', () => {
  const replicated = topicOf('t', [1, 1, 1])
  const partitions = replicated.partitions.map(partition => ({ ...partition, replicas: [1, 2] }))
  assert.deepEqual(planSpread([1, 2], [{ ...replicated, partitions }, topicOf('u', [9, 9, -1])]), [])
})

test('afterwards no broker leads two more than another, of a topic or of all', () => {
  const leaders = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 12 })
  fc.assert(
    fc.property(fc.array(leaders, { maxLength: 12 }), fc.integer({ min: 4, max: 6 }), (all, brokers) => {
      const ids = Array.from({ length: brokers }, (_, i) => i + 1)
      const topics = all.map((each, i) => topicOf(`t${i}`, each))
      const after = new Map(all.map((each, i) => [`t${i}`, [...each]]))
      for (const { topic, partition, from, to } of planSpread(ids, topics)) {
        assert.equal(after.get(topic)![partition], from)
        after.get(topic)![partition] = to
      }
      const isEven = (led: readonly number[]): boolean => {
        const counts = ids.map(id => led.filter(leader => leader === id).length)
        return Math.max(...counts) - Math.min(...counts) < 2
      }
      return [...after.values()].every(isEven) && isEven([...after.values()].flat())
    }),
    { seed: 20261124 },
  )
})
