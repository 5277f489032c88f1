/**
 * Blocks of bytes that are used again, where each would otherwise be an allocation of its own: pages to be mapped and faulted in, and external memory that
 * makes the garbage collector run.
 *
 *     take ──► block.bytes, its owner's alone ──release, once──► kept for the next, or let go if enough is kept
 *
 * Giving back is an offer and no duty. A block that is forgotten (its connection died, its request failed) is garbage like any buffer, so whoever is
 * not sure that nobody looks at the bytes any more keeps still. Releasing too early is the one mistake there is: tests poison what comes back.
 */
import { assert } from './assert.ts'

/** Something lent that may be given back, once. Not to do so is safe. */
export interface Lease {
  release(): void
}

export interface BufferPoolLimits {
  /** Below it blocks are not worth keeping, above it too large to. Powers of two, and so are the blocks between them. */
  readonly blockBytesMin: number
  readonly blockBytesMax: number
  /** Bytes that are kept for later use at the most. */
  readonly keptBytesMax: number
}

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

/** Lends memory that is larger than asked for only to the next power of two. Contents are whatever was there before. */
export class BufferPool {
  readonly #limits: BufferPoolLimits
  /** Free blocks by the power of two of their size. */
  readonly #free: Buffer[][] = []
  #keptBytes = 0

  constructor(limits: BufferPoolLimits) {
    this.#limits = limits
  }

  get keptBytes(): number {
    return this.#keptBytes
  }

  take(bytes: number): PooledBlock {
    const { blockBytesMin, blockBytesMax } = this.#limits
    if (bytes > blockBytesMax) return new PooledBlock(this, Buffer.allocUnsafeSlow(bytes), bytes)
    const exponent = 32 - Math.clz32(Math.max(bytes, blockBytesMin) - 1)
    const known = this.#free[exponent]?.pop()
    if (known !== undefined) this.#keptBytes -= known.length
    return new PooledBlock(this, known ?? Buffer.allocUnsafeSlow(2 ** exponent), bytes)
  }

  /** Called by a block alone. */
  giveBack(whole: Buffer): void {
    letGo(whole)
    if (whole.length > this.#limits.blockBytesMax || this.#keptBytes + whole.length > this.#limits.keptBytesMax) return
    const exponent = 31 - Math.clz32(whole.length)
    this.#free[exponent] ??= []
    this.#free[exponent].push(whole)
    this.#keptBytes += whole.length
  }
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
