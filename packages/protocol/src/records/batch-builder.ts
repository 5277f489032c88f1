import { assert } from '@millrace/base'
import {
  BATCH_OVERHEAD,
  CONTROL_BIT,
  LOG_APPEND_TIME_BIT,
  LOG_OVERHEAD,
  MAGIC,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  NO_SEQUENCE,
  NO_TIMESTAMP,
  patchCrc,
  TRANSACTIONAL_BIT,
  writeInt64,
} from './batch.ts'
import { type CompressionCodec, compress, compressionIds } from './compression.ts'
import type { RecordHeader } from './record.ts'
import { varintSize, writeVarint } from './record-cursor.ts'

export interface BatchFields {
  readonly codec?: CompressionCodec
  readonly compressionLevel?: number
  readonly baseOffset?: number
  readonly partitionLeaderEpoch?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly isTransactional?: boolean
  readonly isControl?: boolean
  /** All records get this time, as if the broker had stamped it. */
  readonly logAppendTimeMs?: number
}

export interface RecordFields {
  readonly timestamp?: number
  readonly key?: Uint8Array | null
  readonly value?: Uint8Array | null
  readonly headers?: readonly RecordHeader[]
}

const INITIAL_CAPACITY = 1024
/** Varints of the length, timestamp delta, offset delta, key and value length and header count at their longest, and attributes. */
const FRAMING_MAX = 5 + 1 + 10 + 5 + 5 + 5 + 5
const NO_HEADERS: readonly RecordHeader[] = []

/**
 * Gathers records into one batch. Each is encoded when it is appended, behind room for the header, so nothing is kept of
 * it and an uncompressed batch is built without a copy. A builder serves one batch.
 */
export class BatchBuilder {
  #buffer: Buffer
  #end = BATCH_OVERHEAD
  #recordCount = 0
  #baseTimestamp = NO_TIMESTAMP
  #maxTimestamp = NO_TIMESTAMP

  /** Room may be lent: it is the builder's until `build`, and left behind when the records outgrow it. */
  constructor(room: number | Buffer = INITIAL_CAPACITY) {
    this.#buffer = typeof room === 'number' ? Buffer.allocUnsafeSlow(Math.max(room, BATCH_OVERHEAD)) : room
    assert(this.#buffer.length >= BATCH_OVERHEAD, 'a builder has room for the header')
  }

  get recordCount(): number {
    return this.#recordCount
  }

  /** The batch's size if it were built now without compression. */
  get sizeInBytes(): number {
    return this.#end
  }

  get maxTimestamp(): number {
    return this.#maxTimestamp
  }

  /** An upper bound for what `append` would add: a few bytes more than it really does. */
  static recordSizeMax(record: RecordFields): number {
    let size = FRAMING_MAX + (record.key?.length ?? 0) + (record.value?.length ?? 0)
    for (const header of record.headers ?? NO_HEADERS) size += 10 + header.key.length * 3 + (header.value?.length ?? 0)
    return size
  }

  append({ timestamp = NO_TIMESTAMP, key = null, value = null, headers = NO_HEADERS }: RecordFields): void {
    if (this.#recordCount === 0) this.#baseTimestamp = timestamp
    if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    const timestampDelta = timestamp - this.#baseTimestamp
    const offsetDelta = this.#recordCount++
    const bodySize =
      1 +
      varintSize(timestampDelta) +
      varintSize(offsetDelta) +
      bytesSize(key) +
      bytesSize(value) +
      headersSize(headers)
    this.#reserve(varintSize(bodySize) + bodySize)
    const buffer = this.#buffer
    let to = writeVarint(buffer, this.#end, bodySize)
    buffer[to++] = 0
    to = writeVarint(buffer, to, timestampDelta)
    to = writeVarint(buffer, to, offsetDelta)
    to = writeBytes(buffer, to, key)
    to = writeBytes(buffer, to, value)
    to = writeVarint(buffer, to, headers.length)
    for (const header of headers) {
      to = writeVarint(buffer, to, Buffer.byteLength(header.key))
      to += buffer.write(header.key, to)
      to = writeBytes(buffer, to, header.value)
    }
    this.#end = to
  }

  /** The batch. Its bytes belong to the caller from then on, and the builder is done. */
  build(fields: BatchFields = {}): Buffer {
    const { codec = 'none' } = fields
    const buffer = this.#buffer
    this.#buffer = Buffer.alloc(0)
    let batch = buffer.subarray(0, this.#end)
    if (codec !== 'none') {
      const records = compress(codec, buffer.subarray(BATCH_OVERHEAD, this.#end), fields.compressionLevel)
      batch = Buffer.allocUnsafe(BATCH_OVERHEAD + records.length)
      records.copy(batch, BATCH_OVERHEAD)
    }
    this.#writeHeader(batch, fields)
    return batch
  }

  #writeHeader(batch: Buffer, fields: BatchFields): void {
    const stamped = fields.logAppendTimeMs !== undefined
    writeInt64(batch, 0, fields.baseOffset ?? 0)
    batch.writeInt32BE(batch.length - LOG_OVERHEAD, 8)
    batch.writeInt32BE(fields.partitionLeaderEpoch ?? -1, 12)
    batch.writeInt8(MAGIC, 16)
    batch.writeInt16BE(
      compressionIds[fields.codec ?? 'none'] |
        (stamped ? LOG_APPEND_TIME_BIT : 0) |
        (fields.isTransactional === true ? TRANSACTIONAL_BIT : 0) |
        (fields.isControl === true ? CONTROL_BIT : 0),
      21,
    )
    batch.writeInt32BE(this.#recordCount - 1, 23)
    writeInt64(batch, 27, this.#baseTimestamp)
    writeInt64(batch, 35, fields.logAppendTimeMs ?? this.#maxTimestamp)
    writeInt64(batch, 43, fields.producerId ?? NO_PRODUCER_ID)
    batch.writeInt16BE(fields.producerEpoch ?? NO_PRODUCER_EPOCH, 51)
    batch.writeInt32BE(fields.baseSequence ?? NO_SEQUENCE, 53)
    batch.writeInt32BE(this.#recordCount, 57)
    patchCrc(batch, 0)
  }

  #reserve(size: number): void {
    const wanted = this.#end + size
    if (wanted <= this.#buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(wanted, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.#end)
    this.#buffer = grown
  }
}

const bytesSize = (bytes: Uint8Array | null): number => (bytes === null ? 1 : varintSize(bytes.length) + bytes.length)

function headersSize(headers: readonly RecordHeader[]): number {
  let size = varintSize(headers.length)
  for (const { key, value } of headers) {
    const keySize = Buffer.byteLength(key)
    size += varintSize(keySize) + keySize + bytesSize(value)
  }
  return size
}

function writeBytes(buffer: Buffer, at: number, bytes: Uint8Array | null): number {
  if (bytes === null) return writeVarint(buffer, at, -1)
  const to = writeVarint(buffer, at, bytes.length)
  buffer.set(bytes, to)
  return to + bytes.length
}
