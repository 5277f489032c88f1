import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mapInTurns } from './in-turns.ts'

test('a long list lets others have their turn, and its results are in order', async () => {
  let others = 0
  const other = (): void => {
    others++
    if (others < 1000) setImmediate(other)
  }
  setImmediate(other)
  const items = Array.from({ length: 10_000 }, (_, i) => i)
  const results = await mapInTurns(items, i => (i % 3 === 0 ? Promise.resolve(i * 2) : i * 2))
  assert.deepEqual(
    results,
    items.map(i => i * 2),
  )
  assert.ok(others >= 19, `${others} turns of others while 20 slices were worked on`)
})

test('a failure in any slice is the failure of the whole', async () => {
  const items = Array.from({ length: 1_200 }, (_, i) => i)
  await assert.rejects(
    mapInTurns(items, i => {
      if (i === 1_100) throw new Error('one of them')
      return i
    }),
    /one of them/,
  )
})
