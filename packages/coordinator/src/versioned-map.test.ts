import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { mapWith, mapWithout, VersionedMap } from './versioned-map.ts'
import { setWith, setWithout } from './versioned-set.ts'

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

  it('without an entry leaves the older one its entries in their order', () => {
    const first = new VersionedMap(
      new Map([
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ]),
    )
    const second = first.without('b')
    assert.deepEqual([...second.keys()], ['a', 'c'])
    assert.deepEqual([second.size, second.has('b'), second.get('b')], [2, false, undefined])
    assert.deepEqual([...second.with('b', 4).values()], [1, 3, 4])
    assert.deepEqual([...first.values()], [1, 2, 3])
    assert.equal(second.without('b'), second)
  })

  it('keeps no more gaps than entries, whatever comes and goes', () => {
    let map = mapWith<number, number>(new Map(), -1, 0)
    for (let i = 0; i < 1000; i++) map = mapWithout(mapWith(map, i, i), i)
    assert.deepEqual([...map], [[-1, 0]])
    assert.ok((map as VersionedMap<number, number>).gapCount <= 2)
  })

  it('is in all its versions what copies would be, whichever are read and gone on from', () => {
    const step = fc.record({
      from: fc.nat(),
      key: fc.integer({ min: 0, max: 5 }),
      value: fc.option(fc.nat()),
      read: fc.nat(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const versions: ReadonlyMap<number, number>[] = [new Map()]
        const copies: ReadonlyMap<number, number>[] = [new Map()]
        const compare = (i: number): void => {
          assert.deepEqual([...versions[i]!], [...copies[i]!])
          assert.deepEqual([...versions[i]!.keys()], [...copies[i]!.keys()])
          assert.deepEqual([...versions[i]!.values()], [...copies[i]!.values()])
          assert.equal(versions[i]!.size, copies[i]!.size)
        }
        for (const { from, key, value, read } of steps) {
          // Mostly of the newest, as states are.
          const of = from % 3 === 0 ? from % versions.length : versions.length - 1
          versions.push(value === null ? mapWithout(versions[of]!, key) : mapWith(versions[of]!, key, value))
          const copy = new Map(copies[of])
          if (value === null) copy.delete(key)
          else copy.set(key, value)
          copies.push(copy)
          if (read % 4 === 0) compare(read % versions.length)
        }
        versions.forEach((_, i) => void compare(i))
      }),
    )
  })
})

describe('a versioned set', () => {
  it('is made of a plain one, and both stay what they are', () => {
    const plain = new Set(['a', 'b'])
    const more = setWith(plain, 'c')
    const less = setWithout(more, 'a')
    assert.deepEqual(
      [[...plain], [...more], [...less]],
      [
        ['a', 'b'],
        ['a', 'b', 'c'],
        ['b', 'c'],
      ],
    )
    assert.deepEqual([less.size, less.has('a'), less.has('c')], [2, false, true])
    assert.equal(setWithout(plain, 'c'), plain)
  })
})
