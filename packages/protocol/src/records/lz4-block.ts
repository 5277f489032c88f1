/**
 * LZ4 blocks: runs of (token, literals, distance, match length).
 *
 *   token   high 4 bits literal count, low 4 bits match length - 4; 15 means more bytes follow, each added, until one is not 255
 *   …       literals
 *   2 bytes distance, little-endian, 1 to 65535; absent after the last literals of a block
 */
import { copyBackReference, copyLiterals } from './back-reference.ts'

/** What `decodeLz4Block` returns instead of a position. */
export const BLOCK_CORRUPT = -1
export const BLOCK_OVERFLOWS = -2

/**
 * Decodes `block` into `out` from `at` on and returns the position after the last byte written, or one of the two
 * negative outcomes. Never writes past `out`; never reads back before `historyStart`.
 */
export function decodeLz4Block(block: Uint8Array, out: Uint8Array, at: number, historyStart: number): number {
  const blockEnd = block.length
  const outEnd = out.length
  let from = 0
  let to = at
  while (from < blockEnd) {
    const token = block[from++]!
    let literals = token >>> 4
    if (literals === 15) {
      let more = 255
      while (more === 255) {
        if (from === blockEnd) return BLOCK_CORRUPT
        more = block[from++]!
        literals += more
      }
    }
    if (literals > blockEnd - from) return BLOCK_CORRUPT
    if (literals > outEnd - to) return BLOCK_OVERFLOWS
    copyLiterals(block, from, out, to, literals)
    from += literals
    to += literals
    if (from === blockEnd) return to

    if (blockEnd - from < 2) return BLOCK_CORRUPT
    const distance = block[from]! | (block[from + 1]! << 8)
    from += 2
    if (distance === 0 || distance > to - historyStart) return BLOCK_CORRUPT
    let length = (token & 15) + 4
    if (length === 19) {
      let more = 255
      while (more === 255) {
        if (from === blockEnd) return BLOCK_CORRUPT
        more = block[from++]!
        length += more
      }
    }
    if (length > outEnd - to) return BLOCK_OVERFLOWS
    copyBackReference(out, to, distance, length)
    to += length
  }
  return BLOCK_CORRUPT
}

const HASH_BITS_MAX = 13
const HASH_BITS_MIN = 8
const MATCH_LENGTH_MIN = 4
/** The format wants the last 5 bytes as literals and no match that starts within the last 12. */
const TAIL_LITERALS = 5
const TAIL_MATCH_START = 12
const DISTANCE_MAX = 65535

/** Positions + 1 by hash of four bytes; 0 is empty. Shared: encoding is synchronous. */
const positions = new Int32Array(1 << HASH_BITS_MAX)

export const lz4BlockBound = (size: number): number => size + Math.floor(size / 255) + 16

const word = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)

/** Encodes `bytes` into `out` from `at` on (which must hold `lz4BlockBound`), and returns the position after it. */
export function encodeLz4Block(bytes: Uint8Array, out: Uint8Array, at: number): number {
  const end = bytes.length
  const matchStartEnd = end - TAIL_MATCH_START
  const matchEnd = end - TAIL_LITERALS
  let to = at
  let literalStart = 0
  let from = 0
  let misses = 0
  // A short input gets a small table: clearing a large one would cost more than the encoding.
  const hashBits = Math.max(HASH_BITS_MIN, Math.min(HASH_BITS_MAX, 32 - Math.clz32(end)))
  const hashShift = 32 - hashBits
  positions.fill(0, 0, 1 << hashBits)
  while (from < matchStartEnd) {
    const four = word(bytes, from)
    const slot = Math.imul(four, 0x9e3779b1) >>> hashShift
    const candidate = positions[slot]! - 1
    positions[slot] = from + 1
    if (candidate < 0 || from - candidate > DISTANCE_MAX || word(bytes, candidate) !== four) {
      // The longer nothing matched, the larger the step: what does not compress is left quickly.
      from += 1 + (misses++ >>> 6)
      continue
    }
    misses = 0
    let length = MATCH_LENGTH_MIN
    while (from + length < matchEnd && bytes[from + length] === bytes[candidate + length]) length++
    to = writeSequence(out, to, from - literalStart, length - MATCH_LENGTH_MIN)
    copyLiterals(bytes, literalStart, out, to, from - literalStart)
    to += from - literalStart
    out[to++] = (from - candidate) & 0xff
    out[to++] = (from - candidate) >>> 8
    to = writeLength(out, to, length - MATCH_LENGTH_MIN)
    from += length
    literalStart = from
  }
  to = writeSequence(out, to, end - literalStart, 0)
  copyLiterals(bytes, literalStart, out, to, end - literalStart)
  return to + end - literalStart
}

/** The token and the extra bytes of the literal count. */
function writeSequence(out: Uint8Array, at: number, literals: number, extraLength: number): number {
  out[at] = (Math.min(literals, 15) << 4) | Math.min(extraLength, 15)
  return writeLength(out, at + 1, literals)
}

function writeLength(out: Uint8Array, at: number, value: number): number {
  if (value < 15) return at
  let to = at
  let rest = value - 15
  for (; rest >= 255; rest -= 255) out[to++] = 255
  out[to++] = rest
  return to
}
