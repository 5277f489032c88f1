import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { mapWith, VersionedMap } from './versioned-map.ts'

describe('a versioned map', () => {
  it('that was overtaken stays what it was', () => {
    const first = new VersionedMap(new Map([['a', 1]]))
    const second = first.with('b', 2)
    const third = second.with('a', 3)
    assert.deepEqual([...first], [['a', 1]])
    assert.deepEqual([...second.keys()], ['a', 'b'])
    assert.deepEqual([...second.values()], [1, 2])
    assert.deepEqual([third.get('a'), third.has('b'), third.size], [3, true, 2])
  })

  it('that was overtaken can be gone on from a second time', () => {
    const first = new VersionedMap(new Map([['a', 1]]))
    const other = first.with('b', 2)
    assert.deepEqual(
      [...first.with('c', 3).entries()],
      [
        ['a', 1],
        ['c', 3],
      ],
    )
    assert.deepEqual(
      [...other.entries()],
      [
        ['a', 1],
        ['b', 2],
      ],
    )
  })

  it('is made of a plain map, which stays as it is', () => {
    const plain: ReadonlyMap<string, number> = new Map([['a', 1]])
    assert.deepEqual(
      [...mapWith(plain, 'b', 2)],
      [
        ['a', 1],
        ['b', 2],
      ],
    )
    assert.deepEqual([...plain], [['a', 1]])
  })

  it('is in all its versions what copies would be, whichever are read and gone on from', () => {
    const step = fc.record({ from: fc.nat(), key: fc.integer({ min: 0, max: 5 }), value: fc.nat(), read: fc.nat() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const versions: ReadonlyMap<number, number>[] = [new Map()]
        const copies: ReadonlyMap<number, number>[] = [new Map()]
        const compare = (i: number): void => assert.deepEqual([...versions[i]!], [...copies[i]!])
        for (const { from, key, value, read } of steps) {
          // Mostly of the newest, as states are.
          const of = from % 3 === 0 ? from % versions.length : versions.length - 1
          versions.push(mapWith(versions[of]!, key, value))
          copies.push(new Map(copies[of]).set(key, value))
          if (read % 4 === 0) compare(read % versions.length)
        }
        versions.forEach((_, i) => void compare(i))
      }),
    )
  })
})
