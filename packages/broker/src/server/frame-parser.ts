/**
 * Cuts a byte stream into frames: int32 size, then that many bytes.
 *
 * A chunk is copied and not kept: the socket reads the next one into the same memory, and a frame that comes byte by byte costs bytes and not objects. A
 * frame that straddles chunks is gathered in a buffer which grows with what has been received (to four times that, but for the first kilobyte) and never
 * with what a size claims.
 */
const CAPACITY_MIN = 1024
const GROWTH = 4
const NOTHING = Buffer.alloc(0)

export class FrameParser {
  readonly #sizeMax: number
  /** Of the frame that is being gathered; -1 while its prefix is not complete. */
  #size = -1
  #prefix = 0
  #prefixLength = 0
  #gathered: Buffer = NOTHING
  #length = 0

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
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

  /** Calls `onFrame` for each frame that the chunk completes. Answers the bad size if one was met: nothing after it can be read, nor may be pushed. */
  push(chunk: Buffer, onFrame: (frame: Buffer) => void): number | undefined {
    let at = 0
    while (at < chunk.length) {
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
          onFrame(Buffer.from(chunk.subarray(at, at + size)))
          at += size
          continue
        }
        this.#size = size
      }
      at = this.#gather(chunk, at)
      if (this.#length === this.#size) onFrame(this.#take())
    }
    return undefined
  }

  /** Takes what the frame under way still needs and answers where in the chunk that ends. */
  #gather(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#size - this.#length)
    const length = this.#length + end - at
    if (length > this.#gathered.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(this.#size, Math.max(CAPACITY_MIN, length * GROWTH)))
      this.#gathered.copy(larger, 0, 0, this.#length)
      this.#gathered = larger
    }
    chunk.copy(this.#gathered, this.#length, at, end)
    this.#length = length
    return end
  }

  #take(): Buffer {
    const frame = this.#gathered.subarray(0, this.#size)
    this.#gathered = NOTHING
    this.#size = -1
    this.#length = 0
    return frame
  }
}
