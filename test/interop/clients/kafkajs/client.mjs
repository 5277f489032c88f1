// kafkajs, with codecs for what it does not bring itself.
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import { byPlace, errorOf, expect, load, run, sampleRecords, textOf, waitFor } from '../../lib/scenario.mjs'

const { Kafka, CompressionCodecs, CompressionTypes, ConfigResourceTypes, PartitionAssigners, logLevel } =
  load('kafkajs')
const lz4 = load('lz4-napi')

CompressionCodecs[CompressionTypes.Snappy] = load('kafkajs-snappy')
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: encoder => lz4.compressFrame(encoder.buffer),
  decompress: bytes => lz4.decompressFrame(bytes),
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: encoder => promisify(zstdCompress)(encoder.buffer),
  decompress: bytes => promisify(zstdDecompress)(bytes),
})

function clientOf(bootstrap) {
  // errors come back as exceptions too
  return new Kafka({ brokers: [bootstrap], clientId: 'interop', logLevel: logLevel.NOTHING, retry: { retries: 3 } })
}

async function withAdmin(kafka, use) {
  const admin = kafka.admin()
  await admin.connect()
  await use(admin)
  await admin.disconnect()
}

/** Creates the topic and waits until its partitions answer: the client sends a whole request again when one partition is not ready. */
async function create(kafka, topic, numPartitions, configEntries = []) {
  await withAdmin(kafka, async admin => {
    const created = await admin.createTopics({
      topics: [{ topic, numPartitions, configEntries }],
      waitForLeaders: true,
    })
    expect(`creation of ${topic}`, created, true)
    await waitFor(`partitions of ${topic}`, () => admin.fetchTopicOffsets(topic).catch(() => false))
  })
}

/** A consumer that gathers its records and knows its partitions. */
async function join(kafka, groupId, topic) {
  const consumer = kafka.consumer({
    groupId,
    heartbeatInterval: 200,
    maxWaitTimeInMs: 100,
    partitionAssigners: [PartitionAssigners.roundRobin],
  })
  const member = { consumer, records: [], partitions: [] }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    member.partitions = payload.memberAssignment[topic] ?? []
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommitThreshold: 1,
    eachMessage: async ({ partition, message }) => {
      member.records.push({ partition, ...message, offset: Number(message.offset) })
    },
  })
  return member
}

async function readAll(kafka, groupId, topic, count) {
  const member = await join(kafka, groupId, topic)
  await waitFor(`${count} records`, () => member.records.length >= count)
  await member.consumer.disconnect()
  return member.records.sort(byPlace)
}

async function send(kafka, topic, messages, options = {}) {
  const producer = kafka.producer({ allowAutoTopicCreation: false, ...options.producer })
  await producer.connect()
  try {
    return await producer.send({ topic, messages, ...options.send })
  } finally {
    await producer.disconnect()
  }
}

/** kafkajs keeps headers in an object, with a list for what comes twice. */
const listOfHeaders = headers =>
  Object.entries(headers).flatMap(([name, value]) => [value].flat().map(one => [name, one]))

async function produceConsume(bootstrap, prefix) {
  const kafka = clientOf(bootstrap)
  const topic = `${prefix}-produce-consume`
  await create(kafka, topic, 2)
  const wanted = [[], []]
  for (const [name, compression] of Object.entries(CompressionTypes)) {
    const records = sampleRecords(name)
    for (const [i, record] of records.entries()) wanted[i % 2].push(textOf(record))
    const messages = records.map((record, i) => ({
      ...record,
      headers: { ...Object.fromEntries(record.headers), twice: ['1', '2'] },
      timestamp: `${record.timestamp}`,
      partition: i % 2,
    }))
    const sent = await send(kafka, topic, messages, { send: { compression, acks: -1 } })
    const lastOffsets = sent.sort((a, b) => a.partition - b.partition).map(part => Number(part.baseOffset))
    expect(
      `${name}: base offsets`,
      lastOffsets,
      wanted.map(part => part.length - records.length / 2),
    )
  }
  const read = await readAll(kafka, `${prefix}-reader`, topic, wanted.flat().length)
  for (const partition of [0, 1]) {
    const records = read.filter(record => record.partition === partition)
    expect(
      `offsets of ${partition}`,
      records.map(r => r.offset),
      wanted[partition].map((_, i) => i),
    )
    const texts = records.map(record => {
      const headers = listOfHeaders(record.headers)
      expect(
        'the header that comes twice',
        headers.splice(-2).map(([name, value]) => `${name}=${value}`),
        ['twice=1', 'twice=2'],
      )
      return textOf({ ...record, headers })
    })
    expect(`records of ${partition}`, texts, wanted[partition])
  }
}

async function idempotent(bootstrap, prefix) {
  const kafka = clientOf(bootstrap)
  const topic = `${prefix}-idempotent`
  await create(kafka, topic, 1)
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const values = Array.from({ length: 1000 }, (_, n) => `${n}`)
  for (let n = 0; n < values.length; n += 50)
    await producer.send({ topic, messages: values.slice(n, n + 50).map(value => ({ value })) })
  await producer.disconnect()
  const read = await readAll(kafka, `${prefix}-reader`, topic, values.length)
  expect(
    'records',
    read.map(record => `${record.value}`),
    values,
  )
}

async function groupRebalance(bootstrap, prefix) {
  const kafka = clientOf(bootstrap)
  const topic = `${prefix}-group-rebalance`
  const group = `${prefix}-group`
  await create(kafka, topic, 4)
  const sendNumbers = async (first, count) => {
    const numbers = Array.from({ length: count }, (_, i) => first + i)
    await send(
      kafka,
      topic,
      numbers.map(n => ({ value: `${n}`, partition: n % 4 })),
    )
    return numbers.map(n => `${n % 4} ${Math.floor(n / 4)} ${n}`).sort()
  }
  const textsOf = (...members) =>
    members.flatMap(m => m.records.map(({ partition, offset, value }) => `${partition} ${offset} ${value}`)).sort()

  const [first, second] = await Promise.all([join(kafka, group, topic), join(kafka, group, topic)])
  await waitFor('two members share four partitions', () => [first, second].every(m => m.partitions.length === 2))
  expect('partitions of both', [...first.partitions, ...second.partitions].sort(), [0, 1, 2, 3])
  let sent = await sendNumbers(0, 40)
  await waitFor('40 records in both', () => first.records.length + second.records.length >= 40)
  expect('records in both', textsOf(first, second), sent)
  await second.consumer.disconnect()
  await waitFor('the first takes over', () => first.partitions.length === 4)
  first.records = []
  sent = await sendNumbers(40, 20)
  await waitFor('20 records in the first', () => first.records.length >= 20)
  expect('records after the take-over', textsOf(first), sent)
  await first.consumer.disconnect()
  sent = await sendNumbers(60, 8)
  const third = await join(kafka, group, topic)
  await waitFor('8 records in the third', () => third.records.length >= 8)
  expect('records after the committed offsets', textsOf(third), sent)
  await third.consumer.disconnect()
  await withAdmin(kafka, async admin => expect('committed', await committed(admin, group), ['17', '17', '17', '17']))
}

async function committed(admin, groupId) {
  const [{ partitions }] = await admin.fetchOffsets({ groupId })
  return partitions.sort(byPlace).map(({ offset }) => offset)
}

async function admin(bootstrap, prefix) {
  const kafka = clientOf(bootstrap)
  const topic = `${prefix}-admin`
  await create(kafka, topic, 2, [{ name: 'retention.ms', value: '123456' }])
  await withAdmin(kafka, async admin => {
    const listed = async () => (await admin.listTopics()).includes(topic)
    expect('listed', await listed(), true)
    const { brokers, controller } = await admin.describeCluster()
    const nodes = brokers.map(broker => broker.nodeId)
    expect('the controller is a broker', nodes.includes(controller), true)
    const partitions = async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      return topics[0].partitions
        .sort((a, b) => a.partitionId - b.partitionId)
        .map(p => [p.partitionId, nodes.includes(p.leader)])
    }
    expect('partitions', await partitions(), [
      [0, true],
      [1, true],
    ])
    await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
    await waitFor('three partitions', async () => (await partitions()).length === 3)
    await adminConfigs(admin, topic)
    await adminRecords(kafka, admin, topic)
    await adminGroups(kafka, admin, topic, `${prefix}-admin-group`)
    await admin.deleteTopics({ topics: [topic] })
    await waitFor('deletion', async () => !(await listed()))
  })
}

async function adminConfigs(admin, topic) {
  const type = ConfigResourceTypes.TOPIC
  const configured = async name => {
    const { resources } = await admin.describeConfigs({ resources: [{ type, name: topic, configNames: [name] }] })
    return resources[0].configEntries[0].configValue
  }
  expect('configured value', await configured('retention.ms'), '123456')
  const configEntries = [{ name: 'max.message.bytes', value: '5000' }]
  await admin.alterConfigs({ resources: [{ type, name: topic, configEntries }] })
  await waitFor('the altered value', async () => (await configured('max.message.bytes')) === '5000')
  // the old AlterConfigs replaces: what it does not name returns to the default
  expect('the value that was not named', await configured('retention.ms'), '604800000')
}

async function adminRecords(kafka, admin, topic) {
  const messages = Array.from({ length: 10 }, (_, n) => ({ value: `${n}`, partition: 0, timestamp: `${1000 + n}` }))
  await send(kafka, topic, messages)
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '4' }] })
  const offsets = (await admin.fetchTopicOffsets(topic)).sort(byPlace).map(({ low, high }) => [low, high])
  expect('offsets', offsets, [
    ['4', '10'],
    ['0', '0'],
    ['0', '0'],
  ])
  const [found] = (await admin.fetchTopicOffsetsByTimestamp(topic, 1007)).sort(byPlace)
  expect('offset for time', found, { partition: 0, offset: '7' })
}

async function adminGroups(kafka, admin, topic, group) {
  const member = await join(kafka, group, topic)
  await waitFor('six records', () => member.records.length >= 6)
  const { groups } = await admin.describeGroups([group])
  expect('group', [groups[0].state, groups[0].protocolType, groups[0].members.length], ['Stable', 'consumer', 1])
  await member.consumer.disconnect()
  const listed = (await admin.listGroups()).groups.filter(({ groupId }) => groupId === group)
  expect('listed', listed, [{ groupId: group, protocolType: 'consumer' }])
  expect('committed', (await committed(admin, group))[0], '10')
  await admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '5' }] })
  expect('set', (await committed(admin, group))[0], '5')
  expect(
    'deletion',
    (await admin.deleteGroups([group])).map(({ groupId, errorCode }) => [groupId, errorCode]),
    [[group, 0]],
  )
  const { groups: failed } = await errorOf('a second deletion', () => admin.deleteGroups([group]))
  expect(
    'second deletion',
    failed.map(({ error }) => error.type),
    ['GROUP_ID_NOT_FOUND'],
  )
}

async function errors(bootstrap, prefix) {
  const kafka = clientOf(bootstrap)
  const topic = `${prefix}-errors`
  await create(kafka, topic, 1)
  const expectType = async (what, type, call) => {
    const error = await errorOf(what, call)
    expect(what, (error.errors?.[0] ?? error.cause ?? error).type ?? `${error.name}: ${error.message}`, type)
  }
  await expectType('a record of 2 MB', 'MESSAGE_TOO_LARGE', () =>
    send(kafka, topic, [{ value: Buffer.alloc(2_000_000) }]),
  )
  expect('the next record', (await send(kafka, topic, [{ value: 'small' }]))[0].baseOffset, '0')
  await withAdmin(kafka, async admin => {
    const invalid = `${prefix} with blanks`
    await expectType('an invalid name', 'INVALID_TOPIC_EXCEPTION', () =>
      admin.createTopics({ topics: [{ topic: invalid }] }),
    )
    // kafkajs turns this one error into an answer
    expect('an existing topic', await admin.createTopics({ topics: [{ topic }] }), false)
    const unknown = `${prefix}-unknown`
    const deletion = () => admin.deleteTopics({ topics: [unknown] })
    await expectType('deleting an unknown topic', 'UNKNOWN_TOPIC_OR_PARTITION', deletion)
    await expectType('writing to an unknown topic', 'UNKNOWN_TOPIC_OR_PARTITION', () =>
      send(kafka, unknown, [{ value: 'x' }]),
    )
  })
}

await run({ 'produce-consume': produceConsume, idempotent, 'group-rebalance': groupRebalance, admin, errors })
