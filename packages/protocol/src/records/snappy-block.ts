/**
 * Raw Snappy: the uncompressed size as an unsigned varint, then elements by the low two bits of their tag.
 *
 *   0  literal: size - 1 in the upper six bits; 60 to 63 there mean that it is in the next 1 to 4 bytes
 *   1  copy: length - 4 in bits 2-4, distance in bits 5-7 and the next byte
 *   2  copy: length - 1 in the upper six bits, distance in the next 2 bytes     3  the same with 4 bytes
 */
import { copyBackReference, copyLiterals } from './back-reference.ts'
import { corrupt } from './compression-error.ts'

/** The densest element is a copy of 64 bytes written in 3; a claim beyond that is a lie, seen before memory is given to it. */
const EXPANSION_MAX = 22

/** The uncompressed size a raw block claims, checked against what its length can hold. */
export function snappyBlockSize(block: Uint8Array): number {
  let size = 0
  let at = 0
  for (let unit = 1; ; unit *= 128) {
    if (at === block.length || at === 5) throw corrupt('snappy block has no size')
    const byte = block[at++]!
    size += (byte & 0x7f) * unit
    if (byte < 128) break
  }
  if (size > (block.length - at) * EXPANSION_MAX) throw corrupt('snappy block claims more than it can hold')
  return size
}

/** Decodes `block` into `out` from `at` on, where `size` bytes (what the block claims) are free. */
export function decodeSnappyBlock(block: Uint8Array, out: Uint8Array, at: number, size: number): void {
  const blockEnd = block.length
  const outEnd = at + size
  let from = 0
  let to = at
  while (block[from++]! >= 128) {}
  while (from < blockEnd) {
    const tag = block[from++]!
    const kind = tag & 3
    if (kind === 0) {
      let length = (tag >>> 2) + 1
      if (length > 60) {
        const extraBytes = length - 60
        if (extraBytes > blockEnd - from) throw corrupt('snappy block is cut short')
        length = littleEndian(block, from, extraBytes) + 1
        from += extraBytes
      }
      if (length > blockEnd - from || length > outEnd - to) throw corrupt('snappy literal overruns its block')
      copyLiterals(block, from, out, to, length)
      from += length
      to += length
      continue
    }
    const distanceBytes = kind === 3 ? 4 : kind
    if (distanceBytes > blockEnd - from) throw corrupt('snappy block is cut short')
    let length = (tag >>> 2) + 1
    let distance: number
    if (kind === 1) {
      length = ((tag >>> 2) & 7) + 4
      distance = ((tag & 0xe0) << 3) | block[from]!
    } else if (kind === 2) {
      distance = block[from]! | (block[from + 1]! << 8)
    } else {
      distance = littleEndian(block, from, 4)
    }
    from += distanceBytes
    if (distance === 0 || distance > to - at || length > outEnd - to)
      throw corrupt('snappy copy reaches outside its block')
    copyBackReference(out, to, distance, length)
    to += length
  }
  if (to !== outEnd) throw corrupt('snappy block is not as long as it claims')
}

function littleEndian(bytes: Uint8Array, at: number, size: number): number {
  let value = 0
  for (let i = size - 1; i >= 0; i--) value = value * 256 + bytes[at + i]!
  return value
}

const HASH_BITS_MAX = 13
const HASH_BITS_MIN = 8
/** Blocks written here are small enough for every distance to fit two bytes. */
export const SNAPPY_WRITTEN_BLOCK_MAX = 32768

/** Positions + 1 by hash of four bytes; 0 is empty. Shared: encoding is synchronous. */
const positions = new Int32Array(1 << HASH_BITS_MAX)

export const snappyBlockBound = (size: number): number => size + Math.ceil(size / 6) + 32

const word = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)

/** Encodes up to `SNAPPY_WRITTEN_BLOCK_MAX` bytes into `out` from `at` on; returns the position after them. */
export function encodeSnappyBlock(bytes: Uint8Array, out: Uint8Array, at: number): number {
  const end = bytes.length
  let to = at
  let size = end
  for (; size >= 128; size >>>= 7) out[to++] = (size & 0x7f) | 0x80
  out[to++] = size
  let literalStart = 0
  let from = 0
  let misses = 0
  // A short input gets a small table: clearing a large one would cost more than the encoding.
  const hashBits = Math.max(HASH_BITS_MIN, Math.min(HASH_BITS_MAX, 32 - Math.clz32(end)))
  const hashShift = 32 - hashBits
  positions.fill(0, 0, 1 << hashBits)
  while (from <= end - 4) {
    const four = word(bytes, from)
    const slot = Math.imul(four, 0x1e35a7bd) >>> hashShift
    const candidate = positions[slot]! - 1
    positions[slot] = from + 1
    if (candidate < 0 || word(bytes, candidate) !== four) {
      // The longer nothing matched, the larger the step: what does not compress is left quickly.
      from += 1 + (misses++ >>> 5)
      continue
    }
    misses = 0
    let length = 4
    while (from + length < end && bytes[from + length] === bytes[candidate + length]) length++
    to = writeLiteral(bytes, literalStart, from, out, to)
    to = writeCopies(out, to, from - candidate, length)
    from += length
    literalStart = from
  }
  return writeLiteral(bytes, literalStart, end, out, to)
}

/** Five parameters: an options object would be one allocation an element. */
function writeLiteral(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  const length = end - start
  if (length === 0) return at
  let to = at
  const less = length - 1
  if (less < 60) {
    out[to++] = less << 2
  } else if (less < 256) {
    out[to++] = 60 << 2
    out[to++] = less
  } else {
    out[to++] = 61 << 2
    out[to++] = less & 0xff
    out[to++] = less >>> 8
  }
  copyLiterals(bytes, start, out, to, length)
  return to + length
}

function writeCopies(out: Uint8Array, at: number, distance: number, length: number): number {
  let to = at
  let rest = length
  while (rest > 0) {
    // A rest of 1 to 3 bytes is legal in this form of copy.
    const step = Math.min(rest, 64)
    if (step >= 4 && step < 12 && distance < 2048) {
      out[to++] = 1 | ((step - 4) << 2) | ((distance >>> 8) << 5)
      out[to++] = distance & 0xff
    } else {
      out[to++] = 2 | ((step - 1) << 2)
      out[to++] = distance & 0xff
      out[to++] = distance >>> 8
    }
    rest -= step
  }
  return to
}
