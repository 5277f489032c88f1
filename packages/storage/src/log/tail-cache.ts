/**
 * The batches appended last, over all partitions within one budget of bytes, so that whoever follows a log reads no file.
 *
 *     slabs   [ a0 b0 a1 ][ a2 b1 b2 ][ b3 ··· ]     batches are copied in, in the order in which they come
 *               oldest: its batches are forgotten together, and it is filled anew
 *
 * The slabs are the cache's own from beginning to end: what is appended is copied into them and what is read is copied out of them, so nobody else ever holds
 * a view, and a slab may be filled anew without asking. A copy costs a tenth of what sending its bytes costs, and spares the collector both the frame that a
 * batch came in and a count of who looks at it. Eviction is by age alone: the oldest batch of all is also the oldest of its partition.
 *
 * What nobody came for in time is read from its file, so slabs that are neither written nor read any more are given back to the system. They are pages of their
 * own: memory of `malloc` that is freed among other memory stays with the process.
 */
import type { BufferPool, Clock } from '@millrace/base'
import type { BatchHeader } from '@millrace/protocol'
import type { BatchRun } from './log-reader.ts'
import type { Allowance } from './read-budget.ts'

const SLAB_BYTES_MAX = 512 * 1024
const SLABS_MIN = 8
/** What a batch counts as at the least: small ones cost more on the heap than their bytes do. */
const BATCH_BYTES_MIN = 1024
/** Less is copied to where the heap's own small buffers are, and needs no block that somebody has to give back. */
const LITTLE_BYTES = 16 * 1024
/** So long a slab is kept after it was used last, and at most twice as long. Whoever follows a log is behind by less. */
const IDLE_MS = 3_000

/** A batch in a slab. The object is filled anew with the slab: small batches come by the tens of thousands a second. */
class Kept {
  readonly slab: Slab
  tail: LogTail
  at = 0
  length = 0
  baseOffset = 0
  lastOffset = 0

  constructor(slab: Slab, tail: LogTail) {
    this.slab = slab
    this.tail = tail
  }
}

class Slab {
  readonly bytes: Buffer
  /** It was written or read since the cache looked last. */
  isUsed = true
  readonly #pages: ArrayBuffer
  readonly #kept: Kept[] = []
  #count = 0
  #end = 0

  constructor(size: number) {
    // One that may change its size is mapped by itself.
    this.#pages = new ArrayBuffer(size, { maxByteLength: size })
    this.bytes = Buffer.from(this.#pages, 0, size)
  }

  free(): void {
    this.#pages.resize(0)
  }

  hasRoomFor(length: number): boolean {
    const { bytes } = this
    return this.#end + length <= bytes.length && this.#count < Math.max(1, Math.floor(bytes.length / BATCH_BYTES_MIN))
  }

  take(tail: LogTail, { baseOffset, lastOffset }: BatchHeader, records: Buffer): Kept {
    const kept = this.#kept[this.#count] ?? new Kept(this, tail)
    this.#kept[this.#count++] = kept
    kept.tail = tail
    kept.at = this.#end
    kept.length = records.length
    kept.baseOffset = baseOffset
    kept.lastOffset = lastOffset
    records.copy(this.bytes, this.#end)
    this.#end += records.length
    return kept
  }

  /** Afterwards no tail speaks of it. */
  forget(): void {
    for (let i = 0; i < this.#count; i++) this.#kept[i]!.tail.dropOldest()
    this.#count = 0
    this.#end = 0
  }
}

export class TailCache {
  readonly #clock: Clock
  readonly #budgetBytes: number
  readonly #slabBytes: number
  /** The oldest first. */
  readonly #slabs: Slab[] = []
  #bytes = 0
  #trimIsDue = false

  constructor(budgetBytes: number, clock: Clock) {
    this.#clock = clock
    this.#budgetBytes = budgetBytes
    this.#slabBytes = Math.min(SLAB_BYTES_MAX, Math.floor(budgetBytes / SLABS_MIN))
  }

  /** Of all slabs, filled or not. */
  get bytes(): number {
    return this.#bytes
  }

  /** Copies the batch, so `records` is the caller's again. One that is too large to keep makes the tail begin anew behind it. */
  keep(tail: LogTail, batch: BatchHeader, records: Buffer): void {
    if (records.length > this.#budgetBytes >> 2) {
      tail.clear()
      return
    }
    let slab = this.#slabs.at(-1)
    if (slab === undefined || !slab.hasRoomFor(records.length)) slab = this.#nextSlab(records.length)
    tail.kept.push(slab.take(tail, batch, records))
    slab.isUsed = true
    if (!this.#trimIsDue) this.#trimLater()
  }

  #nextSlab(length: number): Slab {
    const size = Math.max(this.#slabBytes, length)
    let slab: Slab | undefined
    while (this.#bytes + size > this.#budgetBytes) {
      slab = this.#evictOldest()
      if (slab.bytes.length === size) break
      slab.free()
      slab = undefined
    }
    slab ??= new Slab(size)
    this.#slabs.push(slab)
    this.#bytes += size
    return slab
  }

  #trimLater(): void {
    this.#trimIsDue = true
    this.#clock.schedule(IDLE_MS, () => {
      this.#trimIsDue = false
      while (this.#slabs[0]?.isUsed === false) this.#evictOldest().free()
      for (const slab of this.#slabs) slab.isUsed = false
      if (this.#slabs.length > 0) this.#trimLater()
    })
  }

  #evictOldest(): Slab {
    const slab = this.#slabs.shift()!
    this.#bytes -= slab.bytes.length
    slab.forget()
    return slab
  }
}

/** A partition's part of it. Batches follow each other without a gap in the log. */
export class LogTail {
  kept: Kept[] = []
  /** Entries before it were evicted; they are cut off now and then. */
  #first = 0
  /** Of these the cache's slabs still speak though the tail let go of them. */
  #forgotten = 0

  /** A copy of what is kept from the offset on, as far as it is allowed. Undefined when the offset lies before what is kept. */
  read(offset: number, end: number, { allowance, blocks }: TailReading): BatchRun | undefined {
    const oldest = this.kept[this.#first]
    if (oldest === undefined || offset < oldest.baseOffset) return undefined
    const from = this.#indexOf(offset)
    let bytes = 0
    let to = from
    for (; to < this.kept.length; to++) {
      const { lastOffset, length } = this.kept[to]!
      const fits = bytes + length <= allowance.maxBytes || (bytes === 0 && allowance.evenIfTooLarge)
      if (lastOffset >= end || !fits) break
      bytes += length
    }
    if (bytes === 0) return { records: [], bytes, nextOffset: offset }
    const lease = bytes < LITTLE_BYTES ? undefined : blocks.take(bytes)
    const records = lease?.bytes ?? Buffer.allocUnsafe(bytes)
    this.#copy(from, to, records)
    return { records: [records], bytes, nextOffset: this.kept[to - 1]!.lastOffset + 1, lease }
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

  #copy(from: number, to: number, into: Buffer): void {
    let filled = 0
    for (let i = from; i < to; i++) {
      const { slab, at, length } = this.kept[i]!
      slab.isUsed = true
      slab.bytes.copy(into, filled, at, at + length)
      filled += length
    }
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

export interface TailReading {
  readonly allowance: Allowance
  /** Where what is read is copied to, unless it is little. */
  readonly blocks: BufferPool
}
