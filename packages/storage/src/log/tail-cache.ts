/**
 * The batches appended last, over all partitions within one budget of bytes, so that whoever follows a log reads no file. Eviction is by age alone:
 * the oldest batch of all is also the oldest of its partition.
 */
import { type BatchHeader, lastOffsetOf } from '@millrace/protocol'
import { ownRecords } from './own-records.ts'
import type { Allowance } from './read-budget.ts'

/** What is handed to a socket in pieces at the most; more and smaller ones are joined. */
const PIECES_MAX = 32

interface Kept {
  readonly tail: LogTail
  readonly records: Buffer
  readonly baseOffset: number
}

export class TailCache {
  readonly #budgetBytes: number
  #bytes = 0
  #queue: Kept[] = []
  #head = 0

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** `records` is not changed from now on. A view of a much larger buffer is copied, so that it does not hold that one. */
  keep(tail: LogTail, batch: BatchHeader, records: Buffer): void {
    if (records.length > this.#budgetBytes >> 2) {
      tail.clear()
      return
    }
    const own = ownRecords(records)
    const kept = { tail, records: own, baseOffset: batch.baseOffset }
    this.#bytes += own.length
    this.#queue.push(kept)
    tail.kept.push(kept)
    while (this.#bytes > this.#budgetBytes) this.#evict()
  }

  #evict(): void {
    const { tail, records } = this.#queue[this.#head]!
    this.#queue[this.#head++] = undefined as unknown as Kept
    this.#bytes -= records.length
    tail.dropOldest()
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
  }
}

/** A partition's part of it. Batches follow each other without a gap in the log. */
export class LogTail {
  kept: Kept[] = []
  /** Entries before it were evicted; they are cut off now and then. */
  #first = 0
  /** Of these the cache's queue still speaks though the tail let go of them. */
  #forgotten = 0

  /** Undefined when the offset lies before what is kept. */
  read(
    offset: number,
    end: number,
    allowance: Allowance,
  ): { records: Buffer[]; bytes: number; nextOffset: number } | undefined {
    const oldest = this.kept[this.#first]
    if (oldest === undefined || offset < oldest.baseOffset) return undefined
    const records: Buffer[] = []
    let bytes = 0
    let nextOffset = offset
    for (let i = this.#indexOf(offset); i < this.kept.length; i++) {
      const view = this.kept[i]!.records
      const lastOffset = lastOffsetOf(view, 0)
      const fits = bytes + view.length <= allowance.maxBytes || (bytes === 0 && allowance.evenIfTooLarge)
      if (lastOffset >= end || !fits) break
      records.push(view)
      bytes += view.length
      nextOffset = lastOffset + 1
    }
    return { records: records.length > PIECES_MAX ? [Buffer.concat(records, bytes)] : records, bytes, nextOffset }
  }

  dropOldest(): void {
    if (this.#forgotten > 0) {
      this.#forgotten--
      return
    }
    this.kept[this.#first++] = undefined as unknown as Kept
    if (this.#first === this.kept.length) {
      this.kept = []
      this.#first = 0
    } else if (this.#first > 256 && this.#first * 2 > this.kept.length) {
      this.kept = this.kept.slice(this.#first)
      this.#first = 0
    }
  }

  /** Forgets everything: what follows does not join it. */
  clear(): void {
    this.#forgotten += this.kept.length - this.#first
    this.kept = []
    this.#first = 0
  }

  /** The batch that holds the offset: the last that begins at or before it. */
  #indexOf(offset: number): number {
    let low = this.#first
    let high = this.kept.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (this.kept[middle]!.baseOffset <= offset) low = middle
      else high = middle
    }
    return low
  }
}
