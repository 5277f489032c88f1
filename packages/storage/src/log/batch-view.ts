/**
 * What a log reads of a record batch in place, without making anything of its records. Only the fields that sit at a fixed place:
 *
 *   0 base offset (8)   8 length of the rest (4)   12 leader epoch (4)   16 magic (1)   17 CRC (4)   21 attributes (2)   23 last offset delta (4)
 *   27 base timestamp (8)   35 max timestamp (8)   43 producer id (8)   51 producer epoch (2)   53 base sequence (4)   57 count (4)   61 records
 */
import { crc32c } from '@millrace/protocol'

/** The bytes in front of the records. */
export const BATCH_HEADER_BYTES = 61
/** The base offset and the length, which the length does not count. */
const PREFIX_BYTES = 12
const MAGIC = 2
/** No batch is longer: the length is an int32 on the wire. */
const BATCH_BYTES_MAX = 0x7fff_ffff

const TRANSACTIONAL = 0x10
const CONTROL = 0x20
const DELETE_HORIZON = 0x40

export interface BatchView {
  readonly baseOffset: number
  readonly bytes: number
  readonly leaderEpoch: number
  readonly attributes: number
  readonly lastOffset: number
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

export const isTransactional = (batch: BatchView): boolean => (batch.attributes & TRANSACTIONAL) !== 0
export const isControl = (batch: BatchView): boolean => (batch.attributes & CONTROL) !== 0
export const hasDeleteHorizon = (batch: BatchView): boolean => (batch.attributes & DELETE_HORIZON) !== 0

/** -1 when the batch has none. Sequence numbers go back to 0 after 2147483647. */
export function lastSequenceOf(batch: BatchView): number {
  if (batch.baseSequence < 0) return -1
  const last = batch.baseSequence + (batch.lastOffset - batch.baseOffset)
  return last > 0x7fff_ffff ? last - 0x8000_0000 : last
}

/** `Number(buffer.readBigInt64BE(at))` without the BigInt. Exact up to 2^53, which no offset, time or producer id exceeds. */
export const readInt64 = (buffer: Buffer, at: number): number =>
  buffer.readInt32BE(at) * 0x1_0000_0000 + buffer.readUInt32BE(at + 4)

export function writeInt64(buffer: Buffer, value: number, at: number): void {
  buffer.writeInt32BE(Math.floor(value / 0x1_0000_0000), at)
  buffer.writeUInt32BE(value - Math.floor(value / 0x1_0000_0000) * 0x1_0000_0000, at + 4)
}

/** The size of the batch that begins at `at`, or undefined where no batch of magic 2 begins. Needs 17 bytes. */
export function batchBytesAt(buffer: Buffer, at: number): number | undefined {
  const bytes = buffer.readInt32BE(at + 8) + PREFIX_BYTES
  return bytes >= BATCH_HEADER_BYTES && bytes <= BATCH_BYTES_MAX && buffer[at + 16] === MAGIC ? bytes : undefined
}

/** The batch whose header begins at `at`; undefined where there is no whole header or it is not one. */
export function batchAt(buffer: Buffer, at: number): BatchView | undefined {
  if (buffer.length - at < BATCH_HEADER_BYTES) return undefined
  const bytes = batchBytesAt(buffer, at)
  const baseOffset = readInt64(buffer, at)
  const lastOffsetDelta = buffer.readInt32BE(at + 23)
  if (bytes === undefined || lastOffsetDelta < 0 || baseOffset < 0) return undefined
  return {
    baseOffset,
    bytes,
    leaderEpoch: buffer.readInt32BE(at + 12),
    attributes: buffer.readInt16BE(at + 21),
    lastOffset: baseOffset + lastOffsetDelta,
    baseTimestampMs: readInt64(buffer, at + 27),
    maxTimestampMs: readInt64(buffer, at + 35),
    producerId: readInt64(buffer, at + 43),
    producerEpoch: buffer.readInt16BE(at + 51),
    baseSequence: buffer.readInt32BE(at + 53),
    recordCount: buffer.readInt32BE(at + 57),
  }
}

/** Whether the checksum of the whole batch at `at` agrees with its bytes. Base offset and leader epoch are not under it. */
export const hasGoodCrc = (buffer: Buffer, at: number, bytes: number): boolean =>
  buffer.readUInt32BE(at + 17) === crc32c(buffer, at + 21, at + bytes)

/** Neither field is under the checksum, so a broker may write them into a batch as it came. */
export function stampBatch(records: Buffer, baseOffset: number, leaderEpoch: number): void {
  writeInt64(records, baseOffset, 0)
  records.writeInt32BE(leaderEpoch, 12)
}
