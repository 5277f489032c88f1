/**
 * Control batches: one record, written by brokers, never shown to applications.
 *
 *   key     int16 version (0), int16 type: 0 abort, 1 commit, 2 leader change, 3 snapshot header, 4 snapshot footer,
 *           5 KRaft version, 6 KRaft voters
 *   value   of abort and commit: int16 version (0), int32 coordinator epoch
 */
import { isControl } from './batch.ts'
import { BatchBuilder } from './batch-builder.ts'
import { readRecords } from './record.ts'

export const controlKinds = [
  'abort',
  'commit',
  'leader-change',
  'snapshot-header',
  'snapshot-footer',
  'kraft-version',
  'kraft-voters',
] as const

/** Readers skip what is unknown. */
export type ControlKind = (typeof controlKinds)[number] | 'unknown'

export interface EndTransactionMarker {
  readonly kind: 'commit' | 'abort'
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  readonly timestamp: number
  readonly baseOffset?: number
  readonly partitionLeaderEpoch?: number
}

/** A transaction's last word in a partition: a batch of its own that takes one offset. */
export function buildEndTransactionMarker(marker: EndTransactionMarker): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(controlKinds.indexOf(marker.kind), 2)
  const value = Buffer.alloc(6)
  value.writeInt32BE(marker.coordinatorEpoch, 2)
  const builder = new BatchBuilder(128)
  builder.append({ timestamp: marker.timestamp, key, value })
  return builder.build({
    baseOffset: marker.baseOffset ?? 0,
    partitionLeaderEpoch: marker.partitionLeaderEpoch ?? -1,
    producerId: marker.producerId,
    producerEpoch: marker.producerEpoch,
    isTransactional: true,
    isControl: true,
  })
}

export interface ControlRecord {
  readonly kind: ControlKind
  readonly type: number
  readonly offset: number
  readonly timestamp: number
  /** Of commit and abort; -1 for the others. */
  readonly coordinatorEpoch: number
  /** A view into the batch. */
  readonly value: Buffer | null
}

const CONTROL_BYTES_MAX = 8 * 1024 * 1024

/** What the control batch at `at` says. Undefined if it is none, or holds no record any more. Throws as `readRecords` does. */
export function readControlRecord(buffer: Buffer, at: number): ControlRecord | undefined {
  if (!isControl(buffer, at)) return undefined
  for (const { key, value, offset, timestamp } of readRecords(buffer, at, { maxBytes: CONTROL_BYTES_MAX })) {
    const type = key === null || key.length < 4 ? -1 : key.readInt16BE(2)
    const named = controlKinds[type]
    const endsTransaction = named === 'abort' || named === 'commit'
    // A marker too short for its epoch says nothing that could be acted on.
    const isReadable = named !== undefined && (!endsTransaction || (value !== null && value.length >= 6))
    const coordinatorEpoch = isReadable && endsTransaction ? value!.readInt32BE(2) : -1
    return { kind: isReadable ? named : 'unknown', type, offset, timestamp, coordinatorEpoch, value }
  }
  return undefined
}
