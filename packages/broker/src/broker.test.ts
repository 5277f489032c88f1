import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { createLogger } from '@millrace/base'
import { ApiVersions, BatchBuilder, CreateTopics, Fetch, JoinGroup, Metadata, Produce } from '@millrace/protocol'
import { startTestBroker, type TestBroker, type WireClient } from '@millrace/testkit'
import { parseExposition } from './metrics/exposition-fixture.ts'
import { metricTable } from './metrics/metric-table.ts'

const TIMEOUT = { timeout: 30_000 }

async function createTopic(client: WireClient, name: string, numPartitions = 1): Promise<void> {
  const { topics } = await client.request(CreateTopics, 7, {
    topics: [{ name, numPartitions, replicationFactor: -1, assignments: [], configs: [] }],
    timeoutMs: 5_000,
    validateOnly: false,
  })
  assert.equal(topics[0]!.errorCode, 0)
}

function batchOf(count: number): Buffer {
  const builder = new BatchBuilder()
  for (let i = 0; i < count; i++) builder.append({ timestamp: Date.now(), value: Buffer.from(`v${i}`) })
  return builder.build({})
}

const askMetadata = (client: WireClient) =>
  client.request(Metadata, 12, {
    topics: null,
    allowAutoTopicCreation: false,
    includeTopicAuthorizedOperations: false,
  })

const produceTo = (client: WireClient, topic: string, records: Buffer, index = 0) =>
  client.request(Produce, 9, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 1_000,
    topicData: [{ name: topic, partitionData: [{ index, records: [records] }] }],
  })

const fetchFrom = (client: WireClient, topic: string, fetchOffset: number, maxWaitMs = 0) =>
  client.request(Fetch, 12, {
    replicaId: -1,
    maxWaitMs,
    minBytes: 1,
    maxBytes: 1 << 20,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }] }],
    forgottenTopicsData: [],
    rackId: '',
  })

const startWithAdmin = () => startTestBroker({ settings: { 'millrace.admin.listener': 'localhost:0' } })

async function scrape({ broker }: TestBroker) {
  const response = await fetch(`http://localhost:${broker.ports.get('ADMIN')}/metrics`)
  assert.equal(response.status, 200)
  return parseExposition(await response.text())
}

test('the metrics of a broker at work parse, and count what was done', TIMEOUT, async () => {
  await using broker = await startWithAdmin()
  const client = await broker.connect()
  await client.request(ApiVersions, 4, { clientSoftwareName: 'test', clientSoftwareVersion: '1' })
  await createTopic(client, 'orders', 2)
  const batch = batchOf(3)
  await produceTo(client, 'orders', batch)
  await produceTo(client, 'orders', batchOf(2))
  await produceTo(client, 'nowhere', batchOf(1))
  await produceTo(client, 'orders', batchOf(1), 7)
  await fetchFrom(client, 'orders', 0)
  await fetchFrom(client, 'orders', 99)

  const metrics = await scrape(broker)
  const shown = (name: string, labels: Record<string, string> = {}) =>
    metrics
      .get(name)!
      .samples.find(s => JSON.stringify(Object.entries(s.labels)) === JSON.stringify(Object.entries(labels)))?.value
  const ofTopic = (name: string) => shown(`kafka_server_brokertopicmetrics_${name}_total`, { topic: 'orders' })
  assert.equal(ofTopic('messagesin'), 5)
  assert.equal(ofTopic('totalproducerequests'), 3)
  assert.equal(ofTopic('failedproducerequests'), 1)
  assert.equal(ofTopic('failedfetchrequests'), 1)
  assert.equal(ofTopic('bytesout'), ofTopic('bytesin'))
  assert.ok(ofTopic('bytesin')! > batch.length)
  assert.equal(shown('kafka_server_brokertopicmetrics_messagesin_total'), 5)
  const ofNetwork = (name: string, labels: Record<string, string>) =>
    shown(`kafka_network_requestmetrics_${name}`, labels)
  assert.equal(ofNetwork('requests_total', { request: 'Produce', version: '9' }), 4)
  assert.equal(ofNetwork('requests_total', { request: 'FetchConsumer', version: '12' }), 2)
  assert.equal(ofNetwork('errors_total', { request: 'Produce', error: 'UNKNOWN_TOPIC_OR_PARTITION' }), 2)
  assert.equal(ofNetwork('errors_total', { request: 'Fetch', error: 'OFFSET_OUT_OF_RANGE' }), 1)
  assert.ok(ofNetwork('requestbytes_total', { request: 'Produce' })! > batch.length)
  assert.equal(shown('kafka_server_replicamanager_partitioncount'), 2)
  assert.equal(broker.broker.partitionCount, 2)
  assert.equal(shown('kafka_server_socket_server_metrics_connection_count', { listener: 'PLAINTEXT' }), 1)
  assert.equal(shown('kafka_log_log_logendoffset', { topic: 'orders', partition: '0' }), 5)
  assert.ok(shown('kafka_log_log_size', { topic: 'orders', partition: '0' })! >= batch.length)
  assert.ok(shown('process_resident_memory_bytes')! > 1 << 20)
})

test('every metric of the table is shown, with its type and help, and no other', TIMEOUT, async () => {
  await using broker = await startWithAdmin()
  const client = await broker.connect()
  await createTopic(client, 'a.b-c_D')
  await askMetadata(client)
  const metrics = await scrape(broker)
  const onlyOnLinux = (name: string) => process.platform !== 'linux' && name.endsWith('_fds')
  assert.deepEqual(
    [...metrics.keys()],
    Object.keys(metricTable).filter(name => !onlyOnLinux(name)),
  )
  for (const [name, { type, help, labels }] of Object.entries(metricTable)) {
    if (onlyOnLinux(name)) continue
    const metric = metrics.get(name)!
    assert.deepEqual([metric.type, metric.help], [type, help], name)
    const legal = new Set<string>([...labels, ...(type === 'histogram' ? ['le'] : [])])
    for (const sample of metric.samples)
      for (const label of Object.keys(sample.labels)) assert.ok(legal.has(label), name)
  }
})

test('it is ready only while it runs, and the admin port is free after the stop', TIMEOUT, async () => {
  const broker = await startWithAdmin()
  const port = broker.broker.ports.get('ADMIN')!
  const client = await broker.connect()
  await askMetadata(client)
  assert.equal((await fetch(`http://localhost:${port}/readyz`)).status, 200)
  await broker.broker.stop()
  await assert.rejects(fetch(`http://localhost:${port}/readyz`))
})

test('without a configured admin listener there is no admin port', TIMEOUT, async () => {
  await using broker = await startTestBroker()
  assert.deepEqual([...broker.broker.ports.keys()], ['PLAINTEXT'])
})

test('a stop answers long polls and parked joins at once and closes the connections', TIMEOUT, async () => {
  const broker = await startTestBroker({ settings: { 'group.initial.rebalance.delay.ms': '60000' } })
  const [reader, member, idle] = [await broker.connect(), await broker.connect(), await broker.connect()]
  await createTopic(reader, 't')
  const startedMs = performance.now()
  const fetched = fetchFrom(reader, 't', 0, 60_000)
  const joined = member.request(JoinGroup, 5, {
    groupId: 'g',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    memberId: '',
    groupInstanceId: 'static',
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
  })
  // A request on another connection is served after those two have been taken in.
  await askMetadata(idle)
  await broker.broker.stop()
  assert.equal((await fetched).errorCode, 0)
  assert.notEqual((await joined).errorCode, 0)
  await Promise.all([reader.closed, member.closed, idle.closed])
  assert.ok(performance.now() - startedMs < 5_000)
  await broker.stop()
})

test('a stop does not wait for a client that keeps its end open and reads nothing', TIMEOUT, async () => {
  const broker = await startTestBroker({ settings: { 'millrace.shutdown.timeout.ms': '200' } })
  const client = await broker.connect()
  await createTopic(client, 't')
  await produceTo(client, 't', batchOf(1))
  const deaf = connect({ port: broker.port, host: '127.0.0.1', allowHalfOpen: true })
  deaf.pause()
  deaf.on('error', () => {})
  await once(deaf, 'connect')
  await broker.broker.stop()
  deaf.destroy()
  await broker.stop()
})

test(
  'connections beyond max.connections and max.connections.per.ip are refused, the others go on',
  TIMEOUT,
  async () => {
    for (const settings of [
      { 'max.connections': '2' },
      { 'max.connections.per.ip': '2' },
      { 'max.connections.per.ip': '0', 'max.connections.per.ip.overrides': '127.0.0.1:2' },
    ]) {
      await using broker = await startTestBroker({ settings })
      const first = await broker.connect()
      await askMetadata(first)
      const second = await broker.connect()
      await askMetadata(second)
      const third = await broker.connect()
      await third.closed
      await askMetadata(first)
      await second.close()
      // The place is free once the broker has seen the end.
      for (let served = false; !served; ) {
        const again = await broker.connect()
        served = await askMetadata(again).then(
          () => true,
          () => false,
        )
      }
    }
  },
)

test(
  'a silent connection is closed after connections.max.idle.ms, one that trickles as well, a busy one not',
  TIMEOUT,
  async () => {
    await using broker = await startTestBroker({ settings: { 'connections.max.idle.ms': '300' } })
    const [silent, trickling, waiting] = [await broker.connect(), await broker.connect(), await broker.connect()]
    await createTopic(waiting, 't')
    const polled = fetchFrom(waiting, 't', 0, 1_500)
    trickling.write(Buffer.from([0, 0]))
    const dripping = setInterval(() => trickling.write(Buffer.from([0])), 50)
    await Promise.all([silent.closed, trickling.closed])
    clearInterval(dripping)
    assert.equal((await polled).errorCode, 0)
  },
)

test('a storm of refused connections is one line a second in the log', TIMEOUT, async () => {
  const lines: string[] = []
  const logger = createLogger({ level: 'warn', format: 'json', write: line => lines.push(line) })
  await using broker = await startTestBroker({ settings: { 'max.connections': '0' }, logger })
  const startedMs = performance.now()
  const clients = await Promise.all(Array.from({ length: 50 }, () => broker.connect()))
  await Promise.all(clients.map(({ closed }) => closed))
  assert.ok(lines.length <= 1 + (performance.now() - startedMs) / 1_000, lines.join(''))
  assert.match(lines[0]!, /refused a connection: 0 are open already \(max.connections\)/)
})

test('with a negative connections.max.idle.ms nobody is closed for silence', TIMEOUT, async () => {
  await using broker = await startTestBroker({ settings: { 'connections.max.idle.ms': '-1' } })
  const client = await broker.connect()
  await createTopic(client, 't')
  await fetchFrom(client, 't', 0, 300)
  await askMetadata(client)
})
