/**
 * Walks the records of a batch and makes no object for any of them: the cursor's fields say where the parts of the
 * current record lie. Every inner length is held against the record's, and the record's against the buffer's.
 *
 *   varint length of what follows · int8 attributes · varlong timestamp delta · varint offset delta ·
 *   varint key length (-1 null), key · varint value length (-1 null), value ·
 *   varint header count · per header: varint key length, key, varint value length (-1 null), value
 *
 * A varint here is zig-zag coded, at most 5 bytes; a varlong at most 10.
 */
export class RecordCursor {
  /** What is walked: a view of the batch, or its decompressed records. Replaced by `reset`. */
  buffer: Buffer
  timestampDelta = 0
  offsetDelta = 0
  keyStart = 0
  /** Negative is null, here and for the value. */
  keyLength = -1
  valueStart = 0
  valueLength = -1
  headerCount = 0
  headersStart = 0
  /** Where the current record starts (with its length), and where its offset delta stands. */
  recordStart = 0
  offsetDeltaStart = 0
  offsetDeltaEnd = 0
  /** Where the next record starts. */
  position = 0
  /** Why the walk ended early; undefined while all is well. */
  problem: string | undefined = undefined
  #end = 0
  #limit = 0

  constructor(buffer: Buffer, start = 0, end: number = buffer.length) {
    this.buffer = buffer
    this.reset(buffer, start, end)
  }

  reset(buffer: Buffer, start = 0, end: number = buffer.length): void {
    this.buffer = buffer
    this.position = start
    this.#end = end
    this.#limit = end
    this.problem = undefined
  }

  /** Moves to the next record. False at the end, or with `problem` set. */
  next(): boolean {
    if (this.problem !== undefined || this.position >= this.#end) return false
    this.recordStart = this.position
    this.#limit = this.#end
    const length = this.#varint()
    if (this.problem !== undefined) return false
    if (length < 0 || length > this.#end - this.position) return this.#fail('record length reaches outside its batch')
    this.#limit = this.position + length
    this.position++ // attributes, unused
    this.timestampDelta = this.#varlong()
    this.offsetDeltaStart = this.position
    this.offsetDelta = this.#varint()
    this.offsetDeltaEnd = this.position
    this.keyLength = this.#varint()
    this.keyStart = this.position
    this.#skip(this.keyLength)
    this.valueLength = this.#varint()
    this.valueStart = this.position
    this.#skip(this.valueLength)
    this.headerCount = this.#varint()
    this.headersStart = this.position
    this.#skipHeaders()
    if (this.problem === undefined && this.position !== this.#limit) return this.#fail('record has bytes left over')
    return this.problem === undefined
  }

  #skipHeaders(): void {
    // Each header takes two bytes at least, so a count that lies ends here and not after that many rounds.
    if (this.headerCount < 0 || this.headerCount * 2 > this.#limit - this.position) {
      this.#fail('record has an impossible number of headers')
      return
    }
    for (let left = this.headerCount; left > 0 && this.problem === undefined; left--) {
      const keyLength = this.#varint()
      if (keyLength < 0) this.#fail('record header has no key')
      this.#skip(keyLength)
      this.#skip(this.#varint())
    }
  }

  #fail(problem: string): false {
    this.problem ??= problem
    return false
  }

  #skip(length: number): void {
    if (length > this.#limit - this.position) this.#fail('a field reaches outside its record')
    else if (length > 0) this.position += length
  }

  #varint(): number {
    const { buffer } = this
    const limit = this.#limit
    let at = this.position
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (at >= limit) break
      const byte = buffer[at++]!
      value |= (byte & 0x7f) << shift
      if (byte < 128) {
        this.position = at
        return (value >>> 1) ^ -(value & 1)
      }
    }
    this.#fail(at >= limit ? 'a field reaches outside its record' : 'varint is too long')
    return 0
  }

  #varlong(): number {
    const { buffer } = this
    const limit = this.#limit
    let at = this.position
    let value = 0
    let unit = 1
    for (let size = 0; size < 10; size++, unit *= 128) {
      if (at >= limit) break
      const byte = buffer[at++]!
      value += (byte & 0x7f) * unit
      if (byte < 128) {
        this.position = at
        if (value > Number.MAX_SAFE_INTEGER) this.#fail('timestamp is out of range')
        return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      }
    }
    this.#fail(at >= limit ? 'a field reaches outside its record' : 'varlong is too long')
    return 0
  }
}

export const varintSize = (value: number): number => unsignedSize(value < 0 ? -2 * value - 1 : 2 * value)

function unsignedSize(value: number): number {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

/** Writes a varint, or a varlong within the safe integers halved, and returns the position after it. */
export function writeVarint(buffer: Uint8Array, at: number, value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  let to = at
  for (; rest >= 0x8000_0000; rest = Math.floor(rest / 128)) buffer[to++] = (rest % 128) | 0x80
  for (; rest >= 128; rest >>>= 7) buffer[to++] = (rest & 0x7f) | 0x80
  buffer[to++] = rest
  return to
}

/** The varint (zig-zag) at `at`, known to be well formed; `varintEnd` says where the next field begins. */
export function varintAt(buffer: Uint8Array, at: number): number {
  let value = 0
  let from = at
  for (let shift = 0; ; shift += 7) {
    const byte = buffer[from++]!
    value |= (byte & 0x7f) << shift
    if (byte < 128) return (value >>> 1) ^ -(value & 1)
  }
}

export function varintEnd(buffer: Uint8Array, at: number): number {
  let from = at
  while (buffer[from++]! >= 128) {}
  return from
}
