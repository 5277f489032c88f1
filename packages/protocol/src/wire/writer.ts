/** Views of at least this size are passed on as they are; shorter ones are cheaper to copy than to hand to the socket one by one. */
const VIEW_BYTES_MIN = 2048

/**
 * Collects one message as a list of chunks. Small values are written into a growing buffer; large byte views (record batches) become chunks of
 * their own without a copy, so whoever passes one must leave it unchanged until the chunks are sent.
 */
export class Writer {
  #buffer: Buffer
  /** Next free byte of `#buffer`. */
  #at = 0
  /** First byte of `#buffer` that is not in `#chunks` yet. */
  #from = 0
  #chunks: Buffer[] = []
  #sealed = 0

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity)
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#sealed + this.#at - this.#from
  }

  chunks(): Buffer[] {
    this.#seal()
    return this.#chunks
  }

  /** Everything in one buffer; copies where there is more than one chunk. */
  finish(): Buffer {
    const chunks = this.chunks()
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, this.#sealed)
  }

  bool(value: boolean): void {
    this.int8(value ? 1 : 0)
  }

  int8(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#at++] = value
  }

  int16(value: number): void {
    this.#reserve(2)
    const b = this.#buffer
    b[this.#at++] = value >> 8
    b[this.#at++] = value
  }

  uint16(value: number): void {
    this.int16(value)
  }

  int32(value: number): void {
    this.#reserve(4)
    const b = this.#buffer
    b[this.#at++] = value >> 24
    b[this.#at++] = value >> 16
    b[this.#at++] = value >> 8
    b[this.#at++] = value
  }

  uint32(value: number): void {
    this.int32(value)
  }

  long(value: number): void {
    const high = Math.floor(value / 0x1_0000_0000)
    this.int32(high)
    this.int32(value - high * 0x1_0000_0000)
  }

  position(value: number): void {
    this.long(value)
  }

  float64(value: number): void {
    this.#reserve(8)
    this.#at = this.#buffer.writeDoubleBE(value, this.#at)
  }

  uvarint(value: number): void {
    this.#reserve(5)
    let rest = value >>> 0
    while (rest >= 0x80) {
      this.#buffer[this.#at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#buffer[this.#at++] = rest
  }

  uuid(value: string): void {
    this.#reserve(16)
    if (this.#buffer.write(value, this.#at, 16, 'base64url') !== 16) throw new RangeError(`not a uuid: ${value}`)
    this.#at += 16
  }

  utf8(value: string, byteLength: number): void {
    this.#reserve(byteLength)
    this.#at += this.#buffer.write(value, this.#at, byteLength, 'utf8')
  }

  bytes(value: Uint8Array): void {
    if (value.length >= VIEW_BYTES_MIN) {
      this.#seal()
      this.#chunks.push(value as Buffer)
      this.#sealed += value.length
      return
    }
    this.#reserve(value.length)
    this.#buffer.set(value, this.#at)
    this.#at += value.length
  }

  /** Writes an int32 over bytes that were written first, as a frame's size is. */
  patchInt32(value: number): void {
    const first = this.#chunks[0] ?? this.#buffer
    first.writeInt32BE(value, 0)
  }

  #seal(): void {
    if (this.#at === this.#from) return
    const sealed = this.#buffer.subarray(this.#from, this.#at)
    // Nearly all messages are one chunk, and a push makes room for many.
    if (this.#chunks.length === 0) this.#chunks = [sealed]
    else this.#chunks.push(sealed)
    this.#sealed += this.#at - this.#from
    this.#from = this.#at
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#buffer.length) return
    const pending = this.#at - this.#from
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, pending + size))
    this.#buffer.copy(grown, 0, this.#from, this.#at)
    this.#buffer = grown
    this.#from = 0
    this.#at = pending
  }
}
