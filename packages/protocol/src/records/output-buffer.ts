import { tooLarge } from './compression-error.ts'

const SCRATCH_BYTES_MAX = 4 * 1024 * 1024
let scratch = Buffer.alloc(0)

/** Room for `size` bytes in a buffer that all transient results share. Too large a wish is served with memory of its own. */
function scratchOf(size: number): Buffer {
  if (size > SCRATCH_BYTES_MAX) return Buffer.allocUnsafeSlow(size)
  if (scratch.length < size)
    scratch = Buffer.allocUnsafeSlow(Math.min(Math.max(size, scratch.length * 2), SCRATCH_BYTES_MAX))
  return scratch
}

/**
 * Decompressed bytes as they come. Never holds, and never allocates, more than `maxBytes`.
 * With `transient` the memory is shared: the result is valid until the next transient one.
 */
export class OutputBuffer {
  readonly maxBytes: number
  /** Replaced when it grows: take it anew after every `reserve`. */
  bytes: Buffer
  length = 0
  readonly #transient: boolean

  constructor(maxBytes: number, transient: boolean) {
    this.maxBytes = maxBytes
    this.#transient = transient
    this.bytes = transient ? scratch : Buffer.alloc(0)
  }

  /** Makes room for `size` bytes after what is there. */
  reserve(size: number): void {
    const wanted = this.length + size
    if (wanted > this.maxBytes) throw tooLarge(this.maxBytes)
    if (wanted <= this.bytes.length) return
    const capacity = Math.min(this.maxBytes, this.length === 0 ? wanted : Math.max(wanted, this.length * 2))
    const grown = this.#transient ? scratchOf(capacity) : Buffer.allocUnsafeSlow(capacity)
    this.bytes.copy(grown, 0, 0, this.length)
    this.bytes = grown
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  /** What was written. Memory that is mostly empty is not kept alive by a small result. */
  finish(): Buffer {
    const result = this.bytes.subarray(0, this.length)
    return this.#transient || this.length * 2 >= this.bytes.length ? result : Buffer.from(result)
  }
}
