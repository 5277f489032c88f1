/** Writing a batch again with fewer records, or with none. Offsets, producer, epoch and sequence are not touched: see the table in the protocol's batch.ts. */
import {
  BATCH_OVERHEAD,
  type BatchHeader,
  batchCodec,
  COMPRESSION_MASK,
  compress,
  DELETE_HORIZON_BIT,
  LOG_APPEND_TIME_BIT,
  LOG_OVERHEAD,
  NO_TIMESTAMP,
  patchCrc,
  type RecordCursor,
  varintSize,
  writeInt64,
  writeVarint,
} from '@millrace/protocol'

/** Where the records lie that stay, in the batch's unpacked records. One of these serves batch after batch. */
export class KeptRecords {
  count = 0
  /** Bytes of all of them. */
  bytes = 0
  readonly starts: number[] = []
  /** Where what follows a record's time begins. */
  readonly restStarts: number[] = []
  readonly ends: number[] = []
  readonly timestampDeltas: number[] = []

  clear(): void {
    this.count = 0
    this.bytes = 0
  }

  add(cursor: RecordCursor): void {
    const at = this.count++
    this.starts[at] = cursor.recordStart
    this.restStarts[at] = cursor.offsetDeltaStart
    this.ends[at] = cursor.position
    this.timestampDeltas[at] = cursor.timestampDelta
    this.bytes += cursor.position - cursor.recordStart
  }
}

export interface Rewriting {
  readonly batch: BatchHeader
  /** Begin with the batch's header. */
  readonly source: Buffer
  /** Unpacked. */
  readonly records: Buffer
  readonly kept: KeptRecords
  /** The time from which on tombstones and markers in it may go. It takes the place of the base timestamp. */
  readonly deleteHorizonMs: number | undefined
}

/** What a record may grow by when its time is counted from another base: the time itself and the length. */
const GROWTH_MAX = 10 + 5

/** The batch with the kept records alone, in its own codec. A new buffer of the caller's. */
export function rewrittenBatch({ batch, source, records, kept, deleteHorizonMs }: Rewriting): Buffer {
  const isAppendTime = (batch.attributes & LOG_APPEND_TIME_BIT) !== 0
  const timeOf = (i: number): number =>
    isAppendTime ? batch.maxTimestamp : batch.baseTimestamp + kept.timestampDeltas[i]!
  const baseTimestamp = deleteHorizonMs ?? timeOf(0)
  const isAsItWas = !isAppendTime && baseTimestamp === batch.baseTimestamp
  const room = BATCH_OVERHEAD + kept.bytes + (isAsItWas ? 0 : kept.count * GROWTH_MAX)
  const plain = Buffer.allocUnsafe(room)
  let end = BATCH_OVERHEAD
  let maxTimestamp = NO_TIMESTAMP
  for (let i = 0; i < kept.count; i++) {
    const timestamp = timeOf(i)
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
    end = isAsItWas
      ? end + records.copy(plain, end, kept.starts[i]!, kept.ends[i]!)
      : writeTimed(
          plain,
          end,
          { records, restStart: kept.restStarts[i]!, recordEnd: kept.ends[i]! },
          timestamp - baseTimestamp,
        )
  }
  const codec = batchCodec(source, 0)
  let written = plain.subarray(0, end)
  if (codec !== 'none') {
    const packed = compress(codec, plain.subarray(BATCH_OVERHEAD, end))
    written = Buffer.allocUnsafe(BATCH_OVERHEAD + packed.length)
    packed.copy(written, BATCH_OVERHEAD)
  }
  const attributes = (batch.attributes & ~DELETE_HORIZON_BIT) | (deleteHorizonMs === undefined ? 0 : DELETE_HORIZON_BIT)
  writeHeader(written, source, { attributes, baseTimestamp, maxTimestamp, recordCount: kept.count })
  return written
}

/** The batch without any record: what it says of its producer and of the log's offsets stays. */
export function emptiedBatch(batch: BatchHeader, source: Buffer): Buffer {
  const written = Buffer.allocUnsafe(BATCH_OVERHEAD)
  const attributes = batch.attributes & ~(COMPRESSION_MASK | DELETE_HORIZON_BIT)
  const { maxTimestamp } = batch
  writeHeader(written, source, { attributes, baseTimestamp: NO_TIMESTAMP, maxTimestamp, recordCount: 0 })
  return written
}

function writeTimed(
  to: Buffer,
  at: number,
  { records, restStart, recordEnd }: { records: Buffer; restStart: number; recordEnd: number },
  timestampDelta: number,
): number {
  let end = writeVarint(to, at, 1 + varintSize(timestampDelta) + recordEnd - restStart)
  to[end++] = 0
  end = writeVarint(to, end, timestampDelta)
  return end + records.copy(to, end, restStart, recordEnd)
}

function writeHeader(
  to: Buffer,
  source: Buffer,
  fields: { attributes: number; baseTimestamp: number; maxTimestamp: number; recordCount: number },
): void {
  source.copy(to, 0, 0, BATCH_OVERHEAD)
  to.writeInt32BE(to.length - LOG_OVERHEAD, 8)
  to.writeInt16BE(fields.attributes, 21)
  writeInt64(to, 27, fields.baseTimestamp)
  writeInt64(to, 35, fields.maxTimestamp)
  to.writeInt32BE(fields.recordCount, 57)
  patchCrc(to, 0)
}
