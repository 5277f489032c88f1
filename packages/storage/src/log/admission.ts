/**
 * The decision at the point where an offset is assigned, the same for every engine that assigns offsets in its own process: stamp the batch with the
 * next offset, hold it against what its producer wrote before, and either let it in or answer at once. Pure but for the stamp.
 */
import { assert } from '@millrace/base'
import type { AppendOutcome, LogConfig, LogError, LogRefusal } from '../engine.ts'
import { type BatchView, batchAt, isControl, stampBatch } from './batch-view.ts'
import type { ProducerStates } from './producer-state.ts'

const LOG_APPEND_TIME = 0x08

/** What of a log decides about a batch. */
export interface AdmittingLog {
  readonly config: LogConfig
  readonly producers: ProducerStates
  readonly leaderEpoch: number
  readonly logStartOffset: number
  readonly logEndOffset: number
}

export type Admission =
  | { readonly kind: 'admitted'; readonly batch: BatchView }
  | { readonly kind: 'answered'; readonly outcome: AppendOutcome }

export function admit(log: AdmittingLog, records: Buffer): Admission {
  if (records.length > log.config.segmentBytes) return answered(tooLarge(records.length, log.config.segmentBytes))
  stampBatch(records, log.logEndOffset, log.leaderEpoch)
  const batch = batchAt(records, 0)
  assert(batch !== undefined && batch.bytes === records.length, 'append takes one whole validated batch')
  const verdict = log.producers.check(batch)
  switch (verdict.kind) {
    case 'next':
      return { kind: 'admitted', batch }
    case 'refused':
      return answered(refusal(verdict.error, verdict.message))
    case 'duplicate':
      return answered({
        kind: 'duplicate',
        baseOffset: verdict.batch.lastOffset - verdict.batch.offsetDelta,
        logAppendTimeMs: verdict.batch.timestampMs,
        logStartOffset: log.logStartOffset,
      })
    default:
      return verdict satisfies never
  }
}

export const appended = (batch: BatchView, logStartOffset: number): AppendOutcome => ({
  kind: 'appended',
  baseOffset: batch.baseOffset,
  logAppendTimeMs: (batch.attributes & LOG_APPEND_TIME) === 0 ? -1 : batch.maxTimestampMs,
  logStartOffset,
})

export const refusal = (error: LogError, message: string): LogRefusal => ({ kind: 'refused', error, message })

/** Makes the producers know a batch that is in the log now. Answers the transaction that it ended, if it is a marker. */
export function takeIn(
  producers: ProducerStates,
  batch: BatchView,
  records: Buffer,
): ReturnType<ProducerStates['tookMarker']> {
  if (!isControl(batch)) {
    producers.took(batch)
    return undefined
  }
  const marker = markerOf(batch, records)
  return marker === undefined ? undefined : producers.tookMarker(batch, marker)
}

/**
 * Reads a transaction marker: one uncompressed record behind the header, its key int16 version and int16 type (0 abort, 1 commit), its value
 * int16 version and int32 coordinator epoch. Other control records say nothing of transactions.
 */
export function markerOf(
  batch: BatchView,
  records: Buffer,
): { readonly aborted: boolean; readonly coordinatorEpoch: number } | undefined {
  // Length, attributes, timestamp delta and offset delta are varints before the key; a marker's key is 4 bytes (varint 8).
  if (batch.producerId < 0 || batch.bytes < 78 || records.length < batch.bytes) return undefined
  let at = 61
  at = skipVarint(records, at) + 1
  at = skipVarint(records, skipVarint(records, at))
  if (records[at] !== 8 || at + 5 > batch.bytes) return undefined
  const type = records.readInt16BE(at + 3)
  const valueAt = skipVarint(records, at + 5)
  if (type > 1 || valueAt + 6 > batch.bytes) return undefined
  return { aborted: type === 0, coordinatorEpoch: records.readInt32BE(valueAt + 2) }
}

function skipVarint(bytes: Buffer, at: number): number {
  let end = at
  while (end < bytes.length && (bytes[end]! & 0x80) !== 0) end++
  return end + 1
}

const answered = (outcome: AppendOutcome): Admission => ({ kind: 'answered', outcome })

const tooLarge = (bytes: number, segmentBytes: number): LogRefusal =>
  refusal('RECORD_LIST_TOO_LARGE', `a batch of ${bytes} bytes does not fit a segment of ${segmentBytes}`)
