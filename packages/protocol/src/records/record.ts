/**
 * Records of a batch as views. What a record hands out (key, value, header values) points into the batch's buffer, or into
 * its decompressed records: it lives as long as that and changes with it. Whoever keeps a record longer copies it.
 */
import {
  attributesOf,
  BATCH_OVERHEAD,
  baseOffsetOf,
  baseTimestampOf,
  batchSizeOf,
  COMPRESSION_MASK,
  DELETE_HORIZON_BIT,
  LOG_APPEND_TIME_BIT,
  maxTimestampOf,
  recordCountOf,
} from './batch.ts'
import { type CompressionCodec, compressionCodecOf, decompress } from './compression.ts'
import { CompressionError } from './compression-error.ts'
import { RecordCursor, varintAt, varintEnd } from './record-cursor.ts'

export interface RecordHeader {
  readonly key: string
  readonly value: Buffer | null
}

/** Records that do not lie as their batch says. */
export class CorruptRecordsError extends Error {
  override readonly name = 'CorruptRecordsError'
  readonly code = 'CORRUPT'
}

export interface RecordsOptions {
  /** The most that the records may take when decompressed. */
  readonly maxBytes: number
  /** The records are looked at and forgotten before the next batch is opened: their memory may then be shared. */
  readonly transient?: boolean
}

/** The codec of the batch at `at`. Throws `CompressionError` when it is none that is known. */
export function batchCodec(buffer: Buffer, at: number): CompressionCodec {
  const id = attributesOf(buffer, at) & COMPRESSION_MASK
  const codec = compressionCodecOf(id)
  if (codec === undefined) throw new CompressionError('UNSUPPORTED', `compression type ${id}`)
  return codec
}

/** The records of the batch at `at`, without its header: a view of them, or what they decompress to. */
export function recordBytes(buffer: Buffer, at: number, options: RecordsOptions): Buffer {
  const codec = batchCodec(buffer, at)
  const records = buffer.subarray(at + BATCH_OVERHEAD, at + batchSizeOf(buffer, at))
  return codec === 'none' ? records : decompress(codec, records, options)
}

export class KafkaRecord {
  readonly offset: number
  readonly timestamp: number
  readonly #buffer: Buffer
  readonly #keyStart: number
  readonly #keyLength: number
  readonly #valueStart: number
  readonly #valueLength: number
  readonly #headersStart: number
  readonly #headerCount: number

  constructor(cursor: RecordCursor, offset: number, timestamp: number) {
    this.offset = offset
    this.timestamp = timestamp
    this.#buffer = cursor.buffer
    this.#keyStart = cursor.keyStart
    this.#keyLength = cursor.keyLength
    this.#valueStart = cursor.valueStart
    this.#valueLength = cursor.valueLength
    this.#headersStart = cursor.headersStart
    this.#headerCount = cursor.headerCount
  }

  get key(): Buffer | null {
    return viewOf(this.#buffer, this.#keyStart, this.#keyLength)
  }

  get value(): Buffer | null {
    return viewOf(this.#buffer, this.#valueStart, this.#valueLength)
  }

  get headerCount(): number {
    return this.#headerCount
  }

  /** Read anew at each call. */
  get headers(): RecordHeader[] {
    const buffer = this.#buffer
    const headers: RecordHeader[] = []
    let at = this.#headersStart
    for (let left = this.#headerCount; left > 0; left--) {
      const keyLength = varintAt(buffer, at)
      const keyStart = varintEnd(buffer, at)
      const keyEnd = keyStart + keyLength
      const valueLength = varintAt(buffer, keyEnd)
      const valueStart = varintEnd(buffer, keyEnd)
      headers.push({ key: buffer.toString('utf8', keyStart, keyEnd), value: viewOf(buffer, valueStart, valueLength) })
      at = valueStart + Math.max(valueLength, 0)
    }
    return headers
  }
}

const viewOf = (buffer: Buffer, start: number, length: number): Buffer | null =>
  length < 0 ? null : buffer.subarray(start, start + length)

/**
 * The records of the batch at `at`, one by one. Throws `CorruptRecordsError` at the first that does not lie as it says, or
 * when there are more or fewer than the header counts, and `CompressionError` when they cannot be decompressed.
 */
export function* readRecords(
  buffer: Buffer,
  at: number,
  options: RecordsOptions,
): Generator<KafkaRecord, void, undefined> {
  const attributes = attributesOf(buffer, at)
  const baseOffset = baseOffsetOf(buffer, at)
  const baseTimestamp = baseTimestampOf(buffer, at)
  const appendTime = (attributes & LOG_APPEND_TIME_BIT) === 0 ? undefined : maxTimestampOf(buffer, at)
  const recordCount = recordCountOf(buffer, at)
  if (recordCount === 0) return
  const cursor = new RecordCursor(recordBytes(buffer, at, options))
  let seen = 0
  while (cursor.next()) {
    if (++seen > recordCount) break
    // After compaction base timestamp may be the delete horizon, and the deltas then count from there all the same.
    yield new KafkaRecord(cursor, baseOffset + cursor.offsetDelta, appendTime ?? baseTimestamp + cursor.timestampDelta)
  }
  if (cursor.problem !== undefined) throw new CorruptRecordsError(cursor.problem)
  if (seen !== recordCount) throw new CorruptRecordsError(`batch has other than the ${recordCount} records it counts`)
}

/** Bit 6: base timestamp is the time from which tombstones of this batch may go, not the first record's time. */
export const hasDeleteHorizon = (buffer: Buffer, at: number): boolean =>
  (attributesOf(buffer, at) & DELETE_HORIZON_BIT) !== 0
