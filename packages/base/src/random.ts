import { randomBytes, randomFillSync } from 'node:crypto'
import { assert } from './assert.ts'

/** Where chance comes from, so that a simulation can run the same way twice from one seed. */
export interface Random {
  /** A whole number in [0, below), with `below` from 1 to 2^32. */
  integer(below: number): number
  /** `length` unpredictable bytes. */
  bytes(length: number): Buffer
}

/** A number in [0, below) from 32 random bits. */
function scaled(bits: number, below: number): number {
  assert(below >= 1 && below <= 0x1_0000_0000, `a random number below ${below}`)
  return Math.floor((bits / 0x1_0000_0000) * below)
}

const pool = new Uint32Array(64)
let used = pool.length

function next32(): number {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  return pool[used++]!
}

export const systemRandom: Random = {
  integer: below => scaled(next32(), below),
  bytes: length => randomBytes(length),
}

/** mulberry32: small, fast, and the same on every machine. Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
  return {
    integer: below => scaled(next(), below),
    bytes: length => Buffer.from(Uint8Array.from({ length }, () => next() & 0xff)),
  }
}
