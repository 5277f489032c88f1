/** The 32-bit murmur2 of Kafka's Java client, seed and all: the same key must find the same partition whoever writes it. */
const SEED = 0x9747b28c
const M = 0x5bd1e995
const R = 24

/** A signed 32-bit number. */
export function murmur2(data: Uint8Array): number {
  const length = data.length
  const whole = length & ~3
  let h = SEED ^ length
  for (let at = 0; at < whole; at += 4) {
    let k = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)
    k = Math.imul(k, M)
    k ^= k >>> R
    k = Math.imul(k, M)
    h = Math.imul(h, M) ^ k
  }
  const left = length - whole
  if (left === 3) h ^= data[whole + 2]! << 16
  if (left >= 2) h ^= data[whole + 1]! << 8
  if (left >= 1) {
    h ^= data[whole]!
    h = Math.imul(h, M)
  }
  h ^= h >>> 13
  h = Math.imul(h, M)
  h ^= h >>> 15
  return h | 0
}

/** Where Java's default partitioner puts a key. */
export const partitionOfKey = (key: Uint8Array, partitionCount: number): number =>
  (murmur2(key) & 0x7fff_ffff) % partitionCount
