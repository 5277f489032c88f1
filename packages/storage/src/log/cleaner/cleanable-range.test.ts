import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sampleConfig } from '../../conformance.ts'
import type { LogConfig } from '../../engine.ts'
import { type CleanableLog, cleanableRange, groupSegments, isWorthCleaning } from './cleanable-range.ts'

/** Segments of ten offsets and a hundred bytes, the n-th with times from 1000 n on; the last one is active. */
function log(
  count: number,
  more: Partial<Omit<CleanableLog, 'config'>> & { readonly config?: Partial<LogConfig> } = {},
): CleanableLog {
  const segments = Array.from({ length: count }, (_, n) => ({
    baseOffset: n * 10,
    sizeBytes: 100,
    maxTimestamp: n * 1_000 + 900,
    firstTimestamp: n * 1_000 + 1,
  }))
  const logEndOffset = count * 10
  return {
    segments,
    logStartOffset: 0,
    logEndOffset,
    lastStableOffset: logEndOffset,
    cleanedUpTo: undefined,
    ...more,
    config: { ...sampleConfig, ...more.config },
  }
}

const bounds = (of: CleanableLog, nowMs = 1e9): [number, number, number] => {
  const { firstDirtyOffset, firstUncleanableOffset, dirtyRatio } = cleanableRange(of, nowMs)
  return [firstDirtyOffset, firstUncleanableOffset, dirtyRatio]
}

describe('what of a log may be cleaned', () => {
  it('is all but the active segment of one that never was', () => {
    assert.deepEqual(bounds(log(5)), [0, 40, 1])
    assert.deepEqual(bounds(log(1)), [0, 0, 0])
  })

  it('begins where the last cleaning ended, unless that is outside of the log', () => {
    assert.deepEqual(bounds(log(5, { cleanedUpTo: 30 })), [30, 40, 0.25])
    assert.deepEqual(bounds(log(5, { cleanedUpTo: 40 })), [40, 40, 0])
    assert.deepEqual(bounds(log(5, { cleanedUpTo: 5, logStartOffset: 10 })), [10, 40, 0.75])
    assert.deepEqual(bounds(log(5, { cleanedUpTo: 51 })), [0, 40, 1])
  })

  it('counts a segment that was cleaned in part on both sides', () => {
    assert.deepEqual(bounds(log(3, { cleanedUpTo: 15 })), [15, 20, 1 / 3])
  })

  it('ends before the segment that holds the last stable offset', () => {
    assert.deepEqual(bounds(log(5, { lastStableOffset: 25 })), [0, 20, 1])
    assert.deepEqual(bounds(log(5, { lastStableOffset: 20 })), [0, 20, 1])
    assert.deepEqual(bounds(log(5, { lastStableOffset: 5 })), [0, 0, 0])
  })

  it('ends before the first segment with records that are too young', () => {
    const young = log(5, { config: { minCompactionLagMs: 2_000 } })
    assert.deepEqual(bounds(young, 4_000), [0, 20, 1])
    assert.deepEqual(bounds(young, 3_899), [0, 10, 1])
  })
})

describe('whether a log is worth cleaning', () => {
  const isWorth = (of: CleanableLog, nowMs: number): boolean => isWorthCleaning(cleanableRange(of, nowMs), of.config)

  it('is said by a dirty share above the ratio, not at it', () => {
    assert.equal(isWorth(log(5, { cleanedUpTo: 20 }), 0), false)
    assert.equal(isWorth(log(5, { cleanedUpTo: 10 }), 0), true)
  })

  it('is said by a dirty segment that began longer ago than max.compaction.lag.ms', () => {
    const lagging = log(5, { cleanedUpTo: 30, config: { maxCompactionLagMs: 500 } })
    assert.equal(isWorth(lagging, 3_501), false)
    assert.equal(isWorth(lagging, 3_502), true)
    assert.equal(isWorth(log(5, { cleanedUpTo: 40, config: { maxCompactionLagMs: 500 } }), 1e9), false)
  })
})

describe('groups of segments', () => {
  const segment = (baseOffset: number, sizeBytes: number, indexBytes = 8) => ({
    baseOffset,
    sizeBytes,
    offsetIndexBytes: indexBytes,
    timeIndexBytes: indexBytes,
  })
  const grouped = (segments: ReturnType<typeof segment>[], more = {}): number[][] =>
    groupSegments(segments, { segmentBytes: 100, segmentIndexBytes: 100, endOffset: 1e6, ...more }).map(group =>
      group.map(({ baseOffset }) => baseOffset),
    )

  it('fit the size of a segment together', () => {
    assert.deepEqual(grouped([segment(0, 40), segment(10, 60), segment(20, 1), segment(30, 200), segment(40, 5)]), [
      [0, 10],
      [20],
      [30],
      [40],
    ])
  })

  it('fit the size of an index together', () => {
    assert.deepEqual(grouped([segment(0, 1, 60), segment(10, 1, 40), segment(20, 1, 1)]), [[0, 10], [20]])
  })

  it('span no more offsets than 31 bits hold; an empty segment does not count', () => {
    const far = 2 ** 31
    assert.deepEqual(grouped([segment(0, 1), segment(10, 1), segment(far + 5, 1)], { endOffset: far + 6 }), [
      [0],
      [10, far + 5],
    ])
    assert.deepEqual(grouped([segment(0, 1), segment(10, 0), segment(far, 1)], { endOffset: far + 1 }), [
      [0, 10],
      [far],
    ])
  })
})
