/**
 * Record batches of magic 2, read and patched where they lie. All numbers are big-endian.
 *
 *    0  8  base offset                          23  4  last offset delta
 *    8  4  batch length: bytes after it         27  8  base timestamp (or the delete horizon, attribute bit 6)
 *   12  4  partition leader epoch               35  8  max timestamp
 *   16  1  magic, 2                             43  8  producer id, -1 none
 *   17  4  CRC-32C of 21 to the end             51  2  producer epoch, -1 none
 *   21  2  attributes                           53  4  base sequence, -1 none
 *                                               57  4  record count
 *   61     records, as one compressed block where a codec is set
 *
 * Attributes: bits 0-2 codec, 3 log-append time, 4 transactional, 5 control, 6 delete horizon.
 * Base offset and leader epoch are outside the checksum: the broker sets them without computing it anew.
 *
 * Accessors take a buffer and the position of a batch whose 61 bytes are known to be there; none of them copies.
 */
import { crc32c } from './crc32c.ts'

export const BATCH_OVERHEAD = 61
/** Base offset and batch length: what precedes the bytes that batch length counts. */
export const LOG_OVERHEAD = 12
export const MAGIC = 2

export const NO_TIMESTAMP = -1
export const NO_PRODUCER_ID = -1
export const NO_PRODUCER_EPOCH = -1
export const NO_SEQUENCE = -1

export const COMPRESSION_MASK = 0x07
export const LOG_APPEND_TIME_BIT = 0x08
export const TRANSACTIONAL_BIT = 0x10
export const CONTROL_BIT = 0x20
export const DELETE_HORIZON_BIT = 0x40

const CRC_AT = 17
const CHECKED_FROM = 21

/** A 64-bit value as a number. Exact within the safe integers; beyond them rounded, never thrown. */
export const int64At = (buffer: Buffer, at: number): number =>
  buffer.readInt32BE(at) * 0x1_0000_0000 + buffer.readUInt32BE(at + 4)

export function writeInt64(buffer: Buffer, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000)
  buffer.writeInt32BE(high, at)
  buffer.writeUInt32BE(value - high * 0x1_0000_0000, at + 4)
}

export const baseOffsetOf = (buffer: Buffer, at: number): number => int64At(buffer, at)
export const batchSizeOf = (buffer: Buffer, at: number): number => buffer.readInt32BE(at + 8) + LOG_OVERHEAD
export const partitionLeaderEpochOf = (buffer: Buffer, at: number): number => buffer.readInt32BE(at + 12)
export const magicOf = (buffer: Buffer, at: number): number => buffer.readInt8(at + 16)
export const crcOf = (buffer: Buffer, at: number): number => buffer.readUInt32BE(at + CRC_AT)
export const attributesOf = (buffer: Buffer, at: number): number => buffer.readInt16BE(at + CHECKED_FROM)
export const lastOffsetDeltaOf = (buffer: Buffer, at: number): number => buffer.readInt32BE(at + 23)
export const baseTimestampOf = (buffer: Buffer, at: number): number => int64At(buffer, at + 27)
export const maxTimestampOf = (buffer: Buffer, at: number): number => int64At(buffer, at + 35)
export const producerIdOf = (buffer: Buffer, at: number): number => int64At(buffer, at + 43)
export const producerEpochOf = (buffer: Buffer, at: number): number => buffer.readInt16BE(at + 51)
export const baseSequenceOf = (buffer: Buffer, at: number): number => buffer.readInt32BE(at + 53)
export const recordCountOf = (buffer: Buffer, at: number): number => buffer.readInt32BE(at + 57)

export const lastOffsetOf = (buffer: Buffer, at: number): number => int64At(buffer, at) + lastOffsetDeltaOf(buffer, at)
export const nextOffsetOf = (buffer: Buffer, at: number): number => lastOffsetOf(buffer, at) + 1
export const compressionIdOf = (buffer: Buffer, at: number): number => attributesOf(buffer, at) & COMPRESSION_MASK
export const isLogAppendTime = (buffer: Buffer, at: number): boolean =>
  (attributesOf(buffer, at) & LOG_APPEND_TIME_BIT) !== 0
export const isTransactional = (buffer: Buffer, at: number): boolean =>
  (attributesOf(buffer, at) & TRANSACTIONAL_BIT) !== 0
export const isControl = (buffer: Buffer, at: number): boolean => (attributesOf(buffer, at) & CONTROL_BIT) !== 0

/** Sequences go from 2147483647 on to 0. */
export function lastSequenceOf(buffer: Buffer, at: number): number {
  const baseSequence = baseSequenceOf(buffer, at)
  if (baseSequence < 0) return NO_SEQUENCE
  const sum = baseSequence + lastOffsetDeltaOf(buffer, at)
  return sum > 0x7fff_ffff ? sum - 0x8000_0000 : sum
}

/** All of a batch's header. Copies the fields, not the records: `position` and `sizeInBytes` say where those lie. */
export interface BatchHeader {
  readonly position: number
  readonly sizeInBytes: number
  readonly baseOffset: number
  readonly partitionLeaderEpoch: number
  readonly magic: number
  readonly crc: number
  readonly attributes: number
  readonly lastOffsetDelta: number
  readonly lastOffset: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly lastSequence: number
  readonly recordCount: number
}

export function readBatchHeader(buffer: Buffer, at: number): BatchHeader {
  return {
    position: at,
    sizeInBytes: batchSizeOf(buffer, at),
    baseOffset: baseOffsetOf(buffer, at),
    partitionLeaderEpoch: partitionLeaderEpochOf(buffer, at),
    magic: magicOf(buffer, at),
    crc: crcOf(buffer, at),
    attributes: attributesOf(buffer, at),
    lastOffsetDelta: lastOffsetDeltaOf(buffer, at),
    lastOffset: lastOffsetOf(buffer, at),
    baseTimestamp: baseTimestampOf(buffer, at),
    maxTimestamp: maxTimestampOf(buffer, at),
    producerId: producerIdOf(buffer, at),
    producerEpoch: producerEpochOf(buffer, at),
    baseSequence: baseSequenceOf(buffer, at),
    lastSequence: lastSequenceOf(buffer, at),
    recordCount: recordCountOf(buffer, at),
  }
}

export const patchBaseOffset = (buffer: Buffer, at: number, baseOffset: number): void =>
  writeInt64(buffer, at, baseOffset)

export function patchLeaderEpoch(buffer: Buffer, at: number, partitionLeaderEpoch: number): void {
  buffer.writeInt32BE(partitionLeaderEpoch, at + 12)
}

/** Computes the checksum anew, after a change to anything from the attributes on. */
export function patchCrc(buffer: Buffer, at: number): void {
  buffer.writeUInt32BE(crc32c(buffer, at + CHECKED_FROM, at + batchSizeOf(buffer, at)), at + CRC_AT)
}

export function patchMaxTimestamp(buffer: Buffer, at: number, maxTimestamp: number): void {
  writeInt64(buffer, at + 35, maxTimestamp)
  patchCrc(buffer, at)
}

/** Marks a batch as timed by the broker. The records keep their own deltas: readers take the max timestamp for all of them. */
export function stampLogAppendTime(buffer: Buffer, at: number, timestampMs: number): void {
  buffer.writeInt16BE(attributesOf(buffer, at) | LOG_APPEND_TIME_BIT, at + CHECKED_FROM)
  patchMaxTimestamp(buffer, at, timestampMs)
}

/** Whether the batch, which lies wholly in the buffer, is what its writer wrote. */
export const hasValidCrc = (buffer: Buffer, at: number): boolean =>
  crc32c(buffer, at + CHECKED_FROM, at + batchSizeOf(buffer, at)) === crcOf(buffer, at)

/** What `wholeBatchSize` says instead of a size. */
export const PARTIAL_BATCH = 0
export const CORRUPT_BATCH = -1

/**
 * The size of the batch at `at` when all of it lies before `end`; `PARTIAL_BATCH` when its end is cut off, as fetch
 * responses may do; `CORRUPT_BATCH` when the length or the magic cannot be a batch's.
 */
export function wholeBatchSize(buffer: Buffer, at: number, end: number): number {
  if (end - at < LOG_OVERHEAD) return PARTIAL_BATCH
  const size = batchSizeOf(buffer, at)
  if (size < BATCH_OVERHEAD) return CORRUPT_BATCH
  if (end - at > 16 && magicOf(buffer, at) !== MAGIC) return CORRUPT_BATCH
  return size > end - at ? PARTIAL_BATCH : size
}

/**
 * Calls `visit` with position and size of each whole batch and returns the position where it stopped: the end of the
 * buffer, or the start of a partial or corrupt tail. Checksums are not looked at.
 */
export function forEachBatch(buffer: Buffer, visit: (at: number, sizeInBytes: number) => void, start = 0): number {
  let at = start
  for (;;) {
    const size = wholeBatchSize(buffer, at, buffer.length)
    if (size <= 0) return at
    visit(at, size)
    at += size
  }
}

/** The positions of the whole batches of a buffer, as `forEachBatch` visits them. */
export function* batchPositions(buffer: Buffer, start = 0): Generator<number, void, undefined> {
  let at = start
  for (
    let size = wholeBatchSize(buffer, at, buffer.length);
    size > 0;
    size = wholeBatchSize(buffer, at, buffer.length)
  ) {
    yield at
    at += size
  }
}
