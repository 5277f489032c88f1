/**
 * Cuts a byte stream into frames: int32 size, then that many bytes.
 *
 * A chunk is copied and not kept: the socket reads the next one into the same memory, and a frame that comes byte by byte costs bytes and not objects. A
 * frame that straddles chunks is gathered in a buffer which grows with what has been received (to four times that, but for the first kilobyte) and never
 * with what a size claims.
 *
 * Large frames lie in blocks of a pool. Whoever takes a frame owns it and its lease: he may give the block back when nobody looks at the bytes any more, or
 * forget it.
 */
import type { BufferPool, Lease, PooledBlock } from '@millrace/base'

export interface Frame {
  readonly bytes: Buffer
  readonly lease: Lease | undefined
}

const CAPACITY_MIN = 1024
const GROWTH = 4
/** Smaller frames are cheaper to allocate than to give back. */
const POOLED_BYTES_MIN = 8 * 1024
const NOTHING = Buffer.alloc(0)

export class FrameParser {
  readonly #sizeMax: number
  readonly #blocks: BufferPool
  /** Of the frame that is being gathered; -1 while its prefix is not complete. */
  #size = -1
  #prefix = 0
  #prefixLength = 0
  #gathered: Buffer = NOTHING
  /** The block that `#gathered` lies in, where it does. */
  #block: PooledBlock | undefined
  #length = 0
  #lastSize = 0
  #consumed = 0

  constructor(sizeMax: number, blocks: BufferPool) {
    this.#sizeMax = sizeMax
    this.#blocks = blocks
  }

  /** Bytes held of a frame that is not complete yet. */
  get buffered(): number {
    return this.#size < 0 ? this.#prefixLength : this.#length + 4
  }

  /** Bytes allocated for it. */
  get capacity(): number {
    return this.#gathered.length
  }

  /** Bytes of the incomplete frame by its own account, its prefix included; 0 while that is not known. */
  get claimed(): number {
    return this.#size < 0 ? 0 : this.#size + 4
  }

  /** Of the frame that is coming in, or of the last one while that is not known. */
  get sizeAtHand(): number {
    return this.#size < 0 ? this.#lastSize : this.#size
  }

  /** How much of the chunk that was pushed last is done with. */
  get consumed(): number {
    return this.#consumed
  }

  /**
   * Calls `onFrame` for each frame that the chunk completes, until it answers `false`: then what is behind `consumed` is to be pushed again. Answers the
   * bad size if one was met: nothing after it can be read, nor may be pushed.
   */
  push(chunk: Buffer, onFrame: (frame: Frame) => unknown): number | undefined {
    let at = 0
    let goOn = true
    while (at < chunk.length && goOn) {
      if (this.#size < 0) {
        if (this.#prefixLength === 0 && chunk.length - at >= 4) {
          this.#prefix = chunk.readInt32BE(at)
          at += 4
        } else {
          this.#prefix = (this.#prefix << 8) | chunk[at++]!
          if (++this.#prefixLength < 4) continue
          this.#prefixLength = 0
        }
        const size = this.#prefix
        this.#prefix = 0
        if (size < 0 || size > this.#sizeMax) return size
        if (chunk.length - at >= size) {
          this.#lastSize = size
          goOn = onFrame(this.#copied(chunk, at, size)) !== false
          at += size
          continue
        }
        this.#size = size
      }
      at = this.#gather(chunk, at)
      if (this.#length === this.#size) goOn = onFrame(this.#take()) !== false
    }
    this.#consumed = at
    return undefined
  }

  /** Takes what the frame under way still needs and answers where in the chunk that ends. */
  #gather(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#size - this.#length)
    const length = this.#length + end - at
    if (length > this.#gathered.length) this.#grow(Math.min(this.#size, Math.max(CAPACITY_MIN, length * GROWTH)))
    chunk.copy(this.#gathered, this.#length, at, end)
    this.#length = length
    return end
  }

  #grow(capacity: number): void {
    const block = capacity < POOLED_BYTES_MIN ? undefined : this.#blocks.take(capacity)
    const larger = block?.bytes ?? Buffer.allocUnsafeSlow(capacity)
    this.#gathered.copy(larger, 0, 0, this.#length)
    this.#gathered = larger
    this.#block?.release()
    this.#block = block
  }

  #copied(chunk: Buffer, at: number, size: number): Frame {
    const lease = size < POOLED_BYTES_MIN ? undefined : this.#blocks.take(size)
    const bytes = lease === undefined ? Buffer.allocUnsafe(size) : lease.bytes
    chunk.copy(bytes, 0, at, at + size)
    return { bytes, lease }
  }

  #take(): Frame {
    const frame = { bytes: this.#gathered.subarray(0, this.#size), lease: this.#block }
    this.#block = undefined
    this.#gathered = NOTHING
    this.#lastSize = this.#size
    this.#size = -1
    this.#length = 0
    return frame
  }
}
