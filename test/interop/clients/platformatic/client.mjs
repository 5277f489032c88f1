// @platformatic/kafka: streams, bigint offsets, Kafka's newest protocol versions.
import { byPlace, errorOf, expect, load, run, sampleRecords, textOf, waitFor } from '../../lib/scenario.mjs'

const { Admin, Consumer, Producer, ConfigResourceTypes, IncrementalAlterConfigOperationTypes } =
  load('@platformatic/kafka')

const LATEST = -1n
const EARLIEST = -2n

const optionsOf = bootstrap => ({ clientId: 'interop', bootstrapBrokers: [bootstrap], retries: 3, retryDelay: 100 })

async function withAdmin(bootstrap, use) {
  const admin = new Admin(optionsOf(bootstrap))
  await use(admin)
  await admin.close()
}

/** Creates the topic and waits until its partitions answer: the client sends a whole request again when one partition is not ready. */
async function create(bootstrap, topic, partitions, configs = []) {
  await withAdmin(bootstrap, async admin => {
    const created = await admin.createTopics({ topics: [topic], partitions, replicas: 1, configs })
    expect(
      'created',
      created.map(({ name, partitions }) => [name, partitions]),
      [[topic, partitions]],
    )
    const all = Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp: EARLIEST }))
    const offsets = () => admin.listOffsets({ topics: [{ name: topic, partitions: all }] })
    await waitFor(`partitions of ${topic}`, () => offsets().catch(() => false))
  })
}

async function send(bootstrap, messages, options = {}) {
  const producer = new Producer({ ...optionsOf(bootstrap), ...options.producer })
  try {
    const { offsets } = await producer.send({ messages, acks: -1, ...options.send })
    return offsets.sort(byPartition).map(({ partition, offset }) => [partition, offset])
  } finally {
    await producer.close()
  }
}

const byPartition = (a, b) => a.partition - b.partition

/** A consumer that gathers its records. */
async function join(bootstrap, groupId, topic) {
  const consumer = new Consumer({
    ...optionsOf(bootstrap),
    groupId,
    heartbeatInterval: 200,
    maxWaitTime: 100,
    autocommit: false,
  })
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
  const member = {
    records: [],
    partitions: () => consumer.assignments?.find(assigned => assigned.topic === topic)?.partitions ?? [],
    leave: async () => {
      await stream.close()
      await consumer.close(true)
    },
  }
  stream.on('error', error => {
    member.error = error
  })
  stream.on('data', message => {
    // first the commit: what the test has seen is never read again after a rebalance
    Promise.resolve(message.commit()).then(
      () => member.records.push({ ...message, offset: Number(message.offset), headers: message.headerEntries }),
      error => {
        member.error = error
      },
    )
  })
  member.has = count => {
    if (member.error) throw member.error
    return member.records.length >= count
  }
  return member
}

async function readAll(bootstrap, groupId, topic, count) {
  const member = await join(bootstrap, groupId, topic)
  await waitFor(`${count} records`, () => member.has(count))
  await member.leave()
  return member.records.sort(byPlace)
}

async function produceConsume(bootstrap, prefix) {
  const topic = `${prefix}-produce-consume`
  await create(bootstrap, topic, 2)
  const wanted = [[], []]
  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    const records = sampleRecords(compression).map(record => ({
      ...record,
      headers: [...record.headers, ['twice', '1'], ['twice', '2']],
    }))
    const before = wanted.map((part, partition) => [partition, BigInt(part.length)])
    for (const [i, record] of records.entries()) wanted[i % 2].push(textOf(record))
    const messages = records.map(({ key, value, headers, timestamp }, i) => ({
      topic,
      key: key ?? undefined,
      value: value ?? undefined,
      headers: new Map(headers.map(([name, text]) => [Buffer.from(name), Buffer.from(text)])),
      timestamp: BigInt(timestamp),
      partition: i % 2,
    }))
    expect(`${compression}: base offsets`, await send(bootstrap, messages, { send: { compression } }), before)
  }
  const read = await readAll(bootstrap, `${prefix}-reader`, topic, wanted.flat().length)
  for (const partition of [0, 1]) {
    const records = read.filter(record => record.partition === partition)
    expect(
      `offsets of ${partition}`,
      records.map(record => record.offset),
      wanted[partition].map((_, i) => i),
    )
    expect(`records of ${partition}`, records.map(textOf), wanted[partition])
  }
}

async function idempotent(bootstrap, prefix) {
  const topic = `${prefix}-idempotent`
  await create(bootstrap, topic, 1)
  const producer = new Producer({ ...optionsOf(bootstrap), idempotent: true })
  const values = Array.from({ length: 1000 }, (_, n) => `${n}`)
  for (let n = 0; n < values.length; n += 50) {
    const messages = values.slice(n, n + 50).map(value => ({ topic, value: Buffer.from(value) }))
    const { offsets } = await producer.send({ messages })
    expect('base offset', offsets[0].offset, BigInt(n))
  }
  await producer.close()
  const read = await readAll(bootstrap, `${prefix}-reader`, topic, values.length)
  expect(
    'records',
    read.map(record => `${record.value}`),
    values,
  )
}

async function groupRebalance(bootstrap, prefix) {
  const topic = `${prefix}-group-rebalance`
  const group = `${prefix}-group`
  await create(bootstrap, topic, 4)
  const sendNumbers = async (first, count) => {
    const numbers = Array.from({ length: count }, (_, i) => first + i)
    await send(
      bootstrap,
      numbers.map(n => ({ topic, value: Buffer.from(`${n}`), partition: n % 4 })),
    )
    return numbers.map(n => `${n % 4} ${Math.floor(n / 4)} ${n}`).sort()
  }
  const textsOf = (...members) =>
    members.flatMap(m => m.records.map(({ partition, offset, value }) => `${partition} ${offset} ${value}`)).sort()

  const first = await join(bootstrap, group, topic)
  const second = await join(bootstrap, group, topic)
  await waitFor('two members share four partitions', () => [first, second].every(m => m.partitions().length === 2))
  expect('partitions of both', [...first.partitions(), ...second.partitions()].sort(), [0, 1, 2, 3])
  let sent = await sendNumbers(0, 40)
  // a set: the client also delivers what a fetch from before the rebalance brings
  const seen = () => [...new Set(textsOf(first, second))].sort()
  await waitFor('40 records in both', () => first.has(0) && second.has(0) && seen().length >= 40)
  expect('records in both', seen(), sent)
  await second.leave()
  await waitFor('the first takes over', () => first.partitions().length === 4)
  first.records = []
  sent = await sendNumbers(40, 20)
  await waitFor('20 records in the first', () => first.has(20))
  expect('records after the take-over', textsOf(first), sent)
  await first.leave()
  sent = await sendNumbers(60, 8)
  const third = await join(bootstrap, group, topic)
  await waitFor('8 records in the third', () => third.has(8))
  expect('records after the committed offsets', textsOf(third), sent)
  await third.leave()
  await withAdmin(bootstrap, async admin => expect('committed', await committed(admin, group), [17n, 17n, 17n, 17n]))
}

async function committed(admin, groupId) {
  const [{ topics }] = await admin.listConsumerGroupOffsets({ groups: [groupId] })
  return topics[0].partitions.sort((a, b) => a.partitionIndex - b.partitionIndex).map(part => part.committedOffset)
}

async function admin(bootstrap, prefix) {
  const topic = `${prefix}-admin`
  await create(bootstrap, topic, 2, [{ name: 'retention.ms', value: '123456' }])
  await withAdmin(bootstrap, async admin => {
    const listed = async () => (await admin.listTopics()).includes(topic)
    expect('listed', await listed(), true)
    const leaders = async () => {
      const metadata = await admin.metadata({ topics: [topic], forceUpdate: true })
      return metadata.topics.get(topic).partitions.map(({ leader }) => metadata.brokers.has(leader))
    }
    expect('led by a broker', await leaders(), [true, true])
    await admin.createPartitions({ topics: [{ name: topic, count: 3, assignments: null }] })
    await waitFor('three partitions', async () => (await leaders()).length === 3)
    await adminConfigs(admin, topic)
    await adminRecords(bootstrap, admin, topic)
    await adminGroups(bootstrap, admin, topic, `${prefix}-admin-group`)
    await admin.deleteTopics({ topics: [topic] })
    await waitFor('deletion', async () => !(await listed()))
  })
}

async function adminConfigs(admin, topic) {
  const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic }
  const configured = async name => {
    const [{ configs }] = await admin.describeConfigs({ resources: [{ ...resource, configurationKeys: [name] }] })
    return configs[0].value
  }
  const change = async (name, configOperation, value) => {
    const configs = [{ name, configOperation, value }]
    await admin.incrementalAlterConfigs({ resources: [{ ...resource, configs }] })
  }
  const { SET, DELETE } = IncrementalAlterConfigOperationTypes
  expect('configured value', await configured('retention.ms'), '123456')
  await change('max.message.bytes', SET, '5000')
  await waitFor('the altered value', async () => (await configured('max.message.bytes')) === '5000')
  expect('the value that was not named', await configured('retention.ms'), '123456')
  await change('retention.ms', DELETE, null)
  await waitFor('the default', async () => (await configured('retention.ms')) === '604800000')
}

async function adminRecords(bootstrap, admin, topic) {
  const messages = Array.from({ length: 10 }, (_, n) => ({
    topic,
    value: Buffer.from(`${n}`),
    partition: 0,
    timestamp: BigInt(1000 + n),
  }))
  await send(bootstrap, messages)
  const deleted = await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 4n }] }] })
  expect('low watermark', deleted[0].partitions[0].lowWatermark, 4n)
  for (const [timestamp, offset] of [
    [EARLIEST, 4n],
    [LATEST, 10n],
    [1007n, 7n],
  ]) {
    const partitions = [{ partitionIndex: 0, timestamp }]
    const [found] = await admin.listOffsets({ topics: [{ name: topic, partitions }] })
    expect(`offset at ${timestamp}`, found.partitions[0].offset, offset)
  }
}

async function adminGroups(bootstrap, admin, topic, group) {
  const member = await join(bootstrap, group, topic)
  await waitFor('six records', () => member.has(6))
  const described = (await admin.describeGroups({ groups: [group] })).get(group)
  expect('group', [described.state, described.protocolType, described.members.size], ['Stable', 'consumer', 1])
  await member.leave()
  expect('listed', (await admin.listGroups()).get(group).protocolType, 'consumer')
  expect('committed', await committed(admin, group), [10n])
  const topics = [{ name: topic, partitionOffsets: [{ partition: 0, offset: 5n }] }]
  await admin.alterConsumerGroupOffsets({ groupId: group, topics })
  expect('altered', await committed(admin, group), [5n])
  await admin.deleteGroups({ groups: [group] })
  await expectId('a second deletion', 'GROUP_ID_NOT_FOUND', () => admin.deleteGroups({ groups: [group] }))
}

async function expectId(what, id, call) {
  const error = await errorOf(what, call)
  if (!error.findBy?.('apiId', id)) expect(what, error.apiId ?? `${error.name}: ${error.message}`, id)
}

async function errors(bootstrap, prefix) {
  const topic = `${prefix}-errors`
  const unknown = `${prefix}-unknown`
  await create(bootstrap, topic, 1)
  const large = { topic, value: Buffer.alloc(2_000_000) }
  await expectId('a record of 2 MB', 'MESSAGE_TOO_LARGE', () => send(bootstrap, [large]))
  expect('the next record', await send(bootstrap, [{ topic, value: Buffer.from('small') }]), [[0, 0n]])
  await withAdmin(bootstrap, async admin => {
    const created = name => () => admin.createTopics({ topics: [name], partitions: 1, replicas: 1 })
    await expectId('an existing topic', 'TOPIC_ALREADY_EXISTS', created(topic))
    await expectId('an invalid name', 'INVALID_TOPIC_EXCEPTION', created(`${prefix} with blanks`))
    const deletion = () => admin.deleteTopics({ topics: [unknown] })
    await expectId('deleting an unknown topic', 'UNKNOWN_TOPIC_OR_PARTITION', deletion)
  })
  const lost = { topic: unknown, value: Buffer.from('x') }
  const error = await errorOf('writing to an unknown topic', () => send(bootstrap, [lost]))
  // the client's own words for Kafka's error in the metadata
  expect('writing to an unknown topic', [error.code, error.message], ['PLT_KFK_USER', `Unknown topic ${unknown}.`])
}

await run({ 'produce-consume': produceConsume, idempotent, 'group-rebalance': groupRebalance, admin, errors })
