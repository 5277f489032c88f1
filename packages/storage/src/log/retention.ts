/** Which segments a log is to let go of: pure, oldest first, and it stops at the first that stays. */
import type { LogConfig } from '../engine.ts'

export interface RetainedSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  /** The newest record's time, or the file's where records have none. */
  readonly newestMs: number
}

export interface RetentionState {
  readonly config: LogConfig
  readonly nowMs: number
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly logEndOffset: number
}

export type RetentionReason = 'log start' | 'time' | 'size'

export interface Retention {
  readonly count: number
  readonly reason: RetentionReason | undefined
}

export function segmentsToDelete(segments: readonly RetainedSegment[], state: RetentionState): Retention {
  const { config, nowMs } = state
  const deletes = config.cleanupPolicy.includes('delete')
  let excess = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0) - config.retentionBytes
  let reason: RetentionReason | undefined
  for (const [count, segment] of segments.entries()) {
    const end = segments[count + 1]?.baseOffset ?? state.logEndOffset
    const isEmptyLast = count === segments.length - 1 && segment.sizeBytes === 0
    if (end > state.highWatermark || isEmptyLast) return { count, reason }
    const isBelowStart = end <= state.logStartOffset && count < segments.length - 1
    const isTooOld = deletes && config.retentionMs >= 0 && nowMs - segment.newestMs > config.retentionMs
    const isTooMuch = deletes && config.retentionBytes >= 0 && excess >= segment.sizeBytes
    if (!isBelowStart && !isTooOld && !isTooMuch) return { count, reason }
    reason ??= isBelowStart ? 'log start' : isTooOld ? 'time' : 'size'
    excess -= segment.sizeBytes
  }
  return { count: segments.length, reason }
}
