import assert from 'node:assert/strict'
import { test } from 'node:test'
import { orders, putOffset, setConfig } from './catalog-conformance.ts'
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
