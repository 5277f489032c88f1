import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ENTRY_BYTES, OffsetMap } from './offset-map.ts'

const key = (n: number): Buffer => Buffer.from(`key ${n}`)
const put = (map: OffsetMap, n: number, offset: number): void => map.put(key(n), 0, key(n).length, offset)
const get = (map: OffsetMap, n: number): number => map.get(key(n), 0, key(n).length)

describe('the offset map', () => {
  it('holds the last offset of each key, up to the load factor, and knows when it is full', () => {
    for (const slots of [2, 10, 1000, 100_000]) {
      const map = new OffsetMap({ bytesMax: slots * ENTRY_BYTES, loadFactor: 0.9 })
      const count = Math.floor(slots * 0.9)
      assert.equal(map.capacity, count)
      for (let n = 0; n < count; n++) put(map, n, n)
      assert.equal(map.isFull, true)
      for (let n = 0; n < count; n += 2) put(map, n, 3_000_000_000_000 + n)
      for (let n = 0; n < count; n++) assert.equal(get(map, n), n % 2 === 0 ? 3_000_000_000_000 + n : n)
      for (let n = count; n < count + 50; n++) assert.equal(get(map, n), -1)
      assert.equal(map.size, count)
    }
  })

  it('takes memory as it fills, and little more than it may', () => {
    const bytesMax = 100_000 * ENTRY_BYTES
    const map = new OffsetMap({ bytesMax, loadFactor: 0.9 })
    assert(map.bytes < bytesMax / 10)
    for (let n = 0; n < map.capacity; n++) put(map, n, n)
    assert(map.bytes < bytesMax * 1.06)
  })

  it('takes one key at least', () => {
    assert.throws(() => new OffsetMap({ bytesMax: ENTRY_BYTES, loadFactor: 0.9 }), /at least one entry/)
  })

  it('tells offsets around 2^32 apart', () => {
    const map = new OffsetMap({ bytesMax: 1000, loadFactor: 0.9 })
    for (const offset of [0, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 33 + 5, Number.MAX_SAFE_INTEGER - 1]) {
      put(map, 1, offset)
      assert.equal(get(map, 1), offset)
    }
  })
})
