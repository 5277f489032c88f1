import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  AlterPartitionReassignments,
  CreateTopics,
  DescribeCluster,
  DescribeGroups,
  DescribeTransactions,
  type ErrorName,
  errorName,
  Fetch,
  FindCoordinator,
  Heartbeat,
  ListPartitionReassignments,
  Metadata,
  type MetadataResponse,
  OffsetCommit,
  OffsetFetch,
  Produce,
} from '@millrace/protocol'
import {
  batchOf,
  createTopic,
  produceBatch,
  startTestCluster,
  type TestCluster,
  type WireClient,
} from '@millrace/testkit'
import { committedOffset, generations, read, TransactionalProducer } from './handlers/transaction-fixture.ts'

const TIMEOUT = { timeout: 60_000 }

async function metadataOf(client: WireClient, topic: string): Promise<MetadataResponse> {
  return client.request(Metadata, 12, {
    topics: [{ name: topic }],
    allowAutoTopicCreation: false,
    includeTopicAuthorizedOperations: false,
  })
}

/** Node and epoch of each partition's leader. */
async function leadersOf(client: WireClient, topic: string): Promise<(readonly [number, number])[]> {
  const { topics } = await metadataOf(client, topic)
  return [...topics[0]!.partitions]
    .sort((a, b) => a.partitionIndex - b.partitionIndex)
    .map(({ leaderId, leaderEpoch }) => [leaderId, leaderEpoch] as const)
}

/** A partition of the topic that the node leads. */
async function partitionAt(cluster: TestCluster, topic: string, nodeId: number): Promise<number> {
  const leaders = await leadersOf(await cluster.connect(nodeId), topic)
  const partition = leaders.findIndex(([leader]) => leader === nodeId)
  assert.ok(partition >= 0, `node ${nodeId} leads nothing of ${topic}`)
  return partition
}

async function coordinatorOf(client: WireClient, key: string, keyType = 0): Promise<number> {
  const { coordinators } = await client.request(FindCoordinator, 4, { coordinatorKeys: [key], keyType })
  return coordinators[0]!.nodeId
}

/** A name that the node coordinates. */
async function keyAt(cluster: TestCluster, nodeId: number, prefix: string): Promise<string> {
  const client = await cluster.connect(nodeId)
  for (let i = 0; ; i++) if ((await coordinatorOf(client, `${prefix}-${i}`)) === nodeId) return `${prefix}-${i}`
}

async function moveTo(client: WireClient, topic: string, partitionIndex: number, nodeId: number | null) {
  const { responses } = await client.request(AlterPartitionReassignments, 0, {
    timeoutMs: 10_000,
    topics: [{ name: topic, partitions: [{ partitionIndex, replicas: nodeId === null ? null : [nodeId] }] }],
  })
  return errorName(responses[0]!.partitions[0]!.errorCode)
}

/** Asks until the partition is led there. */
async function untilLedBy(client: WireClient, topic: string, partition: number, nodeId: number): Promise<number> {
  for (;;) {
    const [leader, epoch] = (await leadersOf(client, topic))[partition]!
    if (leader === nodeId) return epoch
    await new Promise(resolve => setImmediate(resolve))
  }
}

test(
  'clients see a cluster: all nodes tell the same of brokers and leaders, and leaders are spread',
  TIMEOUT,
  async () => {
    await using cluster = await startTestCluster({ nodeIds: [1, 2, 3] })
    const clients = await Promise.all([1, 2, 3].map(id => cluster.connect(id)))
    const id = await createTopic(clients[1]!, 'spread', { partitions: 7 })
    const told = await Promise.all(clients.map(client => metadataOf(client, 'spread')))
    for (const { brokers, controllerId, topics } of told) {
      assert.deepEqual(
        brokers.map(({ nodeId, port }) => [nodeId, port]),
        [1, 2, 3].map(nodeId => [nodeId, cluster.port(nodeId)]),
      )
      assert.equal(controllerId, 1)
      assert.equal(topics[0]!.topicId, id)
      assert.ok(topics[0]!.partitions.every(p => p.errorCode === 0 && p.leaderEpoch === 0))
    }
    const leaders = told.map(({ topics }) => topics[0]!.partitions.map(({ leaderId }) => leaderId))
    assert.deepEqual(leaders[0], leaders[1])
    assert.deepEqual(leaders[0], leaders[2])
    const counts = [1, 2, 3].map(nodeId => leaders[0]!.filter(leader => leader === nodeId).length)
    assert.deepEqual(counts.sort(), [2, 2, 3])
    const described = await clients[2]!.request(DescribeCluster, 1, { endpointType: 1 })
    assert.deepEqual(
      described.brokers.map(({ brokerId }) => brokerId),
      [1, 2, 3],
    )
  },
)

test('topics of one request are spread over the nodes, though each has one partition', TIMEOUT, async () => {
  await using cluster = await startTestCluster()
  const client = await cluster.connect(1)
  const names = Array.from({ length: 20 }, (_, i) => `t${i}`)
  await client.request(CreateTopics, 7, {
    topics: names.map(name => ({ name, numPartitions: 1, replicationFactor: 1 })),
    timeoutMs: 10_000,
  })
  const leaders = await Promise.all(names.map(name => leadersOf(client, name)))
  assert.equal(leaders.filter(([leader]) => leader![0] === 1).length, 10)
})

test('two nodes that are asked at once make one of two names that collide', TIMEOUT, async () => {
  await using cluster = await startTestCluster()
  const clients = await Promise.all([1, 2].map(id => cluster.connect(id)))
  for (let i = 0; i < 10; i++) {
    const names = [`same.${i}`, `same_${i}`]
    const answers = await Promise.all(
      clients.map((client, which) =>
        client.request(CreateTopics, 5, {
          topics: [{ name: names[which]!, numPartitions: 1, replicationFactor: 1 }],
          timeoutMs: 10_000,
        }),
      ),
    )
    const codes = answers.map(({ topics }) => errorName(topics[0]!.errorCode))
    assert.deepEqual([...codes].sort(), ['INVALID_TOPIC_EXCEPTION', 'NONE'])
    const refused = answers.find(({ topics }) => topics[0]!.errorCode !== 0)!.topics[0]!.errorMessage
    assert.match(refused!, /collides with existing topic: same[._]/)
  }
})

test('who asks the wrong node for a partition is told which one is right', TIMEOUT, async () => {
  await using cluster = await startTestCluster()
  const [one, two] = [await cluster.connect(1), await cluster.connect(2)]
  const topicId = await createTopic(one, 't', { partitions: 2 })
  const atTwo = await partitionAt(cluster, 't', 2)
  assert.equal(await produceBatch(two, 't', batchOf(['a']), atTwo), 0)
  const produced = await one.request(Produce, 13, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 1_000,
    topicData: [{ topicId, partitionData: [{ index: atTwo, records: [batchOf(['b'])] }] }],
  })
  const refused = produced.responses[0]!.partitionResponses[0]!
  assert.equal(errorName(refused.errorCode), 'NOT_LEADER_OR_FOLLOWER')
  assert.deepEqual({ ...refused.currentLeader }, { leaderId: 2, leaderEpoch: 0 })
  assert.deepEqual(
    produced.nodeEndpoints.map(({ nodeId, port }) => [nodeId, port]),
    [[2, cluster.port(2)]],
  )
  const partitions = [{ partition: atTwo, fetchOffset: 0, partitionMaxBytes: 1000 }]
  const fetched = await one.request(Fetch, 16, { maxWaitMs: 1_000, minBytes: 1, topics: [{ topicId, partitions }] })
  const answer = fetched.responses[0]!.partitions[0]!
  assert.equal(errorName(answer.errorCode), 'NOT_LEADER_OR_FOLLOWER')
  assert.equal(answer.currentLeader.leaderId, 2)
  assert.equal(fetched.nodeEndpoints[0]!.port, cluster.port(2))
})

test('an administrator names the nodes of partitions, and may not name several for one', TIMEOUT, async () => {
  await using cluster = await startTestCluster()
  const client = await cluster.connect(1)
  const create = async (name: string, ...replicas: number[][]): Promise<ErrorName> => {
    const assignments = replicas.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds }))
    const { topics } = await client.request(CreateTopics, 7, {
      topics: [{ name, numPartitions: -1, replicationFactor: -1, assignments }],
      timeoutMs: 10_000,
    })
    return errorName(topics[0]!.errorCode)
  }
  assert.equal(await create('named', [2], [2], [1]), 'NONE')
  assert.deepEqual(
    (await leadersOf(client, 'named')).map(([leader]) => leader),
    [2, 2, 1],
  )
  assert.equal(await create('several', [1, 2]), 'INVALID_REPLICA_ASSIGNMENT')
  assert.equal(await create('strange', [3]), 'INVALID_REPLICA_ASSIGNMENT')
})

test('a group is coordinated by one node, which all name, and the others send its members there', TIMEOUT, async () => {
  await using cluster = await startTestCluster()
  const [one, two] = [await cluster.connect(1), await cluster.connect(2)]
  await createTopic(one, 't')
  const group = await keyAt(cluster, 2, 'group')
  assert.equal(await coordinatorOf(one, group), 2)
  const commit = (client: WireClient) =>
    client.request(OffsetCommit, 8, {
      groupId: group,
      generationIdOrMemberEpoch: -1,
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 7 }] }],
    })
  const refused = (await commit(one)).topics[0]!.partitions[0]!
  assert.equal(errorName(refused.errorCode), 'NOT_COORDINATOR')
  assert.equal((await commit(two)).topics[0]!.partitions[0]!.errorCode, 0)
  assert.equal(await committedOffset(two, group, 't'), 7)
  const fetched = await one.request(OffsetFetch, 8, { groups: [{ groupId: group, topics: null }] })
  assert.equal(errorName(fetched.groups[0]!.errorCode), 'NOT_COORDINATOR')
  const described = await one.request(DescribeGroups, 5, { groups: [group] })
  assert.equal(errorName(described.groups[0]!.errorCode), 'NOT_COORDINATOR')
  const beaten = await one.request(Heartbeat, 4, { groupId: group, generationId: 1, memberId: 'm' })
  assert.equal(errorName(beaten.errorCode), 'NOT_COORDINATOR')
  const transactions = await one.request(DescribeTransactions, 0, { transactionalIds: [group] })
  assert.equal(errorName(transactions.transactionStates[0]!.errorCode), 'NOT_COORDINATOR')
})

for (const generation of generations)
  test(
    `a transaction (${generation}) spans partitions and groups of other nodes, and its end reaches all`,
    TIMEOUT,
    async () => {
      await using cluster = await startTestCluster()
      const [one, two] = [await cluster.connect(1), await cluster.connect(2)]
      await createTopic(one, 't', { partitions: 2 })
      const [atOne, atTwo] = [await partitionAt(cluster, 't', 1), await partitionAt(cluster, 't', 2)]
      const id = await keyAt(cluster, 1, 'transaction')
      const groups = [await keyAt(cluster, 1, 'group'), await keyAt(cluster, 2, 'group')] as const
      const producer = await TransactionalProducer.start(one, id, { generation })
      const addedFirst = async (run: () => Promise<ErrorName>): Promise<ErrorName> => {
        // A classic producer asks its coordinator, and the partition's leader looks it up there.
        const added = producer.isClassic ? await producer.addPartitions('t', [atTwo]) : 'NONE'
        producer.reconnect(two)
        const error = added === 'NONE' ? await run() : added
        producer.reconnect(one)
        return error
      }
      for (const outcome of ['commit', 'abort', 'commit'] as const) {
        assert.equal(await producer.send('t', [`${outcome} here`], atOne), 'NONE')
        assert.equal(await addedFirst(() => producer.write('t', [`${outcome} there`], atTwo)), 'NONE')
        for (const [i, group] of groups.entries()) {
          if (producer.isClassic) assert.equal(await producer.addOffsets(group), 'NONE')
          producer.reconnect(i === 0 ? one : two)
          assert.equal(await producer.commitOffset(group, 't', outcome === 'abort' ? 99 : 5), 'NONE')
          producer.reconnect(one)
        }
        assert.equal(await producer[outcome](), 'NONE')
      }
      const seenHere = await read(one, 't', { partition: atOne, beyond: 5 })
      const seenThere = await read(two, 't', { partition: atTwo, beyond: 5 })
      assert.deepEqual(seenHere.values, ['commit here', 'commit here'])
      assert.deepEqual(seenThere.values, ['commit there', 'commit there'])
      for (const [i, group] of groups.entries())
        for (;;) {
          const offset = await committedOffset(i === 0 ? one : two, group, 't')
          if (offset === 'UNSTABLE_OFFSET_COMMIT') continue
          assert.equal(offset, 5)
          break
        }
    },
  )

test('a write that is in no transaction is refused, wherever the coordinator is', TIMEOUT, async () => {
  await using cluster = await startTestCluster()
  const [one, two] = [await cluster.connect(1), await cluster.connect(2)]
  await createTopic(one, 't', { partitions: 2 })
  const atTwo = await partitionAt(cluster, 't', 2)
  const producer = await TransactionalProducer.start(one, await keyAt(cluster, 1, 'transaction'), {
    generation: 'classic',
  })
  producer.reconnect(two)
  assert.equal(await producer.write('t', ['x'], atTwo), 'TRANSACTION_ABORTABLE')
  assert.equal((await read(two, 't', { partition: atTwo })).highWatermark, 0)
})

test(
  'a partition moves to another node with its records, its producers and its open transaction',
  TIMEOUT,
  async () => {
    await using cluster = await startTestCluster()
    const [one, two] = [await cluster.connect(1), await cluster.connect(2)]
    await createTopic(one, 't', { partitions: 2 })
    const partition = await partitionAt(cluster, 't', 1)
    await produceBatch(one, 't', batchOf(['a', 'b']), partition)
    const producer = await TransactionalProducer.start(one, await keyAt(cluster, 1, 'transaction'))
    assert.equal(await producer.send('t', ['open'], partition), 'NONE')
    // A long poll at the old leader is sent on at once.
    const parked = one.request(Fetch, 12, {
      maxWaitMs: 50_000,
      minBytes: 1,
      topics: [{ topic: 't', partitions: [{ partition, fetchOffset: 3, partitionMaxBytes: 1000 }] }],
    })
    assert.equal(await moveTo(two, 't', partition, 2), 'NONE')
    const sentOn = (await parked).responses[0]!.partitions[0]!
    assert.equal(errorName(sentOn.errorCode), 'NOT_LEADER_OR_FOLLOWER')
    assert.equal(await untilLedBy(two, 't', partition, 2), 1)
    assert.equal(await untilLedBy(one, 't', partition, 2), 1)
    const { topics } = await one.request(ListPartitionReassignments, 0, { topics: null })
    assert.deepEqual(topics, [])
    producer.reconnect(two)
    assert.equal(await producer.send('t', ['still open'], partition), 'NONE')
    producer.reconnect(one)
    assert.equal(await producer.commit(), 'NONE')
    const seen = await read(two, 't', { partition, beyond: 4 })
    assert.deepEqual(seen.values, ['a', 'b', 'open', 'still open'])
    assert.equal(await moveTo(one, 't', partition, 1), 'NONE')
    await untilLedBy(one, 't', partition, 1)
    assert.deepEqual((await read(one, 't', { partition })).values, seen.values)
    assert.equal(await produceBatch(one, 't', batchOf(['c']), partition), seen.highWatermark)
  },
)

test('a move to a node that is not there waits for it, and can be called off', TIMEOUT, async () => {
  await using cluster = await startTestCluster()
  const one = await cluster.connect(1)
  await createTopic(one, 't', { partitions: 4 })
  const partition = await partitionAt(cluster, 't', 1)
  await cluster.stopNode(2)
  assert.equal(await moveTo(one, 't', partition, null), 'NO_REASSIGNMENT_IN_PROGRESS')
  assert.equal(await moveTo(one, 't', partition, 2), 'NONE')
  const running = async () => {
    const { topics } = await one.request(ListPartitionReassignments, 0, { topics: null })
    return topics.flatMap(({ partitions }) =>
      partitions.map(p => [p.partitionIndex, p.addingReplicas, p.removingReplicas]),
    )
  }
  assert.deepEqual(await running(), [[partition, [2], [1]]])
  assert.equal(await moveTo(one, 't', partition, null), 'NONE')
  assert.deepEqual(await running(), [])
  assert.equal(await produceBatch(one, 't', batchOf(['a']), partition), 0)
  assert.equal(await moveTo(one, 't', partition, 2), 'NONE')
  await cluster.startNode(2)
  await untilLedBy(one, 't', partition, 2)
  assert.deepEqual((await read(await cluster.connect(2), 't', { partition })).values, ['a'])
})

test('while a node is away its partitions have no leader, and all is as it was when it is back', TIMEOUT, async () => {
  await using cluster = await startTestCluster()
  const one = await cluster.connect(1)
  await createTopic(one, 't', { partitions: 2 })
  const atTwo = await partitionAt(cluster, 't', 2)
  await produceBatch(await cluster.connect(2), 't', batchOf(['a']), atTwo)
  const group = await keyAt(cluster, 2, 'group')
  await cluster.stopNode(2)
  const { brokers, topics } = await metadataOf(one, 't')
  assert.equal(brokers.length, 1)
  const away = topics[0]!.partitions.find(({ partitionIndex }) => partitionIndex === atTwo)!
  assert.equal(errorName(away.errorCode), 'LEADER_NOT_AVAILABLE')
  const { coordinators } = await one.request(FindCoordinator, 4, { coordinatorKeys: [group], keyType: 0 })
  assert.equal(errorName(coordinators[0]!.errorCode), 'COORDINATOR_NOT_AVAILABLE')
  // Topics can be made all the same, and the node finds its share of them when it comes back.
  await createTopic(one, 'meanwhile', { partitions: 2 })
  await cluster.startNode(2)
  const two = await cluster.connect(2)
  assert.deepEqual((await read(two, 't', { partition: atTwo })).values, ['a'])
  await produceBatch(two, 'meanwhile', batchOf(['b']), await partitionAt(cluster, 'meanwhile', 2))
  await untilLedBy(one, 't', atTwo, 2)
})

test(
  'a node that starts says nothing to the others of groups and transactions that it has not read',
  TIMEOUT,
  async () => {
    await using cluster = await startTestCluster()
    const one = await cluster.connect(1)
    await createTopic(one, 't')
    const [groupAtOne, groupAtTwo] = [await keyAt(cluster, 1, 'group'), await keyAt(cluster, 2, 'group')]
    const [idAtOne, idAtTwo] = [await keyAt(cluster, 1, 'transaction'), await keyAt(cluster, 2, 'transaction')]
    const two = await cluster.connect(2)
    const ofOne = await TransactionalProducer.start(one, idAtOne)
    const ofTwo = await TransactionalProducer.start(two, idAtTwo)
    ofOne.reconnect(two)
    assert.equal(await ofOne.commitOffset(groupAtTwo, 't', 5), 'NONE')
    ofOne.reconnect(one)
    ofTwo.reconnect(one)
    assert.equal(await ofTwo.commitOffset(groupAtOne, 't', 6), 'NONE')
    await cluster.stopNode(2)
    // Its marker waits for the other node, and is asked for again and again while that one starts.
    assert.equal(await ofOne.commit(), 'NONE')
    const errors = new Set<ErrorName>()
    let isStarted = false
    const started = cluster.startNode(2).then(() => (isStarted = true))
    while (!isStarted) {
      errors.add(await ofTwo.commitOffset(groupAtOne, 't', 7))
      await new Promise(resolve => setImmediate(resolve))
    }
    await started
    errors.delete('NONE')
    assert.deepEqual([...errors], ['COORDINATOR_NOT_AVAILABLE'])
    assert.equal(await ofTwo.commitOffset(groupAtOne, 't', 7), 'NONE')
    const again = await cluster.connect(2)
    ofTwo.reconnect(again)
    assert.equal(await ofTwo.commit(), 'NONE')
    for (const [client, group, expected] of [
      [again, groupAtTwo, 5],
      [one, groupAtOne, 7],
    ] as const)
      while ((await committedOffset(client, group, 't')) !== expected)
        await new Promise(resolve => setImmediate(resolve))
  },
)
