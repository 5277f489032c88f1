import { MalformedError } from '@millrace/protocol'

/**
 * Cuts the byte stream into frames: int32 size, then so many bytes. A frame that lies within one chunk is a view of it; only one that
 * straddles chunks is copied, once, into a buffer of its own. Frames belong to whoever gets them.
 */
export class FrameReader {
  readonly #bytesMax: number
  /** Bytes of a size prefix that came in parts. */
  #prefix = 0
  #prefixBytes = 0
  #frame: Buffer | undefined
  #filled = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  push(chunk: Buffer, onFrame: (frame: Buffer) => void): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#frame !== undefined) at = this.#fill(chunk, at, onFrame)
      else at = this.#begin(chunk, at, onFrame)
    }
  }

  #fill(chunk: Buffer, at: number, onFrame: (frame: Buffer) => void): number {
    const frame = this.#frame!
    const end = Math.min(chunk.length, at + frame.length - this.#filled)
    chunk.copy(frame, this.#filled, at, end)
    this.#filled += end - at
    if (this.#filled === frame.length) {
      this.#frame = undefined
      onFrame(frame)
    }
    return end
  }

  #begin(chunk: Buffer, start: number, onFrame: (frame: Buffer) => void): number {
    let at = start
    while (this.#prefixBytes < 4) {
      if (at === chunk.length) return at
      this.#prefix = (this.#prefix << 8) | chunk[at++]!
      this.#prefixBytes++
    }
    const size = this.#prefix
    this.#prefix = 0
    this.#prefixBytes = 0
    if (size < 4 || size > this.#bytesMax) throw new MalformedError(whyNot(size))
    if (at + size <= chunk.length) {
      onFrame(chunk.subarray(at, at + size))
      return at + size
    }
    this.#frame = Buffer.allocUnsafeSlow(size)
    this.#filled = 0
    return at
  }
}

/** The four letters with which a web server begins its answer. */
const HTTP = 0x48545450

const whyNot = (size: number): string =>
  size === HTTP ? 'it speaks HTTP' : `a response of ${size} bytes cannot be, or is above the limit`
