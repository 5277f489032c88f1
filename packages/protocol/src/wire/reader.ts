import { MalformedError } from './malformed.ts'

/** KIP-free bounds of Kafka 4.4's decoders; here they hold for a whole frame, so that nested arrays cannot multiply. */
export const ELEMENTS_MAX = 1_000_000
export const TAGGED_FIELDS_MAX = 10_000
/** Kafka refuses longer strings in both encodings. */
export const STRING_BYTES_MAX = 32_767

/** Cursor over one received frame. Whatever it hands out as bytes is a view into the frame: copy it if it must outlive the request. */
export class Reader {
  offset = 0
  readonly buffer: Buffer
  #elements = 0

  constructor(buffer: Buffer, offset = 0) {
    this.buffer = buffer
    this.offset = offset
  }

  get remaining(): number {
    return this.buffer.length - this.offset
  }

  bool(): boolean {
    return this.int8() !== 0
  }

  int8(): number {
    const at = this.#take(1)
    return (this.buffer[at]! << 24) >> 24
  }

  int16(): number {
    const at = this.#take(2)
    return ((this.buffer[at]! << 24) >> 16) | this.buffer[at + 1]!
  }

  uint16(): number {
    return this.int16() & 0xffff
  }

  int32(): number {
    const at = this.#take(4)
    const b = this.buffer
    return (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!
  }

  uint32(): number {
    return this.int32() >>> 0
  }

  /** An int64 whose domain fits 2^53: offsets, timestamps, producer ids. */
  long(): number {
    const high = this.int32()
    const value = high * 0x1_0000_0000 + this.uint32()
    if (!Number.isSafeInteger(value)) throw new MalformedError('int64 outside the safe integer range')
    return value
  }

  /** An int64 that is only compared: beyond the safe integers it is the nearest of them. */
  position(): number {
    const high = this.int32()
    const value = high * 0x1_0000_0000 + this.uint32()
    return Math.min(Math.max(value, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.#take(8))
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer[this.#take(1)]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new MalformedError('unsigned varint longer than 5 bytes')
  }

  /** Kafka's text form: 22 characters of URL-safe base64. */
  uuid(): string {
    const at = this.#take(16)
    return this.buffer.toString('base64url', at, at + 16)
  }

  bytes(length: number): Buffer {
    const at = this.#take(length)
    return this.buffer.subarray(at, at + length)
  }

  utf8(length: number): string {
    if (length > STRING_BYTES_MAX)
      throw new MalformedError(`string of ${length} bytes, at most ${STRING_BYTES_MAX} are allowed`)
    const at = this.#take(length)
    const text = this.buffer.toString('utf8', at, at + length)
    // What is no UTF-8 grows when it is replaced, and could then not be sent back in an answer.
    if (length * 3 > STRING_BYTES_MAX && Buffer.byteLength(text) > STRING_BYTES_MAX)
      throw new MalformedError(`string of ${length} bytes that are no UTF-8`)
    return text
  }

  /** Every element takes at least one byte, so a count past the end of the frame is an attack or a corrupt frame. */
  elements(count: number): number {
    this.#elements += count
    if (count > this.remaining || this.#elements > ELEMENTS_MAX)
      throw new MalformedError(`array of ${count} elements in a frame with ${this.remaining} bytes left`)
    return count
  }

  tagCount(): number {
    const count = this.uvarint()
    if (count > TAGGED_FIELDS_MAX)
      throw new MalformedError(`${count} tagged fields, at most ${TAGGED_FIELDS_MAX} are allowed`)
    return count
  }

  /** Where the tagged field of `length` bytes that begins here ends. */
  tagEnd(length: number): number {
    if (length > this.remaining) throw new MalformedError('tagged field past the end of the frame')
    return this.offset + length
  }

  expectOffset(end: number): void {
    if (this.offset !== end) throw new MalformedError('tagged field of another size than it says')
  }

  #take(length: number): number {
    const at = this.offset
    const end = at + length
    if (length < 0 || end > this.buffer.length) throw new MalformedError('value past the end of the frame')
    this.offset = end
    return at
  }
}
