import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@millrace/base'
import { StickyPartition } from './partitioner.ts'

const draws = (lengths: readonly number[], count: number): number[] => {
  const sticky = new StickyPartition(1, seededRandom(7))
  const hits = lengths.map(() => 0)
  for (let n = 0; n < count; n++) hits[sticky.next(1, () => lengths)]!++
  return hits
}

test('a partition is kept until it has got a batch of bytes', () => {
  const sticky = new StickyPartition(100, seededRandom(1))
  let asked = 0
  const lengths = (): number[] => {
    asked++
    return [0, 0, 0]
  }
  const first = Array.from({ length: 10 }, () => sticky.next(10, lengths))
  assert.equal(new Set(first).size, 1)
  sticky.next(10, lengths)
  assert.equal(asked, 2)
})

test('a long queue is drawn less often than a short one, and a partition without a leader never', () => {
  const [short, long, leaderless] = draws([0, 3, -1], 5000)
  assert.equal(leaderless, 0)
  assert.ok(Math.abs(short! / long! - 4) < 0.8, `${short} to ${long}`)
})

test('without any leader all partitions are as good', () => {
  assert.ok(draws([-1, -1], 100).every(hits => hits > 20))
})
