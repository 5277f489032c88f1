/**
 * What of a log is dirty, what of that may be cleaned now, and how the segments are to be put together. Pure.
 *
 *     ┌ clean ────────────┬ dirty, cleanable ──────────┬ not yet: too young, at or above the LSO, active ─┐
 *     │ segments          │ segments                   │ segments                                         │
 *     └───────────────────┴────────────────────────────┴──────────────────────────────────────────────────┘
 *   log start        firstDirtyOffset         firstUncleanableOffset                                  log end
 */
import type { LogConfig } from '../../engine.ts'

export interface CleanableSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  /** The newest record's time; -1 when none has one. */
  readonly maxTimestamp: number
  /** The first batch's time, by which the segment's age counts. */
  readonly firstTimestamp: number
}

export interface CleanableLog {
  /** All of them, the active one last. */
  readonly segments: readonly CleanableSegment[]
  readonly config: LogConfig
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly lastStableOffset: number
  /** Where the last cleaning ended. Undefined: the log was never cleaned. */
  readonly cleanedUpTo: number | undefined
}

export interface CleanableRange {
  readonly firstDirtyOffset: number
  /** Always a segment's begin. */
  readonly firstUncleanableOffset: number
  readonly dirtyBytes: number
  readonly totalBytes: number
  /** Dirty bytes of those that a cleaning would read. */
  readonly dirtyRatio: number
  /** For how long max.compaction.lag.ms has been over for a record. */
  readonly overdueMs: number
}

export function cleanableRange(log: CleanableLog, nowMs: number): CleanableRange {
  const { segments, config } = log
  const active = segments.at(-1)!
  const firstDirtyOffset = firstDirty(log)
  const dirty = firstDirtyOffset >= active.baseOffset ? [] : segmentsFrom(segments.slice(0, -1), firstDirtyOffset)
  const tooYoung =
    config.minCompactionLagMs > 0
      ? dirty.find(segment => segment.maxTimestamp > nowMs - config.minCompactionLagMs)
      : undefined
  const bound = Math.max(
    firstDirtyOffset,
    Math.min(log.lastStableOffset, active.baseOffset, tooYoung?.baseOffset ?? Number.POSITIVE_INFINITY),
  )
  const firstUncleanable = segments.findLast(segment => segment.baseOffset <= bound) ?? active
  const firstUncleanableOffset = firstUncleanable.baseOffset
  const cleanBytes = bytesOf(segments.filter(segment => segment.baseOffset < firstDirtyOffset))
  const dirtyBytes = bytesOf(dirty.filter(segment => segment.baseOffset < firstUncleanableOffset))
  const totalBytes = cleanBytes + dirtyBytes
  return {
    firstDirtyOffset,
    firstUncleanableOffset,
    dirtyBytes,
    totalBytes,
    dirtyRatio: totalBytes === 0 ? 0 : dirtyBytes / totalBytes,
    overdueMs: overdueMs(dirty, config.maxCompactionLagMs, nowMs),
  }
}

export const isWorthCleaning = ({ dirtyBytes, dirtyRatio, overdueMs }: CleanableRange, config: LogConfig): boolean =>
  (overdueMs > 0 && dirtyBytes > 0) || dirtyRatio > config.minCleanableDirtyRatio

/** Begins with the one that holds the offset. */
export function segmentsFrom<S extends { readonly baseOffset: number }>(segments: readonly S[], offset: number): S[] {
  const holding = segments.findLastIndex(segment => segment.baseOffset <= offset)
  return segments.slice(Math.max(0, holding))
}

/** A mark outside of the log says nothing about it any more: all of it is dirty. */
function firstDirty({ cleanedUpTo, logStartOffset, logEndOffset }: CleanableLog): number {
  if (cleanedUpTo === undefined || cleanedUpTo < logStartOffset || cleanedUpTo > logEndOffset) return logStartOffset
  return cleanedUpTo
}

function overdueMs(dirty: readonly CleanableSegment[], maxCompactionLagMs: number, nowMs: number): number {
  if (maxCompactionLagMs >= Number.MAX_SAFE_INTEGER) return 0
  const times = dirty.map(({ firstTimestamp }) => firstTimestamp).filter(time => time > 0)
  return times.reduce((most, time) => Math.max(most, nowMs - maxCompactionLagMs - time), 0)
}

const bytesOf = (segments: readonly CleanableSegment[]): number =>
  segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)

export interface GroupedSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  readonly offsetIndexBytes: number
  readonly timeIndexBytes: number
}

/** Offsets of a segment are held in 31 bits, relative to its begin. */
const OFFSET_RANGE_MAX = 0x7fff_ffff

/**
 * Neighbours that fit one segment together become one, so that cleaning does not leave many small files. Counted with what they hold now, so that the
 * outcome fits however little goes. `endOffset` is where the last of them ends at the most.
 */
export function groupSegments<S extends GroupedSegment>(
  segments: readonly S[],
  limits: { readonly segmentBytes: number; readonly segmentIndexBytes: number; readonly endOffset: number },
): S[][] {
  const groups: S[][] = []
  let group: S[] = []
  let sum = { log: 0, offsets: 0, times: 0 }
  for (const [i, segment] of segments.entries()) {
    const next = {
      log: sum.log + segment.sizeBytes,
      offsets: sum.offsets + segment.offsetIndexBytes,
      times: sum.times + segment.timeIndexBytes,
    }
    const lastOffset = (segments[i + 1]?.baseOffset ?? limits.endOffset) - 1
    const joins =
      group.length > 0 &&
      next.log <= limits.segmentBytes &&
      next.offsets <= limits.segmentIndexBytes &&
      next.times <= limits.segmentIndexBytes &&
      (segment.sizeBytes === 0 || lastOffset - group[0]!.baseOffset <= OFFSET_RANGE_MAX)
    if (joins) {
      group.push(segment)
      sum = next
      continue
    }
    group = [segment]
    groups.push(group)
    sum = { log: segment.sizeBytes, offsets: segment.offsetIndexBytes, times: segment.timeIndexBytes }
  }
  return groups
}
