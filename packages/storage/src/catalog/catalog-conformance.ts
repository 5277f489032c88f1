/** What every catalog must do, whatever holds its rows. Each engine's test runs it with its own way of opening one. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type Catalog, type CatalogChange, NO_NODE, type OwnedCatalog } from './catalog.ts'
import { contentsOf, orders, payments, putOffset, putPending, setConfig } from './catalog-samples.ts'
import { groupRules, transactionRules } from './coordinator-state-conformance.ts'

export interface CatalogFixture {
  /** An empty catalog. What it needs is cleaned up after the test. */
  open(t: TestContext): OwnedCatalog
}

export function catalogConformance(name: string, { open }: CatalogFixture): void {
  describe(`${name} catalog`, () => {
    topicRules(open)
    topicNameRules(open)
    configRules(open)
    groupRules(open)
    transactionRules(open)
    placementRules(open)
    refusalRules(open)
    writeRules(open)
    subscriberRules(open)
    identityRules(open)
  })
}

export type Open = CatalogFixture['open']

function topicRules(open: Open): void {
  test('a topic that was created is in the image', async t => {
    const catalog = open(t)
    await catalog.write([{ kind: 'createTopic', topic: orders }])
    assert.deepEqual(
      (await catalog.load()).topics.map(topic => ({ ...topic })),
      [orders],
    )
  })

  test('a topic whose name or id is taken is a conflict', async t => {
    const catalog = open(t)
    await catalog.write([{ kind: 'createTopic', topic: orders }])
    await assert.rejects(catalog.write([{ kind: 'createTopic', topic: { ...orders, id: payments.id } }]), {
      code: 'CONFLICT',
    })
    await assert.rejects(catalog.write([{ kind: 'createTopic', topic: { ...orders, name: 'payments' } }]), {
      code: 'CONFLICT',
    })
    await assert.rejects(catalog.write([payments, payments].map(topic => ({ kind: 'createTopic', topic }))), {
      code: 'CONFLICT',
    })
    assert.equal((await catalog.load()).topics.length, 1)
  })

  test('a deleted topic takes its configurations along and leaves others and the committed offsets', async t => {
    const catalog = open(t)
    await catalog.write([
      { kind: 'createTopic', topic: orders },
      { kind: 'createTopic', topic: payments },
      setConfig('topic', 'orders', 'retention.ms', '1'),
      setConfig('topic', 'payments', 'retention.ms', '2'),
      setConfig('broker', 'orders', 'x', '3'),
      putOffset('g', 0, 5),
    ])
    await catalog.write([{ kind: 'deleteTopic', topicId: orders.id }])
    const { topics, configs } = await catalog.load()
    assert.deepEqual(
      topics.map(topic => topic.name),
      ['payments'],
    )
    assert.deepEqual(configs.map(config => config.value).sort(), ['2', '3'])
    assert.equal((await catalog.loadGroups())[0]?.offsets.length, 1)
  })

  test('a name is free again once its topic is deleted, in the same write too', async t => {
    const catalog = open(t)
    await catalog.write([{ kind: 'createTopic', topic: orders }, setConfig('topic', 'orders', 'retention.ms', '1')])
    const again = { ...orders, id: payments.id }
    await catalog.write([
      { kind: 'deleteTopic', topicId: orders.id },
      { kind: 'createTopic', topic: again },
    ])
    const { topics, configs } = await catalog.load()
    assert.deepEqual(
      topics.map(topic => topic.id),
      [again.id],
    )
    assert.equal(configs.length, 0)
  })

  test('a partition count can only rise', async t => {
    const catalog = open(t)
    await catalog.write([{ kind: 'createTopic', topic: orders }])
    const setTo = (partitionCount: number) =>
      catalog.write([{ kind: 'setPartitionCount', topicId: orders.id, partitionCount }])
    await assert.rejects(setTo(3), { code: 'CONFLICT' })
    await assert.rejects(setTo(2), { code: 'CONFLICT' })
    await setTo(9)
    assert.equal((await catalog.load()).topics[0]?.partitionCount, 9)
  })

  test('changes of a topic that does not exist are NOT_FOUND', async t => {
    const catalog = open(t)
    const topicId = orders.id
    for (const change of [
      { kind: 'deleteTopic', topicId },
      { kind: 'setPartitionCount', topicId, partitionCount: 5 },
      setConfig('topic', 'orders', 'retention.ms', '1'),
      setConfig('topic', 'orders', 'retention.ms', null),
    ] satisfies CatalogChange[])
      await assert.rejects(catalog.write([change]), { name: 'CatalogError', code: 'NOT_FOUND' })
  })
}

function topicNameRules(open: Open): void {
  test('names that differ only in "." and "_" are one, until the topic is deleted', async t => {
    const catalog = open(t)
    await catalog.write([{ kind: 'createTopic', topic: { ...orders, name: 'a.b_c' } }])
    const other: CatalogChange = { kind: 'createTopic', topic: { ...payments, name: 'a_b.c' } }
    await assert.rejects(catalog.write([other]), { code: 'CONFLICT' })
    await catalog.write([{ kind: 'deleteTopic', topicId: orders.id }, other])
    assert.deepEqual(
      (await catalog.load()).topics.map(({ name }) => name),
      ['a_b.c'],
    )
  })
}

function configRules(open: Open): void {
  test('a configuration is set, replaced and deleted, and deleting what is not there is nothing', async t => {
    const catalog = open(t)
    const values = async () => (await catalog.load()).configs.map(({ name, value }) => `${name}=${value}`).sort()
    await catalog.write([
      setConfig('broker', '', 'a', '1'),
      setConfig('broker', '1', 'a', '2'),
      setConfig('group', 'g', 'b', ''),
    ])
    assert.deepEqual(await values(), ['a=1', 'a=2', 'b='])
    await catalog.write([
      setConfig('broker', '', 'a', '3'),
      setConfig('group', 'g', 'b', null),
      setConfig('group', 'h', 'b', null),
    ])
    assert.deepEqual(await values(), ['a=2', 'a=3'])
  })
}

const leads = (partition: number, nodeId: number, leaderEpoch: number, handover = ''): CatalogChange => ({
  kind: 'setLeader',
  placement: { topicId: orders.id, partition, nodeId, leaderEpoch, handover },
})
const moves = (partition: number, targetNodeId: number): CatalogChange => ({
  kind: 'setMoveTarget',
  topicId: orders.id,
  partition,
  targetNodeId,
})

function placementRules(open: Open): void {
  const placed = async (catalog: Catalog) =>
    (await catalog.load()).placements
      .map(p => [p.partition, p.nodeId, p.leaderEpoch, p.targetNodeId, p.handover])
      .sort(([a], [b]) => Number(a) - Number(b))

  test('a partition has the leader that was named last, and its epoch rises', async t => {
    const catalog = open(t)
    await catalog.write([
      { kind: 'createTopic', topic: orders },
      leads(0, 1, 0),
      leads(1, 2, 5),
      leads(0, 2, 1, 'known'),
    ])
    assert.deepEqual(await placed(catalog), [
      [0, 2, 1, NO_NODE, 'known'],
      [1, 2, 5, NO_NODE, ''],
    ])
    await assert.rejects(catalog.write([leads(1, 1, 5)]), { code: 'CONFLICT' })
    await assert.rejects(
      catalog.write([
        {
          kind: 'setLeader',
          placement: { ...payments, topicId: payments.id, partition: 0, nodeId: 1, leaderEpoch: 0, handover: '' },
        },
      ]),
      { code: 'NOT_FOUND' },
    )
  })

  test('a move has a target until that one leads, or until it is called off', async t => {
    const catalog = open(t)
    await catalog.write([
      { kind: 'createTopic', topic: orders },
      leads(0, 1, 0),
      leads(1, 1, 0),
      moves(0, 2),
      moves(1, 2),
    ])
    await catalog.write([leads(0, 2, 1), moves(1, NO_NODE)])
    assert.deepEqual(await placed(catalog), [
      [0, 2, 1, NO_NODE, ''],
      [1, 1, 0, NO_NODE, ''],
    ])
    await catalog.write([moves(0, 1), leads(0, 3, 2)])
    assert.deepEqual((await placed(catalog))[0], [0, 3, 2, 1, ''])
    await assert.rejects(catalog.write([moves(2, 2)]), { code: 'NOT_FOUND' })
  })

  test('a topic takes its placements along, and a refused write leaves them', async t => {
    const catalog = open(t)
    await catalog.write([{ kind: 'createTopic', topic: orders }, leads(0, 1, 0)])
    const before = await placed(catalog)
    await assert.rejects(
      catalog.write([moves(0, 2), leads(0, 2, 1), leads(1, 2, 0), { kind: 'createTopic', topic: orders }]),
      { code: 'CONFLICT' },
    )
    assert.deepEqual(await placed(catalog), before)
    await catalog.write([{ kind: 'deleteTopic', topicId: orders.id }])
    assert.deepEqual(await placed(catalog), [])
  })
}

function refusalRules(open: Open): void {
  test('a refused write leaves nothing of itself, whatever came before the refusal in it', async t => {
    const catalog = open(t)
    await catalog.write([
      { kind: 'createTopic', topic: orders },
      setConfig('topic', 'orders', 'a', '1'),
      { kind: 'putGroup', groupId: 'g', value: Buffer.from('before') },
      putOffset('g', 0, 1),
      putPending('h', 1, 0, 1),
      putPending('h', 2, 0, 1),
      { kind: 'putTransaction', transactionalId: 't', value: Buffer.from('before') },
      { kind: 'putTransaction', transactionalId: 'u', value: Buffer.from('before') },
    ])
    const before = await contentsOf(catalog)
    const refused = catalog.write([
      { kind: 'createTopic', topic: payments },
      setConfig('topic', 'payments', 'b', '1'),
      setConfig('topic', 'orders', 'a', '2'),
      setConfig('topic', 'orders', 'c', '2'),
      { kind: 'setPartitionCount', topicId: orders.id, partitionCount: 8 },
      { kind: 'deleteTopic', topicId: orders.id },
      { kind: 'putGroup', groupId: 'g', value: Buffer.from('after') },
      putOffset('g', 0, 2),
      putOffset('g', 1, 2),
      { kind: 'deleteOffset', groupId: 'g', topic: 'orders', partition: 0 },
      { kind: 'deleteGroup', groupId: 'g' },
      putOffset('new', 0, 2),
      putPending('g', 1, 0, 1),
      { kind: 'deletePendingOffset', groupId: 'h', producerId: 1, topic: 'orders', partition: 0 },
      { kind: 'deletePendingOffset', groupId: 'h', producerId: 2, topic: 'orders', partition: 0 },
      { kind: 'putTransaction', transactionalId: 't', value: Buffer.from('after') },
      { kind: 'deleteTransaction', transactionalId: 'u' },
      { kind: 'setFeature', name: 'transaction.version', level: 0 },
      { kind: 'createTopic', topic: payments },
    ])
    await assert.rejects(refused, { code: 'CONFLICT' })
    assert.deepEqual(await contentsOf(catalog), before)
  })
}

function writeRules(open: Open): void {
  test('a refused write does not take along the others of its turn', async t => {
    const catalog = open(t)
    const outcomes = await Promise.allSettled([
      catalog.write([putOffset('a', 0, 1)]),
      catalog.write([putOffset('b', 0, 1), { kind: 'deleteTopic', topicId: orders.id }]),
      catalog.write([putOffset('c', 0, 1)]),
    ])
    assert.deepEqual(
      outcomes.map(outcome => outcome.status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.deepEqual((await catalog.loadGroups()).map(group => group.groupId).sort(), ['a', 'c'])
  })

  test('writes of one turn see each other in order', async t => {
    const catalog = open(t)
    const outcomes = await Promise.allSettled([
      catalog.write([{ kind: 'createTopic', topic: orders }]),
      catalog.write([{ kind: 'createTopic', topic: orders }]),
      catalog.write([{ kind: 'deleteTopic', topicId: orders.id }]),
      catalog.write([{ kind: 'createTopic', topic: orders }]),
    ])
    assert.deepEqual(
      outcomes.map(outcome => outcome.status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    )
  })

  test('an empty write resolves', async t => {
    await open(t).write([])
  })

  test('a number that no wire could carry is refused alone', async t => {
    const catalog = open(t)
    const [broken, sound] = await Promise.allSettled([
      catalog.write([putOffset('g', 0, 0.5)]),
      catalog.write([putOffset('g', 1, 1)]),
    ])
    assert.equal(broken?.status, 'rejected')
    assert.equal(sound?.status, 'fulfilled')
  })

  test('more changes than one turn may hold are refused and the catalog goes on', async t => {
    const catalog = open(t)
    const change = putOffset('g', 0, 1)
    await assert.rejects(catalog.write(Array.from({ length: 500_001 }, () => change)), { code: 'UNAVAILABLE' })
    await catalog.write([change])
  })

  test('closing commits what is queued, and later calls are refused', async t => {
    const catalog = open(t)
    let told = 0
    catalog.subscribe(() => told++)
    const queued = catalog.write([putOffset('g', 0, 1)])
    catalog.close()
    await queued
    assert.equal(told, 1)
    await assert.rejects(catalog.write([putOffset('g', 0, 2)]), { code: 'UNAVAILABLE' })
    await assert.rejects(catalog.load(), { code: 'UNAVAILABLE' })
    await assert.rejects(catalog.loadGroups(), { code: 'UNAVAILABLE' })
    await assert.rejects(catalog.allocateProducerIds(1), { code: 'UNAVAILABLE' })
    catalog.close()
  })
}

function subscriberRules(open: Open): void {
  test('subscribers hear of every committed write, in order, before its promise resolves, and of no refused one', async t => {
    const catalog = open(t)
    const events: string[] = []
    const heard = (changes: readonly CatalogChange[]): string => changes.map(change => change.kind).join('+')
    catalog.subscribe(changes => events.push(`first ${heard(changes)}`))
    catalog.subscribe(changes => events.push(`second ${heard(changes)}`))
    await Promise.allSettled([
      catalog.write([{ kind: 'createTopic', topic: orders }, putOffset('g', 0, 1)]).then(() => events.push('resolved')),
      catalog.write([{ kind: 'createTopic', topic: orders }]),
      catalog.write([{ kind: 'deleteTopic', topicId: orders.id }]),
    ])
    assert.deepEqual(events, [
      'first createTopic+putOffset',
      'second createTopic+putOffset',
      'first deleteTopic',
      'second deleteTopic',
      'resolved',
    ])
  })

  test('a subscriber may write', async t => {
    const catalog = open(t)
    const second = Promise.withResolvers<void>()
    catalog.subscribe(([change]) => {
      if (change?.kind === 'createTopic') catalog.write([putOffset('g', 0, 1)]).then(second.resolve, second.reject)
    })
    await catalog.write([{ kind: 'createTopic', topic: orders }])
    await second.promise
    assert.equal((await catalog.loadGroups()).length, 1)
  })

  test('an image and the writes after it make up the whole', async t => {
    const catalog = open(t)
    const queued = catalog.write([{ kind: 'createTopic', topic: orders }])
    const { topics } = await catalog.load()
    const names = new Set(topics.map(topic => topic.name))
    catalog.subscribe(changes => {
      for (const change of changes) if (change.kind === 'createTopic') names.add(change.topic.name)
    })
    await queued
    assert.deepEqual([...names], ['orders'])
  })
}

function identityRules(open: Open): void {
  test('the cluster id is 22 characters of URL-safe base64', t => {
    assert.match(open(t).clusterId, /^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/)
  })

  test('no producer id is given out twice', async t => {
    const catalog = open(t)
    const blocks = await Promise.all([1000, 1, 5, 1000].map(count => catalog.allocateProducerIds(count)))
    const ids = blocks.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => first + i))
    assert.equal(new Set(ids).size, 2006)
    assert.ok(ids.every(id => id >= 0))
    await assert.rejects(catalog.allocateProducerIds(0))
    await assert.rejects(catalog.allocateProducerIds(Number.MAX_SAFE_INTEGER), { code: 'UNAVAILABLE' })
    assert.equal((await catalog.allocateProducerIds(1)).first, 2006)
  })
}
