import assert from 'node:assert/strict'
import { it } from 'node:test'
import { sampleConfig } from '../conformance.ts'
import { segmentsToDelete } from './retention.ts'

const segments = [0, 10, 20].map(baseOffset => ({ baseOffset, sizeBytes: 100, newestMs: 1000 + baseOffset }))
const state = { config: sampleConfig, nowMs: 2000, logStartOffset: 0, highWatermark: 30, logEndOffset: 30 }
const count = (change: Partial<typeof state>, config = {}) =>
  segmentsToDelete(segments, { ...state, ...change, config: { ...sampleConfig, ...config } }).count

it('keeps everything without limits', () => {
  assert.equal(count({}), 0)
})

it('deletes what is older than the limit, not what is just as old', () => {
  assert.equal(count({}, { retentionMs: 1000 }), 0)
  assert.equal(count({ nowMs: 2001 }, { retentionMs: 1000 }), 1)
  assert.equal(count({ nowMs: 9999 }, { retentionMs: 1000 }), 3)
})

it('deletes as long as the rest is not smaller than the limit', () => {
  assert.equal(count({}, { retentionBytes: 201 }), 0)
  assert.equal(count({}, { retentionBytes: 200 }), 1)
  assert.equal(count({}, { retentionBytes: 0 }), 3)
})

it('never deletes past the high watermark', () => {
  assert.equal(count({ highWatermark: 15 }, { retentionBytes: 0 }), 1)
})

it('deletes what is wholly below the log start, whatever the policy', () => {
  assert.equal(count({ logStartOffset: 20 }, { cleanupPolicy: ['compact'] }), 2)
  assert.equal(count({ logStartOffset: 19 }), 1)
  assert.equal(count({ logStartOffset: 30 }), 2)
})

it('leaves an empty active segment', () => {
  const withEmpty = [...segments, { baseOffset: 30, sizeBytes: 0, newestMs: 0 }]
  assert.equal(segmentsToDelete(withEmpty, { ...state, config: { ...sampleConfig, retentionMs: 0 } }).count, 3)
})
