import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CatalogError } from './catalog.ts'
import { orders, putOffset, setConfig } from './catalog-samples.ts'
import { MemoryStore } from './memory-catalog.ts'
import { TurnCatalog } from './turn-catalog.ts'

class Watched extends MemoryStore {
  readonly vital: boolean[] = []

  override transaction(work: () => void, isVital = false): void {
    this.vital.push(isVital)
    super.transaction(work)
  }
}

test('topics, configurations and producer ids are synced before they are acknowledged, offsets only where the mode says so', async () => {
  const store = new Watched('c')
  const catalog = new TurnCatalog(store)
  await catalog.write([{ kind: 'createTopic', topic: orders }])
  await catalog.write([setConfig('topic', 'orders', 'flush.messages', '1')])
  await catalog.allocateProducerIds(1_000)
  await catalog.write([putOffset('g', 0, 5)])
  await catalog.write([{ kind: 'putGroup', groupId: 'g', value: Buffer.from('members') }])
  assert.deepEqual(store.vital, [true, true, true, false, false])
})

test('one vital write has its whole turn synced', async () => {
  const store = new Watched('c')
  const catalog = new TurnCatalog(store)
  await Promise.all([catalog.write([putOffset('g', 0, 5)]), catalog.allocateProducerIds(1)])
  assert.deepEqual(store.vital, [true])
})

/** Its syncs end when the test says so. */
class Synced extends Watched {
  readonly syncs: PromiseWithResolvers<void>[] = []

  sync(): Promise<void> {
    const sync = Promise.withResolvers<void>()
    this.syncs.push(sync)
    return sync.promise
  }
}

const soon = Symbol('not yet')
const afterThisTurn = (promise: Promise<unknown>): Promise<unknown> =>
  Promise.race([promise, new Promise(resolve => setImmediate(resolve, soon))])

test('a vital write waits for the sync, and nobody else does', async () => {
  const store = new Synced('c')
  const catalog = new TurnCatalog(store)
  const vital = catalog.write([putOffset('g', 0, 5)], { isVital: true })
  await catalog.write([putOffset('h', 0, 5)])
  await catalog.write([putOffset('h', 0, 6)])
  assert.equal(await afterThisTurn(vital), soon)
  assert.equal(store.syncs.length, 1)
  store.syncs[0]!.resolve()
  await vital
  assert.deepEqual(store.vital, [false, false])
})

test('a topic is synced before anybody hears of it, and what is vital beside it with it', async () => {
  const store = new Synced('c')
  const catalog = new TurnCatalog(store)
  const writes = [
    catalog.write([putOffset('g', 0, 5)], { isVital: true }),
    catalog.write([{ kind: 'createTopic', topic: orders }]),
  ]
  await Promise.all(writes)
  assert.deepEqual(store.vital, [true])
  assert.equal(store.syncs.length, 0)
})

test('in a durable catalog a write waits for the sync unless it says that it need not', async () => {
  const store = Object.assign(new Synced('c'), { isDurable: true })
  const catalog = new TurnCatalog(store)
  const write = catalog.write([putOffset('g', 0, 5)])
  assert.equal(await afterThisTurn(write), soon)
  await catalog.write([putOffset('g', 0, 6)], { isVital: false })
  store.syncs[0]!.resolve()
  await write
})

test('a vital write is refused when its sync fails', async () => {
  const store = new Synced('c')
  const catalog = new TurnCatalog(store)
  const vital = catalog.write([putOffset('g', 0, 5)], { isVital: true })
  await catalog.write([putOffset('h', 0, 5)])
  store.syncs[0]!.reject(new CatalogError('UNAVAILABLE', 'the disk'))
  await assert.rejects(vital, { code: 'UNAVAILABLE' })
})

test('a store that syncs within its commits is asked for it when a vital write is among them', async () => {
  const store = new Watched('c')
  const catalog = new TurnCatalog(store)
  await catalog.write([putOffset('g', 0, 5)], { isVital: true })
  assert.deepEqual(store.vital, [true])
})
