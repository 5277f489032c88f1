/** Figures of the broker itself, taken with ready-made requests, so that the client costs next to nothing. */
import { connect, type Socket } from 'node:net'
import { BatchBuilder, CreateTopics, Produce } from '@millrace/protocol'
import { WireClient } from '@millrace/testkit'
import { type Broker, freshFolder, type Kind, removeFolder, startBroker } from '../../../test/interop/broker.ts'
import { cpuSeconds, type Measure, pause, residentMb, withBroker } from '../measure.ts'

const SETTLE_MS = 5_000
const PRODUCE_VERSION = 9
const CREATE_VERSION = 5

export const idleMemory: Measure = {
  name: 'idle-memory',
  unit: 'MB',
  wanted: '≤ 90 MB',
  run: (kind: Kind) =>
    withBroker(kind, async broker => {
      await pause(SETTLE_MS)
      return residentMb(broker.pid)
    }),
}

/** From the start command to the first acknowledged record, over a folder that was used before. */
export const startTime: Measure = {
  name: 'start-to-first-record',
  unit: 's',
  wanted: '≤ 0.7 s',
  async run(kind) {
    const folder = freshFolder(kind)
    try {
      const first = await startBroker(kind, folder)
      await createTopic(first, 'start', 1)
      await first.stop()
      const begun = performance.now()
      const broker = await startBroker(kind, folder, { port: first.port })
      await firstRecord(broker)
      const seconds = (performance.now() - begun) / 1000
      await broker.stop()
      return seconds
    } finally {
      removeFolder(folder)
    }
  },
}

const CONNECTIONS = 8_000

/** Per connection, so that it does not hang on how many the system lets one client open. */
export const idleConnections: Measure = {
  name: '10k-idle-connections',
  unit: 'MB',
  wanted: '≤ 250 MB more',
  run: kind =>
    withBroker(kind, async broker => {
      await pause(SETTLE_MS)
      const before = residentMb(broker.pid)
      const sockets: Socket[] = []
      for (let i = 0; i < CONNECTIONS; i++) sockets.push(await opened(broker.port))
      await pause(SETTLE_MS)
      const more = residentMb(broker.pid) - before
      for (const socket of sockets) socket.destroy()
      return (more / CONNECTIONS) * 10_000
    }),
}

const REQUESTS = 100_000
const IN_FLIGHT = 5

/** CPU of the broker for a produce request with one record of 100 bytes, five in flight on one connection. */
export const smallRequestCpu: Measure = {
  name: 'small-request-cpu',
  unit: 'µs',
  wanted: '≤ 40 µs',
  run: kind =>
    withBroker(kind, async broker => {
      await createTopic(broker, 'small', 1)
      await using client = await WireClient.connect({ port: broker.port })
      await produceMany(client, 'small', REQUESTS / 5)
      const before = cpuSeconds(broker.pid)
      await produceMany(client, 'small', REQUESTS)
      return ((cpuSeconds(broker.pid) - before) / REQUESTS) * 1e6
    }),
}

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.once('error', reject)
  })
}

function oneRecord(): Buffer {
  const batch = new BatchBuilder()
  batch.append({ timestamp: Date.now(), key: null, value: Buffer.alloc(100, 'x'), headers: [] })
  return batch.build({ codec: 'none' })
}

const produceRequest = (topic: string, records: Buffer) => ({
  acks: -1,
  timeoutMs: 30_000,
  topicData: [{ name: topic, partitionData: [{ index: 0, records: [records] }] }],
})

async function produceMany(client: WireClient, topic: string, count: number): Promise<void> {
  const body = produceRequest(topic, oneRecord())
  let left = count
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const { responses } = await client.request(Produce, PRODUCE_VERSION, body)
      const code = responses[0]!.partitionResponses[0]!.errorCode
      if (code !== 0) throw new Error(`produce: error ${code}`)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
}

export async function createTopic(broker: Broker, name: string, numPartitions: number): Promise<void> {
  await using client = await WireClient.connect({ port: broker.port })
  const topic = { name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }
  const { topics } = await client.request(CreateTopics, CREATE_VERSION, { topics: [topic] })
  if (topics[0]!.errorCode !== 0) throw new Error(`create topic: error ${topics[0]!.errorCode}`)
}

/** A broker that listens may still not lead its partitions: Kafka's answers NOT_LEADER for a while. */
async function firstRecord(broker: Broker): Promise<void> {
  const body = produceRequest('start', oneRecord())
  const deadline = performance.now() + 60_000
  for (;;) {
    try {
      await using client = await WireClient.connect({ port: broker.port })
      const { responses } = await client.request(Produce, PRODUCE_VERSION, body)
      if (responses[0]!.partitionResponses[0]!.errorCode === 0) return
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await pause(5)
  }
}
