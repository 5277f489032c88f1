/** The client against a broker that knows no later versions than an old one did. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Admin, serdes } from '@millrace/client'
import { ApiVersions, apis, Fetch, FindCoordinator, Metadata, Produce } from '@millrace/protocol'
import { type ClusterUnderTest, clusterUnderTest, eventually, take } from './cluster-under-test.ts'
import { valuesIn } from './transaction-readers.ts'
import { UnreliableProxy } from './unreliable-proxy.ts'

let cluster: ClusterUnderTest
before(async () => {
  cluster = await clusterUnderTest()
})
after(() => cluster[Symbol.asyncDispose]())

const lowest = new Map(apis.filter(({ key }) => key !== ApiVersions.key).map(({ key, versions }) => [key, versions[0]]))
// Version 0 of Metadata has no way to ask for nothing.
lowest.set(Metadata.key, 1)

const lasts: readonly [string, ReadonlyMap<number, number>][] = [
  ['knows only the lowest versions', lowest],
  [
    'has topic ids, but not in produce and fetch',
    new Map([
      [Produce.key, 12],
      [Fetch.key, 12],
    ]),
  ],
  [
    'has no topic ids at all',
    new Map([
      [Produce.key, 12],
      [Fetch.key, 12],
      [Metadata.key, 9],
    ]),
  ],
]

for (const [what, versionsMax] of lasts)
  test(`records go in and out of a broker that ${what}`, async () => {
    await using proxy = await UnreliableProxy.open(cluster.bootstrap, versionsMax)
    const { bootstrap } = proxy
    const topic = await cluster.topic(2)
    await using producer = cluster.producer({ bootstrap })
    await producer.sendBatch(
      Array.from({ length: 50 }, (_, n) => ({ topic, key: `${n}`, value: `${n}`, headers: { n: 'x' } })),
    )
    await using consumer = cluster.consumer({ bootstrap, groupId: cluster.name('group'), value: serdes.string })
    consumer.subscribe([topic])
    const values = (await take(consumer, 50)).map(({ value }) => Number(value))
    assert.deepEqual(
      values.sort((a, b) => a - b),
      Array.from({ length: 50 }, (_, n) => n),
    )
    await consumer.commit()
    const committed = [...(await consumer.committed()).values()]
    assert.equal(
      committed.reduce((sum, { offset }) => sum + offset, 0),
      50,
    )
  })

test('transactions are written to a broker that knows only the lowest versions', async () => {
  // Version 0 of FindCoordinator finds those of groups alone.
  await using proxy = await UnreliableProxy.open(cluster.bootstrap, new Map([...lowest, [FindCoordinator.key, 1]]))
  const { bootstrap } = proxy
  const topic = await cluster.topic()
  const groupId = cluster.name('group')
  await using producer = cluster.producer({ bootstrap, transactionalId: cluster.name('id') })
  for (const value of ['one', 'two']) {
    await producer.transaction(async transaction => {
      await transaction.send({ topic, value })
      const nobody = { groupId, generationId: -1, memberId: '', groupInstanceId: null }
      await transaction.sendOffsets([{ topic, partition: 0, offset: 7 }], nobody)
    })
    const aborted = await producer.beginTransaction()
    await aborted.send({ topic, value: 'no' })
    await aborted.abort()
  }
  assert.deepEqual(await valuesIn(cluster, topic), ['one', 'two'])
  await eventually(async () => assert.equal((await cluster.admin.groups.offsets(groupId)).get(`${topic}-0`)?.offset, 7))
})

test('a broker that knows only the lowest versions is administered', async () => {
  await using proxy = await UnreliableProxy.open(cluster.bootstrap, lowest)
  await using admin = new Admin({ bootstrap: proxy.bootstrap })
  const name = cluster.name('topic')
  const groupId = cluster.name('group')
  await admin.topics.create([{ name, partitions: 1, replicationFactor: 1 }])
  await eventually(async () => assert.equal((await admin.topics.describe([name])).get(name)!.partitions.length, 1))
  await admin.topics.createPartitions([{ topic: name, count: 2 }])
  await admin.configs.alter([{ type: 'topic', name, configs: [{ name: 'retention.ms', value: 1000 }] }])
  await eventually(async () => {
    const configs = (await admin.configs.describe([{ type: 'topic', name }])).get(`topic:${name}`)!
    assert.equal(configs.find(entry => entry.name === 'retention.ms')?.value, '1000')
  })
  assert.equal((await admin.offsets.list([{ topic: name, partition: 0, at: 'latest' }])).get(`${name}-0`)!.offset, 0)
  await admin.topics.deleteRecords([{ topic: name, partition: 0, beforeOffset: -1 }])
  await admin.groups.alterOffsets(groupId, [{ topic: name, partition: 0, offset: 0 }])
  assert.equal((await admin.groups.offsets(groupId, [{ topic: name, partition: 0 }])).size, 1)
  assert.equal((await admin.groups.describe([groupId])).get(groupId)!.state, 'Empty')
  assert.ok((await admin.groups.list()).some(group => group.groupId === groupId))
  await admin.groups.delete([groupId])
  await assert.rejects(admin.groups.describe([groupId]), { code: 'GROUP_ID_NOT_FOUND' })
  assert.ok((await admin.cluster.logDirs()).size > 0)
  assert.deepEqual(await admin.replicas.electLeaders({ partitions: [{ topic: name, partition: 0 }] }), [])
  await admin.topics.delete([name])
})
