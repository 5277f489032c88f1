import { nativeCrc32 } from './native.ts'

/** CRC-32C (Castagnoli), the checksum of record batches and producer snapshots. */

const POLYNOMIAL_REVERSED = 0x82f63b78

/** Eight tables of 256 one after the other: table k advances a byte by k further zero bytes. */
const table = buildTables()

function buildTables(): Int32Array {
  const tables = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL_REVERSED : crc >>> 1
    tables[byte] = crc
  }
  for (let at = 256; at < tables.length; at++) {
    const shorter = tables[at - 256]!
    tables[at] = tables[shorter & 0xff]! ^ (shorter >>> 8)
  }
  return tables
}

/**
 * Below this span a call into native code costs more than it saves. `bench/micro/records.ts` on an AMD EPYC, Node 26.10, two
 * cores in use by others: 128 bytes take 0.13 µs here and 0.16 µs there, 256 bytes 0.26 and 0.19, 1 KiB 0.96 and 0.33.
 */
export const NATIVE_SPAN_MIN = 256

/** The checksum of `buffer[start, end)`, as an unsigned number. */
export function crc32c(buffer: Uint8Array, start = 0, end = buffer.length): number {
  if (end - start >= NATIVE_SPAN_MIN) {
    const native = nativeCrc32()
    if (native !== undefined) return native.crc32c(buffer.subarray(start, end))
  }
  return crc32cPortable(buffer, start, end)
}

/** The same in TypeScript alone, eight bytes a step (slicing-by-8). */
export function crc32cPortable(buffer: Uint8Array, start: number, end: number): number {
  let crc = -1
  let at = start
  for (const last = end - 8; at <= last; at += 8) {
    const low = crc ^ (buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24))
    crc =
      table[1792 + (low & 0xff)]! ^
      table[1536 + ((low >>> 8) & 0xff)]! ^
      table[1280 + ((low >>> 16) & 0xff)]! ^
      table[1024 + (low >>> 24)]! ^
      table[768 + buffer[at + 4]!]! ^
      table[512 + buffer[at + 5]!]! ^
      table[256 + buffer[at + 6]!]! ^
      table[buffer[at + 7]!]!
  }
  for (; at < end; at++) crc = table[(crc ^ buffer[at]!) & 0xff]! ^ (crc >>> 8)
  return (crc ^ -1) >>> 0
}
