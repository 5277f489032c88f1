/**
 * The decision at the point where an offset is assigned, the same for every engine that assigns offsets in its own process: stamp the batch with the
 * next offset, hold it against what its producer wrote before, and either let it in or answer at once. Pure but for the stamp.
 */
import { assert } from '@millrace/base'
import { type BatchHeader, buildEndTransactionMarker, LOG_APPEND_TIME_BIT, readControlRecord } from '@millrace/protocol'
import type {
  AppendEntry,
  AppendOutcome,
  BatchEntry,
  LogConfig,
  LogError,
  LogRefusal,
  TransactionMarker,
} from '../engine.ts'
import { batchAt, isControl, stampBatch } from './batch-view.ts'
import type { EndedTransaction, ProducerStates } from './producer-state.ts'

/** What of a log decides about a batch. */
export interface AdmittingLog {
  readonly config: LogConfig
  readonly producers: ProducerStates
  readonly leaderEpoch: number
  readonly logStartOffset: number
  readonly logEndOffset: number
}

export type Admission =
  | { readonly kind: 'admitted'; readonly batch: BatchHeader; readonly records: Buffer }
  | { readonly kind: 'answered'; readonly outcome: AppendOutcome }

export function admit(log: AdmittingLog, entry: AppendEntry, nowMs: number): Admission {
  return 'marker' in entry ? admitMarker(log, entry.marker, nowMs) : admitBatch(log, entry)
}

function admitMarker(log: AdmittingLog, marker: TransactionMarker, nowMs: number): Admission {
  const refused = log.producers.checkMarker(marker)
  if (refused !== undefined) return answered(refused)
  const { commit, producerId, producerEpoch, coordinatorEpoch } = marker
  const records = buildEndTransactionMarker({
    kind: commit ? 'commit' : 'abort',
    producerId,
    producerEpoch,
    coordinatorEpoch,
    timestamp: nowMs,
    baseOffset: log.logEndOffset,
    partitionLeaderEpoch: log.leaderEpoch,
  })
  const batch = batchAt(records, 0)
  assert(batch !== undefined, 'a marker is a batch')
  return { kind: 'admitted', batch, records }
}

function admitBatch(log: AdmittingLog, { records, admission }: BatchEntry): Admission {
  if (records.length > log.config.segmentBytes) return answered(tooLarge(records.length, log.config.segmentBytes))
  stampBatch(records, log.logEndOffset, log.leaderEpoch)
  const batch = batchAt(records, 0)
  assert(batch !== undefined && batch.sizeInBytes === records.length, 'append takes one whole validated batch')
  const verdict = log.producers.check(batch, admission)
  switch (verdict.kind) {
    case 'next':
      return { kind: 'admitted', batch, records }
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

export const appended = (batch: BatchHeader, logStartOffset: number): AppendOutcome => ({
  kind: 'appended',
  baseOffset: batch.baseOffset,
  logAppendTimeMs: (batch.attributes & LOG_APPEND_TIME_BIT) === 0 ? -1 : batch.maxTimestamp,
  logStartOffset,
})

export const refusal = (error: LogError, message: string): LogRefusal => ({ kind: 'refused', error, message })

/** Makes the producers know a batch that is in the log now and begins `records`. Answers the transaction that it ended, if it is a marker. */
export function takeIn(producers: ProducerStates, batch: BatchHeader, records: Buffer): EndedTransaction | undefined {
  if (!isControl(batch)) {
    producers.took(batch)
    return undefined
  }
  const control = readControlRecord(records, 0)
  if (control?.kind !== 'abort' && control?.kind !== 'commit') return undefined
  return producers.tookMarker(batch, { aborted: control.kind === 'abort', coordinatorEpoch: control.coordinatorEpoch })
}

const answered = (outcome: AppendOutcome): Admission => ({ kind: 'answered', outcome })

const tooLarge = (bytes: number, segmentBytes: number): LogRefusal =>
  refusal('RECORD_LIST_TOO_LARGE', `a batch of ${bytes} bytes does not fit a segment of ${segmentBytes}`)
