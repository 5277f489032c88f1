/** Rules about offsets that every engine keeps: which may be read, and up to where records may be deleted. */
import type { Isolation, LogConfig, LogRefusal } from '../engine.ts'
import { refusal } from './admission.ts'

export interface LogRange {
  readonly topic: string
  readonly partition: number
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logEndOffset: number
}

/** Readers see what lies below this. */
export const readableEnd = (range: LogRange, isolation: Isolation): number =>
  isolation === 'read_committed' ? range.lastStableOffset : range.highWatermark

/** An offset between the high watermark and the log end is in range and has nothing to read yet. */
export function refusedRead(range: LogRange, offset: number): LogRefusal | undefined {
  if (offset >= range.logStartOffset && offset <= range.logEndOffset) return undefined
  const { topic, partition, logStartOffset, logEndOffset } = range
  return refusal(
    'OFFSET_OUT_OF_RANGE',
    `${topic}-${partition} holds offsets from ${logStartOffset} to ${logEndOffset}, not ${offset}`,
  )
}

/** The new log start, or why not. */
export function startAfterDelete(range: LogRange, config: LogConfig, beforeOffset: number): number | LogRefusal {
  const { topic, partition, highWatermark } = range
  if (!config.cleanupPolicy.includes('delete') && config.cleanupPolicy.length > 0)
    return refusal('POLICY_VIOLATION', `records of ${topic} cannot be deleted: its cleanup.policy is compact alone`)
  const wanted = beforeOffset === -1 ? highWatermark : beforeOffset
  if (wanted < 0 || wanted > highWatermark)
    return refusal(
      'OFFSET_OUT_OF_RANGE',
      `${topic}-${partition} cannot delete up to ${beforeOffset}: its high watermark is ${highWatermark}`,
    )
  return Math.max(wanted, range.logStartOffset)
}
