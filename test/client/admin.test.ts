import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { KafkaError } from '@millrace/client'
import { type ClusterUnderTest, clusterUnderTest, eventually, take } from './cluster-under-test.ts'

let cluster: ClusterUnderTest
before(async () => {
  cluster = await clusterUnderTest()
})
after(() => cluster[Symbol.asyncDispose]())

test('topics are created, listed, described, grown and deleted', async () => {
  const { topics } = cluster.admin
  const name = cluster.name('made')
  const made = (await topics.create([{ name, partitions: 3, configs: { 'retention.ms': 60_000 } }])).get(name)!
  assert.equal(made.partitions, 3)
  assert.equal(made.configs.find(entry => entry.name === 'retention.ms')?.value, '60000')
  await eventually(async () => {
    assert.equal((await topics.list()).find(topic => topic.name === name)?.partitionCount, 3)
  })
  const described = (await topics.describe([name])).get(name)!
  assert.deepEqual(
    described.partitions.map(({ partition }) => partition),
    [0, 1, 2],
  )
  assert.equal(described.id, made.id)
  assert.ok(described.partitions.every(({ leaderId, replicas }) => replicas.includes(leaderId)))
  await topics.createPartitions([{ topic: name, count: 5 }])
  await eventually(async () => {
    assert.equal((await topics.describe([name])).get(name)!.partitions.length, 5)
  })
  await topics.delete([name])
  await eventually(() => assert.rejects(topics.describe([name]), { code: 'UNKNOWN_TOPIC_OR_PARTITION', topic: name }))
})

test('what cannot be made says why, and what became of the others', async () => {
  const { topics } = cluster.admin
  const taken = await cluster.topic()
  const fresh = cluster.name('fresh')
  await assert.rejects(topics.create([{ name: taken }, { name: fresh }]), error => {
    assert.ok(error instanceof KafkaError)
    assert.equal(error.code, 'TOPIC_ALREADY_EXISTS')
    assert.ok(error.outcomes?.get(taken) instanceof KafkaError)
    assert.equal((error.outcomes.get(fresh) as { name: string }).name, fresh)
    return true
  })
  await assert.rejects(topics.create([{ name: 'no/slash' }]), { code: 'INVALID_TOPIC_EXCEPTION' })
  await assert.rejects(topics.create([{ name: cluster.name('many'), replicationFactor: 9 }]), {
    code: 'INVALID_REPLICATION_FACTOR',
  })
  await assert.rejects(topics.create([{ name: cluster.name('odd'), configs: { 'retention.ms': 'soon' } }]), {
    code: 'INVALID_CONFIG',
  })
  await assert.rejects(topics.createPartitions([{ topic: taken, count: 1 }]), { code: 'INVALID_PARTITIONS' })
  await assert.rejects(topics.delete([cluster.name('never')]), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
})

test('validateOnly creates nothing', async () => {
  const name = cluster.name('only')
  await cluster.admin.topics.create([{ name }], { validateOnly: true })
  assert.equal(
    (await cluster.admin.topics.list()).some(topic => topic.name === name),
    false,
  )
})

test('configurations are described, altered and replaced', async () => {
  const { configs } = cluster.admin
  const name = await cluster.topic(1, { 'cleanup.policy': 'delete' })
  const key = `topic:${name}`
  const value = async (config: string) =>
    (await configs.describe([{ type: 'topic', name }])).get(key)!.find(entry => entry.name === config)
  const holds = (config: string, field: 'value' | 'source' | 'isDefault', wanted: unknown) =>
    eventually(async () => assert.equal((await value(config))?.[field], wanted))
  await configs.alter([
    {
      type: 'topic',
      name,
      configs: [
        { name: 'retention.ms', value: 1234 },
        { name: 'cleanup.policy', operation: 'append', value: 'compact' },
      ],
    },
  ])
  await holds('retention.ms', 'value', '1234')
  await holds('retention.ms', 'source', 'dynamic-topic')
  await holds('cleanup.policy', 'value', 'delete,compact')
  await configs.alter([{ type: 'topic', name, configs: [{ name: 'retention.ms', operation: 'delete' }] }])
  await holds('retention.ms', 'isDefault', true)
  await configs.replace([{ type: 'topic', name, configs: { 'max.message.bytes': 5000 } }])
  await holds('max.message.bytes', 'value', '5000')
  await holds('cleanup.policy', 'value', 'delete')
  await assert.rejects(configs.alter([{ type: 'topic', name, configs: [{ name: 'no.such.config', value: 1 }] }]), {
    code: 'INVALID_CONFIG',
  })
})

test('a broker is asked for its own configuration', async () => {
  const { brokers } = await cluster.admin.cluster.describe()
  const name = String(brokers[0]!.id)
  const described = await cluster.admin.configs.describe([{ type: 'broker', name }], {
    names: ['num.partitions'],
    includeSynonyms: true,
  })
  const entry = described.get(`broker:${name}`)!.find(config => config.name === 'num.partitions')
  assert.equal(entry?.type, 'int')
  assert.ok(entry.synonyms.length > 0)
  assert.ok((await cluster.admin.configs.listResources(['broker'])).some(resource => resource.name === name))
})

test('offsets are found by position and by time', async () => {
  const topic = await cluster.topic()
  const producer = cluster.producer()
  for (const timestamp of [1000, 3000, 2000]) await producer.send({ topic, value: 'x', timestamp })
  const at = async (position: number | 'latest' | 'earliest' | 'max-timestamp') =>
    (await cluster.admin.offsets.list([{ topic, partition: 0, at: position }])).get(`${topic}-0`)!
  assert.equal((await at('earliest')).offset, 0)
  assert.equal((await at('latest')).offset, 3)
  assert.equal((await at(1500)).offset, 1)
  assert.equal((await at(5000)).offset, -1)
  assert.deepEqual({ ...(await at('max-timestamp')), leaderEpoch: 0 }, { offset: 1, timestamp: 3000, leaderEpoch: 0 })
  const ends = await cluster.admin.offsets.epochEnds([{ topic, partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }])
  assert.equal(ends.get(`${topic}-0`)!.endOffset, 3)
  await assert.rejects(cluster.admin.offsets.list([{ topic: cluster.name('none'), partition: 0, at: 'latest' }]), {
    code: 'UNKNOWN_TOPIC_OR_PARTITION',
  })
})

test('records are deleted up to an offset', async () => {
  const topic = await cluster.topic()
  const producer = cluster.producer()
  await producer.sendBatch(Array.from({ length: 10 }, () => ({ topic, value: 'x' })))
  const { topics, offsets } = cluster.admin
  assert.equal((await topics.deleteRecords([{ topic, partition: 0, beforeOffset: 4 }])).get(`${topic}-0`), 4)
  assert.equal((await offsets.list([{ topic, partition: 0, at: 'earliest' }])).get(`${topic}-0`)!.offset, 4)
  await assert.rejects(topics.deleteRecords([{ topic, partition: 0, beforeOffset: 11 }]), {
    code: 'OFFSET_OUT_OF_RANGE',
  })
  assert.equal((await topics.deleteRecords([{ topic, partition: 0, beforeOffset: -1 }])).get(`${topic}-0`), 10)
})

test('idempotent producers are seen in the partition', async () => {
  const topic = await cluster.topic()
  await cluster.producer().sendBatch([
    { topic, value: 'a' },
    { topic, value: 'b' },
  ])
  const [producer] = (await cluster.admin.topics.producers([{ topic, partition: 0 }])).get(`${topic}-0`)!
  assert.equal(producer!.lastSequence, 1)
  assert.equal(producer!.currentTransactionStartOffset, -1)
})

test('groups are listed, described, emptied and deleted', async () => {
  const { groups } = cluster.admin
  const topic = await cluster.topic(2)
  const groupId = cluster.name('group')
  await cluster.producer().send({ topic, value: 'x' })
  const consumer = cluster.consumer({ groupId, clientId: 'reader' })
  consumer.subscribe([topic])
  await take(consumer, 1)
  await consumer.commit()
  assert.equal((await groups.list()).find(group => group.groupId === groupId)?.protocolType, 'consumer')
  const described = (await groups.describe([groupId])).get(groupId)!
  assert.equal(described.state, 'Stable')
  assert.equal(described.protocol, 'range')
  assert.deepEqual(described.members[0]!.topics, [topic])
  assert.equal(described.members[0]!.assigned.length, 2)
  assert.equal(described.members[0]!.clientId, 'reader')
  await assert.rejects(groups.delete([groupId]), { code: 'NON_EMPTY_GROUP' })
  await assert.rejects(groups.deleteOffsets(groupId, [{ topic, partition: 0 }]), { code: 'GROUP_SUBSCRIBED_TO_TOPIC' })
  await groups.removeMembers(groupId, described.members)
  assert.equal((await groups.describe([groupId])).get(groupId)!.state, 'Empty')
  await consumer.close()
  await groups.delete([groupId])
  await assert.rejects(groups.describe([groupId]), { code: 'GROUP_ID_NOT_FOUND' })
})

test('offsets of a group are set, read and forgotten', async () => {
  const { groups, cluster: whole } = cluster.admin
  const topic = await cluster.topic(2)
  const groupId = cluster.name('group')
  await groups.alterOffsets(groupId, [
    { topic, partition: 0, offset: 5, metadata: 'by hand' },
    { topic, partition: 1, offset: 7 },
  ])
  assert.equal((await groups.offsets(groupId)).size, 2)
  const one = (await groups.offsets(groupId, [{ topic, partition: 0 }])).get(`${topic}-0`)!
  assert.deepEqual([one.offset, one.metadata], [5, 'by hand'])
  await groups.deleteOffsets(groupId, [{ topic, partition: 0 }])
  assert.deepEqual([...(await groups.offsets(groupId)).keys()], [`${topic}-1`])
  const { id } = await groups.coordinator(groupId)
  assert.ok((await whole.describe()).brokers.some(broker => broker.id === id))
})

test('the cluster tells its brokers, their versions and what is on their disks', async () => {
  const { cluster: whole } = cluster.admin
  const topic = await cluster.topic()
  await cluster.producer().send({ topic, value: 'x'.repeat(1000) })
  const { clusterId, brokers } = await whole.describe()
  assert.ok(clusterId.length > 0)
  const versions = await whole.apiVersions({ broker: brokers[0]!.id })
  assert.ok(versions.some(({ name, maxVersion }) => name === 'Fetch' && maxVersion >= 12))
  const dirs = await whole.logDirs({ partitions: [{ topic, partition: 0 }] })
  const [replica] = [...dirs.values()].flat().flatMap(({ replicas }) => replicas)
  assert.ok(replica!.sizeBytes > 1000)
})

test('leaders are elected where it is needed, and replicas stay where they are', async () => {
  const { replicas } = cluster.admin
  const topic = await cluster.topic()
  assert.deepEqual(await replicas.electLeaders({ partitions: [{ topic, partition: 0 }] }), [])
  assert.deepEqual(await replicas.reassignments(), [])
  const { partitions } = (await cluster.admin.topics.describe([topic])).get(topic)!
  await replicas.reassign([{ topic, partition: 0, replicas: partitions[0]!.replicas }])
  await assert.rejects(replicas.reassign([{ topic, partition: 0, replicas: null }]), {
    code: 'NO_REASSIGNMENT_IN_PROGRESS',
  })
  await assert.rejects(replicas.reassign([{ topic, partition: 0, replicas: [99] }]), {
    code: 'INVALID_REPLICA_ASSIGNMENT',
  })
})
