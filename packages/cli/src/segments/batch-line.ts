/** One batch of a segment in words, as `log` prints it. */
import {
  batchCodec,
  hasDeleteHorizon,
  hasValidCrc,
  isControl,
  isLogAppendTime,
  isTransactional,
  readBatchHeader,
  readControlRecord,
} from '@millrace/protocol'
import { isoTime } from '../records/format.ts'
import type { ScannedBatch } from './scan-segment.ts'

export interface BatchLine {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly position: number
  readonly bytes: number
  readonly records: number
  readonly compression: string
  readonly timestampType: 'create' | 'append'
  readonly maxTimestamp: number
  readonly leaderEpoch: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly lastSequence: number
  readonly isTransactional: boolean
  readonly control: string | null
  readonly hasDeleteHorizon: boolean
  readonly isValid: boolean
}

export function batchLine({ buffer, at, position, sizeBytes }: ScannedBatch): BatchLine {
  const header = readBatchHeader(buffer, at)
  return {
    baseOffset: header.baseOffset,
    lastOffset: header.lastOffset,
    position,
    bytes: sizeBytes,
    records: header.recordCount,
    compression: codecName(buffer, at),
    timestampType: isLogAppendTime(buffer, at) ? 'append' : 'create',
    maxTimestamp: header.maxTimestamp,
    leaderEpoch: header.partitionLeaderEpoch,
    producerId: header.producerId,
    producerEpoch: header.producerEpoch,
    baseSequence: header.baseSequence,
    lastSequence: header.lastSequence,
    isTransactional: isTransactional(buffer, at),
    control: controlName(buffer, at),
    hasDeleteHorizon: hasDeleteHorizon(buffer, at),
    isValid: hasValidCrc(buffer, at),
  }
}

function codecName(buffer: Buffer, at: number): string {
  try {
    return batchCodec(buffer, at)
  } catch {
    return 'unknown'
  }
}

function controlName(buffer: Buffer, at: number): string | null {
  if (!isControl(buffer, at)) return null
  try {
    return readControlRecord(buffer, at)?.kind ?? 'empty'
  } catch {
    return 'unreadable'
  }
}

export const BATCH_HEADING =
  'OFFSETS                   POSITION      BYTES  RECORDS  CODEC   MAX TIME                  EPOCH  PRODUCER        NOTES\n'

/** Columns of fixed width: a segment may have a million of these, and nobody waits for the widest. */
export function batchText(line: BatchLine): string {
  const { baseOffset, lastOffset, producerId } = line
  const producer = producerId < 0 ? '-' : `${producerId}:${line.producerEpoch}:${line.baseSequence}`
  const notes = [
    line.isTransactional ? 'transactional' : '',
    line.control ?? '',
    line.timestampType === 'append' ? 'append-time' : '',
    line.hasDeleteHorizon ? 'delete-horizon' : '',
    line.isValid ? '' : 'CHECKSUM DOES NOT FIT',
  ]
  const columns = [
    `${baseOffset}..${lastOffset}`.padEnd(22),
    String(line.position).padStart(12),
    String(line.bytes).padStart(9),
    String(line.records).padStart(7),
    line.compression.padEnd(6),
    isoTime(line.maxTimestamp).padEnd(24),
    String(line.leaderEpoch).padStart(5),
    producer.padEnd(14),
    notes.filter(note => note !== '').join(', '),
  ]
  return `${columns.join('  ').trimEnd()}\n`
}
