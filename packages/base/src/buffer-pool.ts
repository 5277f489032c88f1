/**
 * Blocks of bytes that are used again, where each would otherwise be an allocation of its own: pages to be mapped and faulted in, and external memory that
 * makes the garbage collector run.
 *
 *     take ──► block.bytes, its owner's alone ──release, once──► kept for the next, or freed if enough is kept
 *                                                                      └── not needed for a while: freed
 *
 * Giving back is an offer and no duty. A block that is forgotten (its connection died, its request failed) is garbage like any buffer, so whoever is
 * not sure that nobody looks at the bytes any more keeps still. Releasing too early is the one mistake there is: tests poison what comes back.
 */
import { assert } from './assert.ts'
import type { Clock } from './clock.ts'

/** Something lent that may be given back, once. Not to do so is safe. */
export interface Lease {
  release(): void
}

export interface BufferPoolLimits {
  /** Below it blocks are not worth keeping, above it too large to. Powers of two. */
  readonly blockBytesMin: number
  readonly blockBytesMax: number
  /** Bytes that are kept for later use at the most. */
  readonly keptBytesMax: number
}

/** So long a block may lie unused before it is freed, and at most twice as long. */
const IDLE_MS = 2_000
const POISON = 0xdb
let isPoisoning = false

/** For tests: bytes that come back to a pool are written over at once, so that whoever still reads them sees it. */
export function poisonReleasedBuffers(): void {
  isPoisoning = true
}

/** Says of bytes that whoever was lent them may not look at them any more. */
export function letGo(bytes: Buffer): void {
  if (isPoisoning) bytes.fill(POISON)
}

/**
 * Gives the memory of a whole buffer back to the system now and not when the collector comes by. Whoever still has a view of it sees no bytes at all; what
 * the system itself is working on stays until it has done so. Not for buffers that share their memory with others.
 */
export function freeBuffer({ buffer }: Buffer): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}

/** Lends memory that is at most a quarter larger than asked for. Contents are whatever was there before. */
export class BufferPool {
  readonly #limits: BufferPoolLimits
  readonly #clock: Clock
  readonly #classes = new Map<number, SizeClass>()
  #keptBytes = 0
  #trimIsDue = false

  constructor(limits: BufferPoolLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  get keptBytes(): number {
    return this.#keptBytes
  }

  take(bytes: number): PooledBlock {
    const { blockBytesMin, blockBytesMax } = this.#limits
    if (bytes > blockBytesMax) return new PooledBlock(this, Buffer.allocUnsafeSlow(bytes), bytes)
    const size = sizeClassOf(Math.max(bytes, blockBytesMin))
    const known = this.#classes.get(size)?.take()
    if (known !== undefined) this.#keptBytes -= size
    return new PooledBlock(this, known ?? Buffer.allocUnsafeSlow(size), bytes)
  }

  /** Called by a block alone. */
  giveBack(whole: Buffer): void {
    letGo(whole)
    const { blockBytesMax, keptBytesMax } = this.#limits
    const size = whole.length
    if (size > blockBytesMax || this.#keptBytes + size > keptBytesMax) return freeBuffer(whole)
    let known = this.#classes.get(size)
    if (known === undefined) {
      known = new SizeClass()
      this.#classes.set(size, known)
    }
    known.free.push(whole)
    this.#keptBytes += size
    this.#trimLater()
  }

  #trimLater(): void {
    if (this.#trimIsDue || this.#keptBytes === 0) return
    this.#trimIsDue = true
    this.#clock.schedule(IDLE_MS, () => {
      this.#trimIsDue = false
      for (const known of this.#classes.values()) this.#keptBytes -= known.trim()
      this.#trimLater()
    })
  }
}

/** Free blocks of one size. The one that came last is the next to go: it is warm, and the others lie unused where nobody needs them. */
class SizeClass {
  readonly free: Buffer[] = []
  /** The least that lay here since the last trim. */
  #leastFree = 0

  take(): Buffer | undefined {
    const block = this.free.pop()
    if (this.free.length < this.#leastFree) this.#leastFree = this.free.length
    return block
  }

  /** Frees what was not needed since the last time. Answers how many bytes that is. */
  trim(): number {
    let freed = 0
    for (const block of this.free.splice(0, this.#leastFree)) {
      freed += block.length
      freeBuffer(block)
    }
    this.#leastFree = this.free.length
    return freed
  }
}

/** Four sizes between a power of two and the next. */
function sizeClassOf(bytes: number): number {
  const step = 2 ** Math.max(0, 29 - Math.clz32(bytes - 1))
  return Math.ceil(bytes / step) * step
}

export class PooledBlock implements Lease {
  readonly #pool: BufferPool
  #whole: Buffer | undefined
  #bytes: Buffer

  constructor(pool: BufferPool, whole: Buffer, bytes: number) {
    this.#pool = pool
    this.#whole = whole
    this.#bytes = bytes === whole.length ? whole : whole.subarray(0, bytes)
  }

  /** As many as were asked for. */
  get bytes(): Buffer {
    assert(this.#whole !== undefined, 'a block is not looked at after its release')
    return this.#bytes
  }

  release(): void {
    const whole = this.#whole
    assert(whole !== undefined, 'a block is released once')
    this.#whole = undefined
    this.#bytes = NOTHING
    this.#pool.giveBack(whole)
  }
}

const NOTHING = Buffer.alloc(0)
