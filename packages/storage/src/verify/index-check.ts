/**
 * Holds a segment's three indexes against its log, batch by batch as the log is walked. What they claim, and what is checked:
 *
 *   .index      a batch begins at the position and ends at or below the offset; both rise
 *   .timeindex  a batch holds the offset and has the time, and none before it is newer; both rise; a closed segment's last entry is its newest time
 *   .txnindex   an abort marker of the producer lies at the last offset; every aborted transaction that began in this log has its entry
 */
import { type BatchHeader, int64At } from '@millrace/protocol'
import { OFFSET_ENTRY_BYTES } from '../log/offset-index.ts'
import type { EndedTransaction } from '../log/producer-state.ts'
import { TIME_ENTRY_BYTES } from '../log/time-index.ts'
import type { LogProblem } from './log-problem.ts'

export interface IndexedSegment {
  readonly baseOffset: number
  /** Batches may still be added, and Kafka leaves zeros behind the last entry of an active index. */
  readonly isActive: boolean
  readonly report: (problem: LogProblem) => void
}

const TRANSACTION_ENTRY_BYTES = 34

interface IndexBytes {
  readonly path: string
  readonly bytes: Buffer
}

/** The entries, without the zeros behind them in an active segment. */
function wholeEntries({ bytes }: IndexBytes, entryBytes: number, isActive: boolean): number {
  let count = Math.floor(bytes.length / entryBytes)
  if (!isActive) return count
  while (count > 0 && isZero(bytes.subarray((count - 1) * entryBytes, count * entryBytes))) count--
  return count
}

const isZero = (bytes: Buffer): boolean => bytes.every(byte => byte === 0)

export class OffsetIndexCheck {
  readonly #segment: IndexedSegment
  readonly #index: IndexBytes
  readonly #count: number
  #next = 0

  constructor(segment: IndexedSegment, index: IndexBytes) {
    this.#segment = segment
    this.#index = index
    this.#count = wholeEntries(index, OFFSET_ENTRY_BYTES, segment.isActive)
    if (index.bytes.length % OFFSET_ENTRY_BYTES !== 0)
      this.#report(this.#count, `its size of ${index.bytes.length} bytes is not whole entries`)
    for (let i = 1; i < this.#count; i++)
      if (this.#offset(i) <= this.#offset(i - 1) || this.#position(i) <= this.#position(i - 1)) {
        this.#report(i, 'its entries do not rise')
        this.#next = this.#count
        return
      }
  }

  batch(header: BatchHeader, position: number): void {
    for (; this.#next < this.#count && this.#position(this.#next) <= position; this.#next++) {
      const offset = this.#offset(this.#next)
      if (this.#position(this.#next) < position)
        this.#report(
          this.#next,
          `no batch begins at ${this.#position(this.#next)}, where offset ${offset} is said to be`,
        )
      else if (offset < header.lastOffset)
        this.#report(this.#next, `the batch at ${position} ends at offset ${header.lastOffset}, not at ${offset}`)
    }
  }

  /** Entries for what cannot be read say nothing. */
  skip(to: number): void {
    while (this.#next < this.#count && this.#position(this.#next) < to) this.#next++
  }

  end(sizeBytes: number): void {
    if (this.#next < this.#count)
      this.#report(this.#next, `it points to ${this.#position(this.#next)} in a log of ${sizeBytes} bytes`)
  }

  #offset(i: number): number {
    return this.#segment.baseOffset + this.#index.bytes.readInt32BE(i * OFFSET_ENTRY_BYTES)
  }

  #position(i: number): number {
    return this.#index.bytes.readInt32BE(i * OFFSET_ENTRY_BYTES + 4)
  }

  #report(entry: number, message: string): void {
    const { path } = this.#index
    const { baseOffset } = this.#segment
    this.#segment.report({ kind: 'index', path, position: entry * OFFSET_ENTRY_BYTES, message, baseOffset })
  }
}

export class TimeIndexCheck {
  readonly #segment: IndexedSegment
  readonly #index: IndexBytes
  readonly #count: number
  #next = 0
  #newest = -1
  #isBlind = false

  constructor(segment: IndexedSegment, index: IndexBytes) {
    this.#segment = segment
    this.#index = index
    this.#count = wholeEntries(index, TIME_ENTRY_BYTES, segment.isActive)
    if (index.bytes.length % TIME_ENTRY_BYTES !== 0)
      this.#report(this.#count, `its size of ${index.bytes.length} bytes is not whole entries`)
    for (let i = 1; i < this.#count; i++)
      if (this.#time(i) < this.#time(i - 1) || this.#offset(i) < this.#offset(i - 1)) {
        this.#report(i, 'its entries do not rise')
        this.#next = this.#count
        this.#isBlind = true
        return
      }
  }

  batch(header: BatchHeader): void {
    const before = this.#newest
    if (header.maxTimestamp > this.#newest) this.#newest = header.maxTimestamp
    for (; this.#next < this.#count && this.#offset(this.#next) <= header.lastOffset; this.#next++) {
      const time = this.#time(this.#next)
      if (this.#isBlind) continue
      if (this.#offset(this.#next) < header.baseOffset) {
        this.#report(this.#next, `no batch holds offset ${this.#offset(this.#next)}`)
      } else if (time !== header.maxTimestamp || time < before) {
        this.#report(
          this.#next,
          `the newest record up to offset ${header.lastOffset} is of ${this.#newest}, not of ${time}`,
        )
      }
    }
  }

  /** Times that cannot be read may have been the newest. */
  skip(): void {
    this.#isBlind = true
  }

  end(sizeBytes: number): void {
    if (this.#isBlind) return
    if (this.#next < this.#count)
      this.#report(this.#next, `it speaks of offset ${this.#offset(this.#next)}, which the log does not hold`)
    else if (!this.#segment.isActive && sizeBytes > 0 && this.#newest >= 0) this.#checkLast()
  }

  #checkLast(): void {
    const last = this.#count === 0 ? -1 : this.#time(this.#count - 1)
    if (last !== this.#newest)
      this.#report(
        Math.max(0, this.#count - 1),
        `the newest record is of ${this.#newest}, and its last entry says ${last}`,
      )
  }

  #time(i: number): number {
    return int64At(this.#index.bytes, i * TIME_ENTRY_BYTES)
  }

  #offset(i: number): number {
    return this.#segment.baseOffset + this.#index.bytes.readInt32BE(i * TIME_ENTRY_BYTES + 8)
  }

  #report(entry: number, message: string): void {
    const { path } = this.#index
    const { baseOffset } = this.#segment
    this.#segment.report({ kind: 'timeindex', path, position: entry * TIME_ENTRY_BYTES, message, baseOffset })
  }
}

interface AbortMarker {
  readonly producerId: number
  /** Undefined where the transaction began before this log does, or its begin cannot be read. */
  readonly firstOffset: number | undefined
}

export class TransactionIndexCheck {
  readonly #segment: IndexedSegment
  readonly #path: string
  readonly #aborts = new Map<number, AbortMarker>()

  constructor(segment: IndexedSegment, path: string) {
    this.#segment = segment
    this.#path = path
  }

  aborted(header: BatchHeader, ended: EndedTransaction | undefined): void {
    this.#aborts.set(header.baseOffset, { producerId: header.producerId, firstOffset: ended?.firstOffset })
  }

  /** `isComplete`: the log was read from the begin of every transaction on, nothing of it is compacted, and nobody writes. */
  end(bytes: Buffer, isComplete: boolean): void {
    if (bytes.length % TRANSACTION_ENTRY_BYTES !== 0)
      this.#report(bytes.length, `its size of ${bytes.length} bytes is not whole entries`)
    for (let at = 0; at + TRANSACTION_ENTRY_BYTES <= bytes.length; at += TRANSACTION_ENTRY_BYTES)
      this.#entry(bytes, at, isComplete)
    if (!isComplete) return
    for (const [offset, { producerId, firstOffset }] of this.#aborts)
      if (firstOffset !== undefined)
        this.#report(
          bytes.length,
          `it lacks the transaction of producer ${producerId} that was aborted at offset ${offset}`,
        )
  }

  #entry(bytes: Buffer, at: number, isComplete: boolean): void {
    const producerId = int64At(bytes, at + 2)
    const firstOffset = int64At(bytes, at + 10)
    const lastOffset = int64At(bytes, at + 18)
    const abort = this.#aborts.get(lastOffset)
    this.#aborts.delete(lastOffset)
    if (abort?.producerId !== producerId)
      this.#report(at, `no transaction of producer ${producerId} was aborted at offset ${lastOffset}`)
    else if (isComplete && abort.firstOffset !== undefined && abort.firstOffset !== firstOffset)
      this.#report(
        at,
        `the transaction of producer ${producerId} began at offset ${abort.firstOffset}, not at ${firstOffset}`,
      )
  }

  #report(position: number, message: string): void {
    const { baseOffset } = this.#segment
    this.#segment.report({ kind: 'txnindex', path: this.#path, position, message, baseOffset })
  }
}
