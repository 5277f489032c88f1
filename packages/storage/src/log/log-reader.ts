/** Reading whole batches from the segments of a log. */
import type { BufferPool, Lease, PooledBlock } from '@millrace/base'
import {
  BATCH_OVERHEAD,
  baseOffsetOf,
  batchSizeOf,
  hasValidCrc,
  lastOffsetOf,
  MAGIC,
  magicOf,
} from '@millrace/protocol'
import type { MaybePromise } from '../engine.ts'
import type { Allowance } from './read-budget.ts'
import { damaged, type LogSegment } from './segment.ts'

const LITTLE_BYTES = 16 * 1024
const LITTLE_OF_MUCH_BYTES = 64 * 1024

export interface BatchRun {
  readonly records: readonly Buffer[]
  readonly bytes: number
  /** Behind the last batch that was read; the offset asked for when there was none. */
  readonly nextOffset: number
  /** Of the memory that the records are in, where it is to be used again. */
  readonly lease?: Lease | undefined
}

export interface ReadRange {
  readonly offset: number
  /** Only batches that end below are read. */
  readonly end: number
  /** The end is the log's: every batch in the segments is below it and need not be asked. */
  readonly isWholeLog: boolean
  readonly allowance: Allowance
  readonly syncReadBytesMax: number
  readonly blocks: BufferPool
}

/** Where the last read of a log ended: a reader in sequence needs no look-up. */
export interface ReadPlace {
  readonly segment: LogSegment
  readonly offset: number
  readonly position: number
}

export interface SegmentRead extends BatchRun {
  readonly place: ReadPlace | undefined
}

const nothing = (offset: number): SegmentRead => ({ records: [], bytes: 0, nextOffset: offset, place: undefined })

/**
 * Reads from the segment that holds the offset, and from that one alone, as Kafka does: a short answer at the end of a segment makes the reader
 * ask again. Segments that hold nothing from the offset on are passed over.
 */
export function readSegments(
  segments: readonly LogSegment[],
  range: ReadRange,
  place: ReadPlace | undefined,
): MaybePromise<SegmentRead> {
  const first = Math.max(
    0,
    segments.findLastIndex(segment => segment.baseOffset <= range.offset),
  )
  for (const segment of segments.slice(first)) {
    const start = startIn(segment, range.offset, place)
    if (start !== undefined) return readSegment(segment, start, range)
  }
  return nothing(range.offset)
}

function startIn(
  segment: LogSegment,
  offset: number,
  place: ReadPlace | undefined,
): { readonly position: number; readonly batchBytes: number } | undefined {
  if (place?.segment === segment && place.offset === offset && place.position < segment.sizeBytes)
    return { position: place.position, batchBytes: BATCH_OVERHEAD }
  const found = segment.find(offset)
  return found === undefined ? undefined : { position: found.position, batchBytes: found.batch.sizeInBytes }
}

function readSegment(
  segment: LogSegment,
  start: { readonly position: number; readonly batchBytes: number },
  range: ReadRange,
): MaybePromise<SegmentRead> {
  const { allowance, syncReadBytesMax } = range
  const wanted = allowance.evenIfTooLarge ? Math.max(allowance.maxBytes, start.batchBytes) : allowance.maxBytes
  const bytes = Math.min(wanted, segment.sizeBytes - start.position)
  if (bytes < BATCH_OVERHEAD) return nothing(range.offset)
  const pooled = range.blocks.take(bytes)
  const block = pooled.bytes
  const take = (filled: number): MaybePromise<SegmentRead> => {
    const read = wholeBatches(segment, start.position, { block: block.subarray(0, filled), range })
    const needed = read.bytes === 0 && allowance.evenIfTooLarge ? firstBatchBytes(block.subarray(0, filled)) : 0
    if (needed <= bytes || baseOffsetOf(block, 0) >= range.end) return lent(read, pooled)
    pooled.release()
    // Its length is not what was written.
    if (start.position + needed > segment.sizeBytes) throw damaged(segment, start.position)
    return readSegment(segment, { position: start.position, batchBytes: needed }, range)
  }
  if (bytes <= syncReadBytesMax) return take(segment.log.read(block, start.position))
  return segment.log.readLater(block, start.position).then(take)
}

function firstBatchBytes(block: Buffer): number {
  return block.length < BATCH_OVERHEAD ? BATCH_OVERHEAD : batchSizeOf(block, 0)
}

/** Little is copied out of its block, so that the block need not wait for a slow socket. */
function lent(read: SegmentRead, pooled: PooledBlock): SegmentRead {
  const isLittle =
    read.bytes < LITTLE_BYTES || (read.bytes < LITTLE_OF_MUCH_BYTES && read.bytes * 2 < pooled.bytes.length)
  if (!isLittle) return { ...read, lease: pooled }
  const records = read.records.map(view => Buffer.from(view))
  pooled.release()
  return { ...read, records }
}

/**
 * Ends of reading lie between batches. One that says it reaches over the end is damaged, and is given out all the same: whoever compares its checksum is told
 * so, and does not wait for it for ever.
 */
function isBeyond(block: Buffer, at: number, { end, isWholeLog }: ReadRange): boolean {
  if (isWholeLog || lastOffsetOf(block, at) < end) return false
  return baseOffsetOf(block, at) >= end || hasValidCrc(block, at)
}

/** Cuts the block behind the last whole batch that may be read. */
function wholeBatches(
  segment: LogSegment,
  blockAt: number,
  { block, range }: { readonly block: Buffer; readonly range: ReadRange },
): SegmentRead {
  let at = 0
  let lastAt = 0
  while (at + BATCH_OVERHEAD <= block.length) {
    const size = batchSizeOf(block, at)
    if (size < BATCH_OVERHEAD || magicOf(block, at) !== MAGIC) {
      // What is good before the damage is given out first.
      if (at > 0) break
      throw damaged(segment, blockAt + at)
    }
    if (at + size > block.length || isBeyond(block, at, range)) break
    lastAt = at
    at += size
  }
  if (at === 0) return nothing(range.offset)
  const nextOffset = lastOffsetOf(block, lastAt) + 1
  return {
    records: [block.subarray(0, at)],
    bytes: at,
    nextOffset,
    place: { segment, offset: nextOffset, position: blockAt + at },
  }
}
