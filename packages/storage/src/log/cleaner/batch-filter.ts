/**
 * What of one batch stays in a cleaning, by Kafka's rules:
 *
 * - A record stays while no later one of its key is known. One without a value (a tombstone) goes when its batch's delete horizon has passed. Records
 *   without a key go. What lies beyond the map was not looked at, and stays.
 * - Data of aborted transactions goes. A marker goes when nothing of its transaction is left and its delete horizon has passed.
 * - The first cleaning that leaves a tombstone in a batch, or that finds nothing left of a marker's transaction, sets the delete horizon.
 * - A batch of which nothing stays is kept as a bare header where it is the last of its producer (the next sequence is told by it), or where the
 *   cleaned range ends (the log's offsets are told by it).
 */
import { type BatchHeader, CompressionError, DELETE_HORIZON_BIT, RecordCursor, recordBytes } from '@millrace/protocol'
import { StorageError } from '../../engine.ts'
import { isControl } from '../batch-view.ts'
import type { ProducerState } from '../producer-state.ts'
import { emptiedBatch, KeptRecords, rewrittenBatch } from './batch-rewrite.ts'
import type { CleanedTransactions } from './cleaned-transactions.ts'
import type { OffsetMap } from './offset-map.ts'

export interface FilterRules {
  readonly map: OffsetMap
  readonly transactions: CleanedTransactions
  /** What is known of a producer; undefined when it was forgotten, or never had a state. */
  readonly producer: (producerId: number) => ProducerState | undefined
  /** Where the range ends that is cleaned now. */
  readonly firstUncleanableOffset: number
  readonly nowMs: number
  readonly deleteRetentionMs: number
}

/** What one batch may unpack to: as much as a request may hold, several times over. */
const RECORDS_BYTES_MAX = 1024 * 1024 * 1024
const EMPTY = Buffer.alloc(0)

export class BatchFilter {
  readonly #rules: FilterRules
  readonly #kept = new KeptRecords()
  readonly #cursor = new RecordCursor(EMPTY)
  #hasTombstones = false
  recordsRead = 0
  recordsKept = 0

  constructor(rules: FilterRules) {
    this.#rules = rules
  }

  /** The batch as it is to be written: `bytes`, which hold it as it is, or a buffer of the caller's. Undefined: it goes. */
  apply(batch: BatchHeader, bytes: Buffer): Buffer | undefined {
    const isSpent = this.#rules.transactions.isSpent(batch, bytes)
    const horizonMs = deleteHorizonOf(batch)
    const isDiscarded = isSpent && (!isControl(batch) || (horizonMs !== undefined && horizonMs <= this.#rules.nowMs))
    const staysEmpty = this.#isLastOfProducer(batch) || batch.lastOffset + 1 === this.#rules.firstUncleanableOffset
    this.recordsRead += batch.recordCount
    if (isDiscarded || batch.recordCount === 0) return staysEmpty ? emptiedBatch(batch, bytes) : undefined
    const records = unpack(batch, bytes)
    this.#sift(batch, records)
    const kept = this.#kept
    this.recordsKept += kept.count
    if (kept.count === 0) return staysEmpty ? emptiedBatch(batch, bytes) : undefined
    const setsHorizon = horizonMs === undefined && (this.#hasTombstones || (isSpent && isControl(batch)))
    if (kept.count === batch.recordCount && !setsHorizon) return bytes
    const deleteHorizonMs = setsHorizon ? this.#rules.nowMs + this.#rules.deleteRetentionMs : horizonMs
    return rewrittenBatch({ batch, source: bytes, records, kept, deleteHorizonMs })
  }

  #sift(batch: BatchHeader, records: Buffer): void {
    const { map, nowMs } = this.#rules
    const kept = this.#kept
    const cursor = this.#cursor
    const horizonMs = deleteHorizonOf(batch)
    const dropsTombstones = horizonMs !== undefined && nowMs >= horizonMs
    const keepsAll = isControl(batch)
    const { latestOffset } = map
    let count = 0
    kept.clear()
    this.#hasTombstones = false
    cursor.reset(records)
    while (cursor.next()) {
      count++
      const offset = batch.baseOffset + cursor.offsetDelta
      if (!keepsAll && offset <= latestOffset) {
        if (cursor.keyLength < 0 || (cursor.valueLength < 0 && dropsTombstones)) continue
        if (offset < map.get(records, cursor.keyStart, cursor.keyLength)) continue
      }
      kept.add(cursor)
      if (cursor.valueLength < 0) this.#hasTombstones = true
    }
    checkWalk(batch, cursor, count)
  }

  /** Its last data batch; or, when its last word is a marker, that, which tells its epoch. */
  #isLastOfProducer(batch: BatchHeader): boolean {
    if (batch.producerId < 0) return false
    const state = this.#rules.producer(batch.producerId)
    if (state === undefined) return false
    const last = state.batches.at(-1)
    if (last !== undefined) return batch.lastOffset === last.lastOffset
    return isControl(batch) && batch.producerEpoch === state.producerEpoch
  }
}

export interface Noting {
  readonly bytes: Buffer
  readonly cursor: RecordCursor
  readonly fromOffset: number
}

/** Notes the keys of a batch from the offset on. Answers false when the map is full before its end. */
export function noteKeys(map: OffsetMap, batch: BatchHeader, { bytes, cursor, fromOffset }: Noting): boolean {
  const records = unpack(batch, bytes)
  let count = 0
  cursor.reset(records)
  while (cursor.next()) {
    count++
    const offset = batch.baseOffset + cursor.offsetDelta
    if (cursor.keyLength < 0 || offset < fromOffset) continue
    if (map.isFull) return false
    map.put(records, cursor.keyStart, cursor.keyLength, offset)
  }
  checkWalk(batch, cursor, count)
  return true
}

const deleteHorizonOf = (batch: BatchHeader): number | undefined =>
  (batch.attributes & DELETE_HORIZON_BIT) === 0 ? undefined : batch.baseTimestamp

function unpack(batch: BatchHeader, bytes: Buffer): Buffer {
  if (batch.recordCount === 0) return EMPTY
  try {
    return recordBytes(bytes, 0, { maxBytes: RECORDS_BYTES_MAX, transient: true })
  } catch (cause) {
    if (!(cause instanceof CompressionError)) throw cause
    throw unreadable(batch, 'its records cannot be decompressed', cause)
  }
}

function checkWalk(batch: BatchHeader, cursor: RecordCursor, count: number): void {
  if (cursor.problem !== undefined) throw unreadable(batch, cursor.problem)
  if (count !== batch.recordCount) throw unreadable(batch, `it holds ${count} records and says ${batch.recordCount}`)
}

const unreadable = (batch: BatchHeader, why: string, cause?: unknown): StorageError =>
  new StorageError('CORRUPT', `the batch at offset ${batch.baseOffset} cannot be cleaned: ${why}`, { cause })
