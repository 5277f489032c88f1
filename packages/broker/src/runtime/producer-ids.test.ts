import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProducerIds } from './producer-ids.ts'

/** A catalog that answers when the test says so. */
class SlowCatalog {
  readonly asked: { readonly answer: () => void; readonly fail: (error: Error) => void }[] = []
  #next = 0

  allocateProducerIds(count: number): Promise<{ first: number; count: number }> {
    const first = this.#next
    this.#next += count
    return new Promise((resolve, reject) => this.asked.push({ answer: () => resolve({ first, count }), fail: reject }))
  }
}

test('those who ask while a block is under way wait for it and do not ask for another', async () => {
  const catalog = new SlowCatalog()
  const ids = new ProducerIds(catalog)
  const taken = Promise.all([ids.take(), ids.take(), ids.take()])
  assert.equal(catalog.asked.length, 1)
  catalog.asked[0]!.answer()
  assert.deepEqual(await taken, [0, 1, 2])
})

test('a block is used up before the next one is asked for', async () => {
  const catalog = new SlowCatalog()
  const ids = new ProducerIds(catalog)
  const block = Array.from({ length: 1_000 }, () => ids.take())
  catalog.asked[0]!.answer()
  assert.deepEqual(
    await Promise.all(block),
    Array.from({ length: 1_000 }, (_, i) => i),
  )
  assert.equal(catalog.asked.length, 1)
  const next = ids.take()
  assert.equal(catalog.asked.length, 2)
  catalog.asked[1]!.answer()
  assert.equal(await next, 1_000)
})

test('a refusal of the catalog reaches all who waited, and the next request tries again', async () => {
  const catalog = new SlowCatalog()
  const ids = new ProducerIds(catalog)
  const waiting = [ids.take(), ids.take()]
  catalog.asked[0]!.fail(new Error('no disk'))
  for (const each of await Promise.allSettled(waiting)) assert.equal(each.status, 'rejected')
  const again = ids.take()
  catalog.asked[1]!.answer()
  assert.equal(await again, 1_000)
})
