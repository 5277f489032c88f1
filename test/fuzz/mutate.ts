/** Ways to make bytes wrong. Everything comes from the given randomness, so that a seed makes the same bytes again. */
import type { Random } from '@millrace/base'

/** Numbers at which lengths, counts and offsets go over an edge. */
const EDGES = [
  -0x80000000, -0x8000, -256, -129, -2, -1, 0, 1, 2, 3, 127, 128, 255, 256, 0x7ffe, 0x7fff, 0x8000, 0xffff, 100_000,
  1_000_000, 1_000_001, 0x6400000, 0x7ffffffe, 0x7fffffff,
]
const BYTES_MAX = 256 * 1024

export const pick = <T>(random: Random, from: readonly T[]): T => from[random.integer(from.length)]!

type Mutation = (bytes: Buffer, random: Random, other: Buffer) => Buffer

const flipBits: Mutation = (bytes, random) => {
  for (let n = 1 + random.integer(8); n > 0 && bytes.length > 0; n--)
    bytes[random.integer(bytes.length)]! ^= 1 << random.integer(8)
  return bytes
}

const truncate: Mutation = (bytes, random) => bytes.subarray(0, random.integer(bytes.length + 1))

const lieInt16: Mutation = (bytes, random) => {
  if (bytes.length >= 2) bytes.writeInt16BE((pick(random, EDGES) << 16) >> 16, random.integer(bytes.length - 1))
  return bytes
}

const lieInt32: Mutation = (bytes, random) => {
  if (bytes.length >= 4) bytes.writeInt32BE(pick(random, EDGES), random.integer(bytes.length - 3))
  return bytes
}

const lieInt64: Mutation = (bytes, random) => {
  const edges = [-1n, 0n, 2n ** 53n, 2n ** 53n - 1n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]
  if (bytes.length >= 8) bytes.writeBigInt64BE(pick(random, edges), random.integer(bytes.length - 7))
  return bytes
}

/** Puts an unsigned varint in the place of one byte, so that compact lengths lie too. */
const lieVarint: Mutation = (bytes, random) => {
  const at = random.integer(bytes.length + 1)
  const varint: number[] = []
  let rest = pick(random, EDGES) >>> 0
  for (; rest >= 0x80; rest >>>= 7) varint.push((rest & 0x7f) | 0x80)
  varint.push(rest)
  if (random.integer(10) === 0) varint.unshift(0xff, 0xff, 0xff, 0xff, 0xff)
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(varint), bytes.subarray(at + 1)])
}

const splice: Mutation = (bytes, random, other) =>
  Buffer.concat([bytes.subarray(0, random.integer(bytes.length + 1)), other.subarray(random.integer(other.length + 1))])

const repeat: Mutation = (bytes, random) => {
  const from = random.integer(bytes.length + 1)
  const part = bytes.subarray(from, from + 1 + random.integer(64))
  const times = 1 + random.integer(pick(random, [2, 10, 300]))
  return Buffer.concat([bytes.subarray(0, from), ...Array<Buffer>(times).fill(part), bytes.subarray(from)])
}

const insert: Mutation = (bytes, random) => {
  const at = random.integer(bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.integer(16)), bytes.subarray(at)])
}

const fill: Mutation = (bytes, random) => {
  const from = random.integer(bytes.length + 1)
  return bytes.fill(pick(random, [0, 0xff, 0x80, 0x7f, 0x01]), from, Math.min(bytes.length, from + random.integer(32)))
}

const noise: Mutation = (_, random) => random.bytes(random.integer(512))

const mutations: readonly Mutation[] = [
  flipBits,
  flipBits,
  truncate,
  lieInt16,
  lieInt32,
  lieInt32,
  lieInt64,
  lieVarint,
  lieVarint,
  splice,
  repeat,
  insert,
  fill,
]

/** One to four things wrong with a copy of `bytes`; now and then nothing but noise. */
export function mutate(bytes: Buffer, random: Random, other: Buffer): Buffer {
  let out: Buffer = Buffer.from(bytes)
  if (random.integer(100) === 0) out = noise(out, random, other)
  for (let n = 1 + random.integer(4); n > 0; n--)
    out = Buffer.from(pick(random, mutations)(out, random, other)).subarray(0, BYTES_MAX)
  return out
}
