import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { subscriptionMetadata } from './simulation.ts'
import { subscriptionTopics } from './subscription.ts'

describe('the topics of a subscription', () => {
  test('are read from version 0, and from whatever newer versions add to it', () => {
    const metadata = subscriptionMetadata(['a', 'städte', ''])
    assert.deepEqual(subscriptionTopics(metadata), ['a', 'städte', ''])
    const newer = new Uint8Array([...metadata, 0, 0, 0, 0, 255])
    newer[1] = 3
    assert.deepEqual(subscriptionTopics(newer), ['a', 'städte', ''])
  })

  test('are read from a view into a larger buffer', () => {
    const metadata = subscriptionMetadata(['topic'])
    const larger = new Uint8Array(metadata.length + 20)
    larger.set(metadata, 7)
    assert.deepEqual(subscriptionTopics(larger.subarray(7, 7 + metadata.length)), ['topic'])
  })

  test('are unknown when the bytes end early, wherever that is', () => {
    const metadata = subscriptionMetadata(['a', 'bc'])
    for (let length = 0; length < metadata.length; length++) {
      assert.equal(subscriptionTopics(metadata.subarray(0, length)), undefined, `${length} bytes`)
    }
  })

  test('are unknown when a length lies', () => {
    const huge = subscriptionMetadata(['a'])
    new DataView(huge.buffer).setInt32(2, 0x7fffffff)
    assert.equal(subscriptionTopics(huge), undefined)
    new DataView(huge.buffer).setInt32(2, -1)
    assert.equal(subscriptionTopics(huge), undefined)
    const long = subscriptionMetadata(['a'])
    new DataView(long.buffer).setInt16(6, 0x7fff)
    assert.equal(subscriptionTopics(long), undefined)
    const userData = subscriptionMetadata([])
    new DataView(userData.buffer).setInt32(6, 1)
    assert.equal(subscriptionTopics(userData), undefined)
  })

  test('never come of garbage with an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), bytes => {
        subscriptionTopics(bytes)
      }),
      { seed: 11, numRuns: 2_000 },
    )
  })
})
