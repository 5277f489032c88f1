import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { applyOffsets, fetchOffsets, type GroupOffsets, offsetsOfTopic } from './offsets.ts'
import type { CommittedOffset } from './record.ts'

function committed(offset: number): CommittedOffset {
  return { offset, leaderEpoch: 3, metadata: 'm', commitTimestampMs: 1, expireTimestampMs: -1, topicId: null }
}

function someOffsets(): GroupOffsets {
  const offsets: GroupOffsets = new Map()
  applyOffsets(offsets, [
    { topic: 'a', partition: 0, committed: committed(5) },
    { topic: 'a', partition: 1, committed: committed(6) },
    { topic: 'b', partition: 0, committed: committed(7) },
    { topic: 'a', partition: 0, committed: committed(8) },
  ])
  return offsets
}

describe('offsets', () => {
  test('are fetched as asked, and what was never committed is -1 without an error', () => {
    assert.deepEqual(
      fetchOffsets(someOffsets(), [
        { topic: 'a', partitions: [0, 9] },
        { topic: 'x', partitions: [0] },
      ]),
      [
        {
          topic: 'a',
          partitions: [
            { partition: 0, offset: 8, leaderEpoch: 3, metadata: 'm', error: 'NONE' },
            { partition: 9, offset: -1, leaderEpoch: -1, metadata: '', error: 'NONE' },
          ],
        },
        { topic: 'x', partitions: [{ partition: 0, offset: -1, leaderEpoch: -1, metadata: '', error: 'NONE' }] },
      ],
    )
  })

  test('are all fetched when nothing is named', () => {
    const all = fetchOffsets(someOffsets(), null)
    assert.deepEqual(
      all.map(({ topic, partitions }) => [topic, partitions.map(({ offset }) => offset)]),
      [
        ['a', [8, 6]],
        ['b', [7]],
      ],
    )
    assert.deepEqual(fetchOffsets(undefined, null), [])
    assert.equal(fetchOffsets(undefined, [{ topic: 'a', partitions: [0] }])[0]!.partitions[0]!.offset, -1)
  })

  test('are deleted one by one, and a topic goes with its last', () => {
    const offsets = someOffsets()
    applyOffsets(offsets, [{ topic: 'a', partition: 0, committed: null }])
    assert.deepEqual([...offsets.get('a')!.keys()], [1])
    applyOffsets(offsets, offsetsOfTopic(offsets, 'a'))
    assert.deepEqual([...offsets.keys()], ['b'])
    applyOffsets(offsets, [{ topic: 'x', partition: 0, committed: null }])
    assert.deepEqual(offsetsOfTopic(offsets, 'x'), [])
  })
})
