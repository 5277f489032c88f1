/** Which record of a batch a time means. The only place where a log looks at single records. */
import { type BatchHeader, LOG_APPEND_TIME_BIT, RecordCursor, recordBytes } from '@millrace/protocol'
import { StorageError } from '../engine.ts'

export interface RecordTime {
  readonly offset: number
  readonly timestampMs: number
}

/** What one batch may unpack to: as much as a request may hold, several times over. */
const RECORDS_BYTES_MAX = 1024 * 1024 * 1024

/** The first record of the batch, from `fromOffset` on, that is as new as `timestampMs`. `records` begins with the batch. */
export function recordAtOrAfter(
  batch: BatchHeader,
  records: Buffer,
  wanted: { readonly timestampMs: number; readonly fromOffset: number },
): RecordTime | undefined {
  return firstRecord(
    batch,
    records,
    (offset, timestampMs) => offset >= wanted.fromOffset && timestampMs >= wanted.timestampMs,
  )
}

/** The first record that carries the batch's largest time. With log-append time every record has it, and Kafka answers with the last. */
export function recordOfMaxTimestamp(batch: BatchHeader, records: Buffer): RecordTime {
  const last = { offset: batch.lastOffset, timestampMs: batch.maxTimestamp }
  if ((batch.attributes & LOG_APPEND_TIME_BIT) !== 0) return last
  return firstRecord(batch, records, (_, timestampMs) => timestampMs === batch.maxTimestamp) ?? last
}

function firstRecord(
  batch: BatchHeader,
  bytes: Buffer,
  fits: (offset: number, timestampMs: number) => boolean,
): RecordTime | undefined {
  const appendTime = (batch.attributes & LOG_APPEND_TIME_BIT) !== 0
  const cursor = new RecordCursor(unpack(batch, bytes))
  while (cursor.next()) {
    const offset = batch.baseOffset + cursor.offsetDelta
    const timestampMs = appendTime ? batch.maxTimestamp : batch.baseTimestamp + cursor.timestampDelta
    if (fits(offset, timestampMs)) return { offset, timestampMs }
  }
  if (cursor.problem !== undefined) throw damaged(batch, cursor.problem)
  return undefined
}

function unpack(batch: BatchHeader, bytes: Buffer): Buffer {
  try {
    return recordBytes(bytes, 0, { maxBytes: RECORDS_BYTES_MAX, transient: true })
  } catch (cause) {
    throw damaged(batch, 'its records cannot be decompressed', cause)
  }
}

const damaged = (batch: BatchHeader, why: string, cause?: unknown): StorageError =>
  new StorageError('CORRUPT', `the batch at offset ${batch.baseOffset} cannot be read: ${why}`, { cause })
