/**
 * Cuts a byte stream into frames: int32 size, then that many bytes.
 *
 * A frame that lies within one chunk is a view of it; one that straddles chunks is joined once, when it is complete, so that memory grows with what has
 * been received and never with what a size claims.
 */
export class FrameParser {
  readonly #sizeMax: number
  #chunks: Buffer[] = []
  #buffered = 0
  /** Bytes that make up the size prefix and the frame; 0 until the prefix is complete. */
  #needed = 0

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  /** Bytes of a frame that is not complete yet. */
  get buffered(): number {
    return this.#buffered
  }

  /** Calls `onFrame` for each frame that the chunk completes. Answers the bad size prefix if one was met: nothing after it can be read. */
  push(chunk: Buffer, onFrame: (frame: Buffer) => void): number | undefined {
    let at = 0
    if (this.#buffered > 0) {
      at = this.#fill(chunk)
      if (this.#isBad()) return this.#needed - 4
      if (this.#needed === 0 || this.#buffered < this.#needed) return undefined
      onFrame(this.#takeJoined())
    }
    while (chunk.length - at >= 4) {
      const size = chunk.readInt32BE(at)
      if (size < 0 || size > this.#sizeMax) return size
      if (chunk.length - at - 4 < size) {
        this.#needed = size + 4
        break
      }
      onFrame(chunk.subarray(at + 4, at + 4 + size))
      at += 4 + size
    }
    if (at < chunk.length) this.#keep(at === 0 ? chunk : chunk.subarray(at))
    return undefined
  }

  /** Takes what the frame under way still needs and answers how much that was. */
  #fill(chunk: Buffer): number {
    let at = 0
    if (this.#needed === 0) {
      at = Math.min(4 - this.#buffered, chunk.length)
      this.#keep(chunk.subarray(0, at))
      if (this.#buffered < 4) return at
      const prefix = Buffer.concat(this.#chunks)
      this.#chunks = [prefix]
      this.#needed = prefix.readInt32BE(0) + 4
      if (this.#isBad()) return at
    }
    const missing = Math.min(this.#needed - this.#buffered, chunk.length - at)
    if (missing > 0) this.#keep(chunk.subarray(at, at + missing))
    return at + missing
  }

  #isBad(): boolean {
    return this.#needed !== 0 && (this.#needed < 4 || this.#needed - 4 > this.#sizeMax)
  }

  #keep(part: Buffer): void {
    this.#chunks.push(part)
    this.#buffered += part.length
  }

  #takeJoined(): Buffer {
    const joined = Buffer.concat(this.#chunks, this.#buffered)
    this.#chunks = []
    this.#buffered = 0
    this.#needed = 0
    return joined.subarray(4)
  }
}
