/**
 * The last offset of every key in the dirty part of a log: what the cleaner holds records against. A key is its digest, so an entry is 24 bytes
 * whatever the key is, and no object:
 *
 *   0 digest (4 words)   4 offset, low word   5 offset, high word + 1, so that 0 is an empty slot
 *
 * It takes as many entries as `bytesMax` has room for, 24 bytes each, to the load factor. The room is not taken at once: entries lie in shards that
 * grow one by one, so that growing needs little beside what it gives.
 */
import { assert } from '@millrace/base'
import { digest, md5Into } from './md5.ts'

const ENTRY_WORDS = 6
export const ENTRY_BYTES = ENTRY_WORDS * 4
const SHARDS = 64
const SHARD_SLOTS_FIRST = 64
/** A shard with less room at the end is not worth splitting the table for. */
const SHARDED_SLOTS_MIN = 64 * 1024
const WORD = 0x1_0000_0000
const GROW_AT = 0.75
/** Slots that are looked at one after the other before a jump. */
const NEIGHBOURS = 4

export interface OffsetMapLimits {
  /** log.cleaner.dedupe.buffer.size */
  readonly bytesMax: number
  /** log.cleaner.io.buffer.load.factor */
  readonly loadFactor: number
}

export class OffsetMap {
  /** Entries that it takes. */
  readonly capacity: number
  /** Everything up to this offset was looked at; -1 before anything was. */
  latestOffset = -1
  size = 0
  readonly #shards: Int32Array[]
  readonly #counts: Int32Array
  readonly #shardMask: number
  readonly #slotsMax: number
  #aShardIsFull = false

  constructor({ bytesMax, loadFactor }: OffsetMapLimits) {
    const slots = Math.floor(bytesMax / ENTRY_BYTES)
    this.capacity = Math.floor(slots * loadFactor)
    assert(this.capacity > 0, 'the map takes at least one entry, or cleaning would never get on')
    const shardCount = slots < SHARDED_SLOTS_MIN ? 1 : SHARDS
    this.#shardMask = shardCount - 1
    // Digests do not fill shards quite evenly: a few slots more keep the fullest one from running over.
    this.#slotsMax = Math.ceil((slots / shardCount) * 1.05) + 1
    const first = Math.min(SHARD_SLOTS_FIRST, this.#slotsMax)
    this.#shards = Array.from({ length: shardCount }, () => new Int32Array(first * ENTRY_WORDS))
    this.#counts = new Int32Array(shardCount)
  }

  get isFull(): boolean {
    return this.size >= this.capacity || this.#aShardIsFull
  }

  /** Bytes that it takes now. */
  get bytes(): number {
    return this.#shards.reduce((sum, shard) => sum + shard.byteLength, 0)
  }

  get utilization(): number {
    return this.size / this.capacity
  }

  /** Notes the offset of the key, which is above all that were noted before. */
  put(bytes: Uint8Array, start: number, length: number, offset: number): void {
    md5Into(bytes, start, length)
    const index = digest[3]! & this.#shardMask
    this.#makeRoom(index)
    const shard = this.#shards[index]!
    const at = slotOf(shard)
    if (shard[at + 5] === 0) {
      shard[at] = digest[0]!
      shard[at + 1] = digest[1]!
      shard[at + 2] = digest[2]!
      shard[at + 3] = digest[3]!
      this.size++
      if (++this.#counts[index]! >= this.#slotsMax - 1) this.#aShardIsFull = true
    }
    shard[at + 4] = (offset % WORD) | 0
    shard[at + 5] = Math.floor(offset / WORD) + 1
    this.latestOffset = offset
  }

  /** The last offset of the key; -1 when it is not in the dirty part. */
  get(bytes: Uint8Array, start: number, length: number): number {
    md5Into(bytes, start, length)
    const shard = this.#shards[digest[3]! & this.#shardMask]!
    const at = slotOf(shard)
    const high = shard[at + 5]!
    return high === 0 ? -1 : (high - 1) * WORD + (shard[at + 4]! >>> 0)
  }

  #makeRoom(index: number): void {
    const shard = this.#shards[index]!
    const slots = shard.length / ENTRY_WORDS
    if (slots >= this.#slotsMax || this.#counts[index]! < slots * GROW_AT) return
    const grown = new Int32Array(Math.min(slots * 2, this.#slotsMax) * ENTRY_WORDS)
    const held = digest.slice()
    for (let from = 0; from < shard.length; from += ENTRY_WORDS) {
      if (shard[from + 5] === 0) continue
      for (let word = 0; word < 4; word++) digest[word] = shard[from + word]!
      const to = slotOf(grown)
      for (let word = 0; word < ENTRY_WORDS; word++) grown[to + word] = shard[from + word]!
    }
    digest.set(held)
    this.#shards[index] = grown
  }
}

/** Where the digest's entry lies in the shard, or the empty slot where it would. A shard is never quite full. */
function slotOf(shard: Int32Array): number {
  const h0 = digest[0]!
  const h1 = digest[1]!
  const h2 = digest[2]!
  const h3 = digest[3]!
  const { length } = shard
  let at = Math.floor((h0 >>> 0) * (1 / WORD) * (length / ENTRY_WORDS)) * ENTRY_WORDS
  // The next slots are in the processor's cache already; the digest's own steps then part the keys of a crowded place, and steps of one at last reach every slot.
  for (let attempt = 0; ; attempt++) {
    if (shard[at + 5] === 0) return at
    if (shard[at] === h0 && shard[at + 1] === h1 && shard[at + 2] === h2 && shard[at + 3] === h3) return at
    const isCrowded = attempt >= NEIGHBOURS && attempt < NEIGHBOURS + 8
    at += ENTRY_WORDS * (isCrowded ? 1 + ((h2 >>> ((attempt - NEIGHBOURS) * 3)) & 0xff) : 1)
    while (at >= length) at -= length
  }
}
