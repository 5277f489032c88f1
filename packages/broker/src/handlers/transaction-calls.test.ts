/** Each call about transactions in each of its versions: what is refused, and how. The errors are those that Apache Kafka gives to the same requests. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  AddOffsetsToTxn,
  AddPartitionsToTxn,
  ApiVersions,
  DescribeTransactions,
  EndTxn,
  errorName,
  InitProducerId,
  ListTransactions,
  Produce,
  TxnOffsetCommit,
  UpdateFeatures,
  WriteTxnMarkers,
} from '@millrace/protocol'
import { batchOf, createTopic, startTestBroker, versionsOf, type WireClient } from '@millrace/testkit'
import { CLUSTER } from '../security/authorizer.ts'
import { read, TransactionalProducer } from './transaction-fixture.ts'

const MAPPING = 'INVALID_PRODUCER_ID_MAPPING'
const classic = { generation: 'classic' } as const

/** What a request may get wrong about its producer, added to what is right. */
interface Wrong {
  readonly id?: string
  readonly producerId?: number
  readonly epoch?: number
}

const identity = (p: TransactionalProducer, { id = '', producerId = 0, epoch = 0 }: Wrong = {}) => ({
  transactionalId: p.transactionalId + id,
  producerId: p.producerId + producerId,
  producerEpoch: p.producerEpoch + epoch,
})
const wrongs: readonly Wrong[] = [{ id: '-unknown' }, { producerId: 77 }, { epoch: 1 }, { epoch: -1 }]
const fenced = (version: number, since: number) => (version < since ? 'INVALID_PRODUCER_EPOCH' : 'PRODUCER_FENCED')

test('InitProducerId refuses ids and times that cannot be, and bumps the epoch of one that it knows', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  for (const version of versionsOf(InitProducerId)) {
    const init = (transactionalId: string, timeoutMs = 60_000, more = {}) =>
      client.request(InitProducerId, version, { transactionalId, transactionTimeoutMs: timeoutMs, ...more })
    const error = async (...args: Parameters<typeof init>) => errorName((await init(...args)).errorCode)
    const id = `tx-${version}`
    assert.equal(await error(''), 'INVALID_REQUEST')
    for (const timeoutMs of [0, -1, 900_001]) assert.equal(await error(id, timeoutMs), 'INVALID_TRANSACTION_TIMEOUT')
    const first = await init(id, 900_000)
    assert.deepEqual([first.errorCode, first.producerEpoch], [0, 0])
    const second = await init(id)
    assert.deepEqual([second.producerId, second.producerEpoch], [first.producerId, 1])
    if (version < 3) continue
    const { producerId } = first
    assert.equal((await init(id, 60_000, { producerId, producerEpoch: 1 })).producerEpoch, 2)
    assert.equal((await init(id, 60_000, { producerId, producerEpoch: 1 })).producerEpoch, 2, 'a retry')
    assert.equal(await error(id, 60_000, { producerId, producerEpoch: 0 }), fenced(version, 4))
    assert.equal(await error(id, 60_000, { producerId: producerId + 999, producerEpoch: 2 }), fenced(version, 4))
    assert.equal(await error(id, 60_000, { producerId, producerEpoch: -1 }), 'INVALID_REQUEST')
  }
})

test('AddPartitionsToTxn adds all or none', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't', { partitions: 2 })
  for (const version of [0, 1, 2, 3]) {
    const p = await TransactionalProducer.start(client, `tx-${version}`, classic)
    const add = async (topics: readonly { name: string; partitions: readonly number[] }[], wrong?: Wrong) => {
      const { transactionalId, producerId, producerEpoch } = identity(p, wrong)
      const answer = await client.request(AddPartitionsToTxn, version, {
        v3AndBelowTransactionalId: transactionalId,
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: producerEpoch,
        v3AndBelowTopics: topics,
      })
      return answer.resultsByTopicV3AndBelow.flatMap(t =>
        t.resultsByPartition.map(r => errorName(r.partitionErrorCode)),
      )
    }
    const both = [{ name: 't', partitions: [0, 1] }]
    for (const wrong of wrongs.slice(0, 2)) assert.deepEqual(await add(both, wrong), [MAPPING, MAPPING])
    for (const wrong of wrongs.slice(2)) assert.equal((await add(both, wrong))[0], fenced(version, 2))
    assert.deepEqual(
      await add([...both, { name: 't', partitions: [2] }, { name: '__consumer_offsets', partitions: [0] }]),
      [
        'OPERATION_NOT_ATTEMPTED',
        'OPERATION_NOT_ATTEMPTED',
        'UNKNOWN_TOPIC_OR_PARTITION',
        'TOPIC_AUTHORIZATION_FAILED',
      ],
    )
    assert.equal(await p.write('t', ['a']), 'TRANSACTION_ABORTABLE', 'nothing was added')
    assert.deepEqual(await add(both), ['NONE', 'NONE'])
    assert.deepEqual(await add(both), ['NONE', 'NONE'])
  }
})

test('AddPartitionsToTxn between brokers takes several transactions, and can only look', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't', { partitions: 2 })
  for (const version of [4, 5]) {
    const p = await TransactionalProducer.start(client, `p-${version}`)
    const of = (verifyOnly: boolean, partitions: readonly number[], wrong?: Wrong) => ({
      ...identity(p, wrong),
      verifyOnly,
      topics: [{ name: 't', partitions }],
    })
    const ask = async (...transactions: readonly ReturnType<typeof of>[]) => {
      const { errorCode, resultsByTransaction } = await client.request(AddPartitionsToTxn, version, { transactions })
      assert.equal(errorCode, 0)
      return resultsByTransaction.map(t =>
        t.topicResults[0]!.resultsByPartition.map(r => errorName(r.partitionErrorCode)),
      )
    }
    assert.deepEqual(await ask(of(true, [0])), [['TRANSACTION_ABORTABLE']])
    assert.deepEqual(await ask(of(false, [0]), ...wrongs.map(wrong => of(false, [0], wrong))), [
      ['NONE'],
      [MAPPING],
      [MAPPING],
      ['PRODUCER_FENCED'],
      ['PRODUCER_FENCED'],
    ])
    assert.deepEqual(await ask(of(true, [0, 1])), [['NONE', 'TRANSACTION_ABORTABLE']])
  }
})

test('AddOffsetsToTxn and EndTxn know their producer', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  for (const version of versionsOf(EndTxn)) {
    const p = await TransactionalProducer.start(client, `tx-${version}`)
    const add = async (wrong?: Wrong) =>
      errorName(
        (await client.request(AddOffsetsToTxn, Math.min(version, 4), { ...identity(p, wrong), groupId: 'g' }))
          .errorCode,
      )
    const end = async (committed: boolean, wrong?: Wrong) =>
      errorName((await client.request(EndTxn, version, { ...identity(p, wrong), committed })).errorCode)
    const expected = [MAPPING, MAPPING, fenced(version, 2), fenced(version, 2)]
    assert.deepEqual(await Promise.all(wrongs.map(wrong => add(wrong))), expected)
    assert.deepEqual(await Promise.all(wrongs.map(wrong => end(true, wrong))), expected)
    assert.equal(await end(true), 'INVALID_TXN_STATE', 'nothing has begun')
    assert.equal(await add(), 'NONE')
    assert.equal(await end(true), 'NONE')
  }
})

test('EndTxn of the newest version bumps the epoch, and its repetition is recognised', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const p = await TransactionalProducer.start(client, 'tx')
  await p.send('t', ['a'])
  const before = identity(p)
  const end = async (committed: boolean) => {
    const { errorCode, producerEpoch } = await client.request(EndTxn, 5, { ...before, committed })
    return [errorName(errorCode), producerEpoch]
  }
  assert.deepEqual(await end(true), ['NONE', 1])
  await read(client, 't', { beyond: 0 })
  let again = await end(true)
  while (again[0] === 'CONCURRENT_TRANSACTIONS') again = await end(true)
  assert.deepEqual(again, ['NONE', 1])
  assert.deepEqual(await end(false), ['INVALID_TXN_STATE', -1])
})

test('TxnOffsetCommit takes what its transaction may store, in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const topicId = await createTopic(client, 't')
  for (const version of versionsOf(TxnOffsetCommit)) {
    const p = await TransactionalProducer.start(client, `tx-${version}`, version < 5 ? classic : {})
    const groupId = `g-${version}`
    const commit = async (wrong: Wrong = {}, more: object = {}) => {
      const partitions = [0, 7].map(partitionIndex => ({ partitionIndex, committedOffset: 5, committedMetadata: 'm' }))
      const topics = [{ ...(version >= 6 ? { topicId } : { name: 't' }), partitions }]
      const answer = await client.request(TxnOffsetCommit, version, { ...identity(p, wrong), groupId, topics, ...more })
      const [known, unknown] = answer.topics[0]!.partitions.map(({ errorCode }) => errorName(errorCode))
      assert.equal(unknown, 'UNKNOWN_TOPIC_OR_PARTITION')
      return known
    }
    const outcomes: (string | undefined)[] = []
    for (const wrong of wrongs) outcomes.push(await commit(wrong))
    assert.deepEqual(outcomes, [MAPPING, MAPPING, 'INVALID_PRODUCER_EPOCH', 'INVALID_PRODUCER_EPOCH'])
    assert.equal(await commit({}, { groupId: '' }), 'INVALID_GROUP_ID')
    if (version < 5) {
      assert.equal(await commit(), version < 4 ? 'INVALID_TXN_STATE' : 'TRANSACTION_ABORTABLE')
      assert.equal(await p.addOffsets(groupId), 'NONE')
    }
    assert.equal(await commit(), 'NONE')
    if (version < 3) continue
    assert.equal(await commit({}, { memberId: 'nobody', generationIdOrMemberEpoch: 3 }), 'UNKNOWN_MEMBER_ID')
  }
})

test('a transactional write is let in as its version has it', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const topicId = await createTopic(client, 't')
  for (const version of versionsOf(Produce).filter(v => v >= 3)) {
    const p = await TransactionalProducer.start(client, `tx-${version}`, version < 12 ? classic : {})
    const write = async (wrong: Wrong = {}, more: { id?: null; sequence?: number; plain?: boolean } = {}) => {
      const { transactionalId, ...producer } = identity(p, wrong)
      const fields = { ...producer, baseSequence: more.sequence ?? 0, isTransactional: more.plain !== true }
      const answer = await client.request(Produce, version, {
        transactionalId: more.id === null ? null : transactionalId,
        acks: -1,
        timeoutMs: 5_000,
        topicData: [
          {
            ...(version >= 13 ? { topicId } : { name: 't' }),
            partitionData: [{ index: 0, records: [batchOf(['v'], fields)] }],
          },
        ],
      })
      return errorName(answer.responses[0]!.partitionResponses[0]!.errorCode)
    }
    assert.equal(await write({}, { id: null }), 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
    const outcomes: string[] = []
    for (const wrong of wrongs) outcomes.push(await write(wrong))
    assert.deepEqual(outcomes, [MAPPING, MAPPING, 'INVALID_PRODUCER_EPOCH', 'INVALID_PRODUCER_EPOCH'])
    if (version < 12) {
      assert.equal(await write(), version < 11 ? 'INVALID_TXN_STATE' : 'TRANSACTION_ABORTABLE')
      assert.equal(await p.addPartitions('t', [0]), 'NONE')
    } else assert.equal(await write({}, { sequence: 3 }), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
    assert.equal(await write(), 'NONE')
    assert.equal(await write(), 'NONE', 'a retry')
    assert.equal(await write({}, { sequence: 1, plain: true }), 'INVALID_TXN_STATE')
    assert.equal(await p.end(true), 'NONE')
  }
})

test('without verification an older client’s write is taken at its word', async () => {
  await using broker = await startTestBroker({ settings: { 'transaction.partition.verification.enable': 'false' } })
  const client = await broker.connect()
  await createTopic(client, 't')
  const p = await TransactionalProducer.start(client, 'tx', classic)
  assert.equal(await p.write('t', ['a']), 'NONE')
  assert.equal((await read(client, 't')).lastStableOffset, 0)
})

test('WriteTxnMarkers ends what hangs, and only in the right order', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  for (const version of versionsOf(WriteTxnMarkers)) {
    const p = await TransactionalProducer.start(client, `tx-${version}`, classic)
    await p.send('t', ['a'])
    const mark = async ({ epoch = 0, coordinatorEpoch = 0, transactionVersion = 0 }) => {
      const { producerId, producerEpoch } = identity(p, { epoch })
      const marker = { producerId, producerEpoch, transactionResult: false, coordinatorEpoch }
      const topics = [{ name: 't', partitionIndexes: [0, 9] }]
      const { markers } = await client.request(WriteTxnMarkers, version, {
        markers: [{ ...marker, topics, ...(version >= 2 && { transactionVersion }) }],
      })
      const [known, unknown] = markers[0]!.topics[0]!.partitions.map(({ errorCode }) => errorName(errorCode))
      assert.equal(unknown, 'UNKNOWN_TOPIC_OR_PARTITION')
      return known
    }
    assert.equal(await mark({ epoch: -1 }), 'INVALID_PRODUCER_EPOCH')
    if (version >= 2) assert.equal(await mark({ transactionVersion: 2 }), 'INVALID_PRODUCER_EPOCH')
    assert.equal(await mark({ coordinatorEpoch: 5 }), 'NONE')
    const { lastStableOffset, highWatermark } = await read(client, 't')
    assert.equal(lastStableOffset, highWatermark)
    assert.equal(await mark({ coordinatorEpoch: 4 }), 'TRANSACTION_COORDINATOR_FENCED')
    assert.equal(await mark({ coordinatorEpoch: 5 }), 'NONE', 'written again')
  }
})

test('transactional ids are listed by state, producer, age and pattern, and described', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't', { partitions: 3 })
  const idle = await TransactionalProducer.start(client, 'idle')
  const busy = await TransactionalProducer.start(client, 'busy')
  await busy.send('t', ['a'], 2)
  const list = async (version: number, filters: object) => {
    const answer = await client.request(ListTransactions, version, {
      stateFilters: [],
      producerIdFilters: [],
      ...filters,
    })
    assert.equal(answer.errorCode, 0)
    return [
      answer.unknownStateFilters.join(),
      ...answer.transactionStates.map(s => `${s.transactionalId} ${s.transactionState}`),
    ]
  }
  for (const version of versionsOf(ListTransactions)) {
    assert.deepEqual(await list(version, {}), ['', 'idle Empty', 'busy Ongoing'])
    assert.deepEqual(await list(version, { stateFilters: ['Ongoing', 'Nap'] }), ['Nap', 'busy Ongoing'])
    assert.deepEqual(await list(version, { stateFilters: ['Nap'] }), ['Nap'])
    assert.deepEqual(await list(version, { producerIdFilters: [idle.producerId] }), ['', 'idle Empty'])
    if (version >= 1) assert.deepEqual(await list(version, { durationFilter: 1_000_000 }), ['', 'idle Empty'])
    if (version >= 2) assert.deepEqual(await list(version, { transactionalIdPattern: 'b.s.' }), ['', 'busy Ongoing'])
  }
  const broken = await client.request(ListTransactions, 2, {
    stateFilters: [],
    producerIdFilters: [],
    transactionalIdPattern: '(',
  })
  assert.equal(errorName(broken.errorCode), 'INVALID_REGULAR_EXPRESSION')
  const { transactionStates } = await client.request(DescribeTransactions, 0, {
    transactionalIds: ['busy', 'nobody', ''],
  })
  assert.deepEqual(
    transactionStates.map(s => [
      errorName(s.errorCode),
      s.transactionState,
      s.producerEpoch,
      s.topics.map(t => [t.topic, ...t.partitions]),
    ]),
    [
      ['NONE', 'Ongoing', 0, [['t', 2]]],
      ['TRANSACTIONAL_ID_NOT_FOUND', '', 0, []],
      ['INVALID_REQUEST', '', 0, []],
    ],
  )
})

test('UpdateFeatures changes the level that clients go by, all or nothing', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const update = async (
    version: number,
    ...featureUpdates: readonly { feature: string; maxVersionLevel: number; upgradeType?: number }[]
  ) => {
    const answer = await client.request(UpdateFeatures, version, { featureUpdates })
    return errorName(answer.errorCode)
  }
  const feature = 'transaction.version'
  const epoch = async () => (await features(client)).epoch
  for (const version of [1, 2]) {
    const before = await epoch()
    assert.equal(await update(version, { feature, maxVersionLevel: 3 }), 'INVALID_UPDATE_VERSION')
    assert.equal(await update(version, { feature, maxVersionLevel: 1 }), 'INVALID_UPDATE_VERSION')
    assert.equal(await update(version, { feature: 'another', maxVersionLevel: 1 }), 'INVALID_UPDATE_VERSION')
    const lower = { feature, maxVersionLevel: 0, upgradeType: 2 }
    assert.equal(await update(version, lower, { feature: 'another', maxVersionLevel: 1 }), 'INVALID_UPDATE_VERSION')
    assert.equal((await features(client)).level, 2)
    assert.equal(await update(version, lower), 'NONE')
    assert.equal((await features(client)).level, undefined)
    assert.equal(await update(version, { feature, maxVersionLevel: 2 }), 'NONE')
    assert.deepEqual([(await features(client)).level, await epoch()], [2, before + 2])
  }
  assert.equal(await update(0, { feature, maxVersionLevel: 1 }), 'INVALID_UPDATE_VERSION')
})

async function features(client: WireClient): Promise<{ level: number | undefined; epoch: number }> {
  const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
  const { finalizedFeatures, finalizedFeaturesEpoch } = await client.request(ApiVersions, 4, software)
  const level = finalizedFeatures.find(({ name }) => name === 'transaction.version')?.maxVersionLevel
  return { level, epoch: finalizedFeaturesEpoch }
}

test('who may not, is told so', async () => {
  const denied = new Set<string>()
  await using broker = await startTestBroker({
    authorizer: { authorize: (_who, operation, type, name) => !denied.has(`${operation} ${type} ${name}`) },
  })
  const client = await broker.connect()
  await createTopic(client, 't')
  const p = await TransactionalProducer.start(client, 'tx', classic)
  denied.add('WRITE TRANSACTIONAL_ID tx')
  assert.equal(await p.init(), 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  assert.equal(await p.addPartitions('t', [0]), 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  assert.equal(await p.addOffsets('g'), 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  assert.equal(await p.commitOffset('g', 't', 1), 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  assert.equal(await p.write('t', ['a']), 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  assert.equal(await p.commit(), 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  denied.clear()
  for (const right of ['READ GROUP g', 'WRITE TOPIC t', 'DESCRIBE TRANSACTIONAL_ID tx']) denied.add(right)
  for (const operation of ['ALTER', 'CLUSTER_ACTION']) denied.add(`${operation} CLUSTER ${CLUSTER}`)
  assert.equal(await p.addPartitions('t', [0]), 'TOPIC_AUTHORIZATION_FAILED')
  assert.equal(await p.addOffsets('g'), 'GROUP_AUTHORIZATION_FAILED')
  assert.equal(await p.commitOffset('g', 't', 1), 'GROUP_AUTHORIZATION_FAILED')
  const listed = await client.request(ListTransactions, 0, { stateFilters: [], producerIdFilters: [] })
  assert.deepEqual(listed.transactionStates, [])
  const described = await client.request(DescribeTransactions, 0, { transactionalIds: ['tx'] })
  assert.equal(errorName(described.transactionStates[0]!.errorCode), 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  const added = await client.request(AddPartitionsToTxn, 4, { transactions: [] })
  assert.equal(errorName(added.errorCode), 'CLUSTER_AUTHORIZATION_FAILED')
  const updated = await client.request(UpdateFeatures, 2, { featureUpdates: [] })
  assert.equal(errorName(updated.errorCode), 'CLUSTER_AUTHORIZATION_FAILED')
  const marker = { producerId: 1, producerEpoch: 0, transactionResult: true, coordinatorEpoch: 0 }
  const { markers } = await client.request(WriteTxnMarkers, 1, {
    markers: [{ ...marker, topics: [{ name: 't', partitionIndexes: [0] }] }],
  })
  assert.equal(errorName(markers[0]!.topics[0]!.partitions[0]!.errorCode), 'CLUSTER_AUTHORIZATION_FAILED')
})
