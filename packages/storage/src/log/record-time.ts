/** Which record of a batch a time means. The only place where a log looks at single records. */
import { compressionCodecOf, decompress } from '@millrace/protocol'
import { StorageError } from '../engine.ts'
import { BATCH_HEADER_BYTES, type BatchView } from './batch-view.ts'

export interface RecordTime {
  readonly offset: number
  readonly timestampMs: number
}

/** A batch that was accepted fits a request of 100 MiB; what it unpacks to is held against this. */
const RECORDS_BYTES_MAX = 1024 * 1024 * 1024
const COMPRESSION = 0x07
const LOG_APPEND_TIME = 0x08

/** The first record of the batch, from `fromOffset` on, that is as new as `timestampMs`. */
export function recordAtOrAfter(
  batch: BatchView,
  records: Buffer,
  wanted: { readonly timestampMs: number; readonly fromOffset: number },
): RecordTime | undefined {
  return firstRecord(
    batch,
    records,
    record => record.offset >= wanted.fromOffset && record.timestampMs >= wanted.timestampMs,
  )
}

/** The first record that carries the batch's largest time. With log-append time every record has it, and Kafka answers with the last. */
export function recordOfMaxTimestamp(batch: BatchView, records: Buffer): RecordTime {
  const last = { offset: batch.lastOffset, timestampMs: batch.maxTimestampMs }
  if ((batch.attributes & LOG_APPEND_TIME) !== 0) return last
  return firstRecord(batch, records, record => record.timestampMs === batch.maxTimestampMs) ?? last
}

function firstRecord(batch: BatchView, bytes: Buffer, fits: (record: RecordTime) => boolean): RecordTime | undefined {
  const records = unpack(batch, bytes)
  const appendTime = (batch.attributes & LOG_APPEND_TIME) !== 0
  let at = 0
  for (let i = 0; i < batch.recordCount; i++) {
    const length = readVarint(records, at)
    const timestampDelta = readVarint(records, length.end + 1)
    const offsetDelta = readVarint(records, timestampDelta.end)
    const record = {
      offset: batch.baseOffset + offsetDelta.value,
      timestampMs: appendTime ? batch.maxTimestampMs : batch.baseTimestampMs + timestampDelta.value,
    }
    if (fits(record)) return record
    at = length.end + length.value
  }
  return undefined
}

function unpack(batch: BatchView, bytes: Buffer): Buffer {
  const codec = compressionCodecOf(batch.attributes & COMPRESSION)
  if (codec === undefined) throw damaged(batch)
  return decompress(codec, bytes.subarray(BATCH_HEADER_BYTES, batch.bytes), {
    maxBytes: RECORDS_BYTES_MAX,
    transient: true,
  })
}

/** Zig-zag, up to ten bytes. Multiplies rather than shifts, so that it is right beyond 32 bits. */
function readVarint(bytes: Buffer, at: number): { readonly value: number; readonly end: number } {
  let raw = 0
  let factor = 1
  let end = at
  for (;;) {
    const byte = bytes[end++]
    if (byte === undefined || end - at > 10)
      throw new StorageError('CORRUPT', 'a record ends in the middle of a number')
    raw += (byte & 0x7f) * factor
    if (byte < 0x80) break
    factor *= 128
  }
  return { value: raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2, end }
}

const damaged = (batch: BatchView): StorageError =>
  new StorageError('CORRUPT', `the batch at offset ${batch.baseOffset} names a compression that does not exist`)
