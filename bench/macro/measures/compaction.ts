/**
 * The cleaner of each broker over the same log: how fast, how much memory, and what requests to another topic notice of it.
 *
 * The log is filled while nothing of it is worth cleaning (`min.cleanable.dirty.ratio` 1), so that a cleaning begins when the topic is altered and has
 * ended when `cleaner-offset-checkpoint` says so. MB are bytes of the log below its active segment, each counted once, however often it is read.
 * Memory is the most that is resident while it is cleaned, less what the same broker has over the same folder with `log.cleaner.enable=false`: Kafka's
 * buffers are taken at the start and belong to the figure as much as what it takes on the way.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  BatchBuilder,
  type CompressionCodec,
  CreateTopics,
  Fetch,
  IncrementalAlterConfigs,
  Produce,
} from '@millrace/protocol'
import { parseOffsetCheckpoint } from '@millrace/storage'
import { WireClient } from '@millrace/testkit'
import { type Broker, freshFolder, type Kind, removeFolder, startBroker } from '../../../test/interop/broker.ts'
import { type Measure, pause, residentMb } from '../measure.ts'

interface Load {
  readonly name: string
  readonly codec: CompressionCodec
  readonly valueBytes: number
  readonly count: number
}
const loads: readonly Load[] = [
  { name: '100', codec: 'none', valueBytes: 100, count: 4_000_000 },
  { name: '1024', codec: 'none', valueBytes: 1024, count: 600_000 },
  { name: '1024-lz4', codec: 'lz4', valueBytes: 1024, count: 600_000 },
]
const RECORDS_OF_A_KEY = 10
const BATCH_BYTES = 64 * 1024
const IN_FLIGHT = 5
const TOPIC = 'table'
const FOLDER = `${TOPIC}-0`
const SEGMENT_BYTES = 64 * 1024 * 1024
const SETTLE_MS = 3_000
const LIMIT_MS = 240_000
const LOOK_MS = 10
const TOPIC_RESOURCE = 2
const SET = 0

interface Outcome {
  readonly mbPerSecond: number
  readonly memoryMb: number
}

/** Whoever measures the speed has measured the memory: the figures of a load wait here for the measure that asks for them. */
const measured = new Map<string, number[]>()
const waiting = (kind: Kind, load: Load): number[] => {
  const key = `${kind} ${load.name}`
  if (!measured.has(key)) measured.set(key, [])
  return measured.get(key)!
}

type Within = <T>(settings: Record<string, string>, use: (broker: Broker) => Promise<T>) => Promise<T>

/** Starts the broker again and again over one folder. */
async function inFolder<R>(kind: Kind, use: (within: Within) => Promise<R>): Promise<R> {
  const folder = freshFolder(kind)
  let port: number | undefined
  const within: Within = async (settings, run) => {
    const broker = await startBroker(kind, folder, { settings: { ...OWN[kind], ...settings }, ...(port && { port }) })
    port = broker.port
    try {
      return await run(broker)
    } finally {
      await broker.stop()
    }
  }
  try {
    return await use(within)
  } finally {
    removeFolder(folder)
  }
}

const measure = (kind: Kind, load: Load): Promise<Outcome> =>
  inFolder(kind, async within => {
    await within({ 'log.cleaner.enable': 'false' }, broker => fill(broker, load))
    const before = await within({ 'log.cleaner.enable': 'false' }, async broker => {
      await pause(SETTLE_MS)
      return residentMb(broker.pid)
    })
    return await within({ 'log.cleaner.backoff.ms': '50' }, async broker => {
      await pause(SETTLE_MS)
      const { mbPerSecond, residentMbMax } = await cleaning(broker)
      return { mbPerSecond, memoryMb: residentMbMax - before }
    })
  })

const PINGS_PER_SECOND = 100
const IDLE_MS = 10_000

interface Latency {
  readonly idleMs: number
  readonly besideMs: number
}

/** 99 of 100 records of another topic are written and fetched again in so long, without a cleaning and with one. */
const latency = (kind: Kind, load: Load): Promise<Latency> =>
  inFolder(kind, async within => {
    await within({ 'log.cleaner.enable': 'false' }, broker => fill(broker, load))
    return within({ 'log.cleaner.backoff.ms': '50' }, async broker => {
      await using client = await WireClient.connect({ port: broker.port })
      await createTopic(client, 'other', {})
      await pings(client, pause(SETTLE_MS))
      const idle = await pings(client, pause(IDLE_MS))
      const beside = await pings(client, cleaning(broker))
      process.stderr.write(`${idle.length} records before and ${beside.length} beside a cleaning\n`)
      return { idleMs: p99(idle), besideMs: p99(beside) }
    })
  })

/** How long each took, until the promise resolves. */
async function pings(client: WireClient, until: Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  let isOver = false
  const over = until.finally(() => {
    isOver = true
  })
  while (!isOver) {
    const begun = performance.now()
    const fetchOffset = await produce(client, 'other', batchOf({ ...loads[0]!, count: 10 }, 0, 1))
    const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }]
    await client.request(Fetch, 11, {
      replicaId: -1,
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 1 << 20,
      topics: [{ topic: 'other', partitions }],
    })
    times.push(performance.now() - begun)
    await pause(1000 / PINGS_PER_SECOND)
  }
  await over
  return times
}

const p99 = (times: number[]): number => times.sort((a, b) => a - b)[Math.floor((times.length - 1) * 0.99)]!

const OWN: Record<Kind, Record<string, string>> = { millrace: { 'millrace.admin.listener': '127.0.0.1:0' }, kafka: {} }

async function cleaning(broker: Broker): Promise<{ mbPerSecond: number; residentMbMax: number }> {
  const { active, bytes } = closedSegments(broker.data)
  let residentMbMax = residentMb(broker.pid)
  const begun = performance.now()
  await makeDirty(broker)
  while (cleanedUpTo(broker.data) < active) {
    if (performance.now() - begun > LIMIT_MS) throw new Error(`cleaned up to ${cleanedUpTo(broker.data)} of ${active}`)
    await pause(LOOK_MS)
    residentMbMax = Math.max(residentMbMax, residentMb(broker.pid))
  }
  return { mbPerSecond: bytes / 1e3 / (performance.now() - begun), residentMbMax }
}

function closedSegments(data: string): { readonly active: number; readonly bytes: number } {
  const names = readdirSync(join(data, FOLDER))
    .filter(name => name.endsWith('.log'))
    .sort()
  const sizes = names.slice(0, -1).map(name => statSync(join(data, FOLDER, name)).size)
  return { active: Number(names.at(-1)!.slice(0, 20)), bytes: sizes.reduce((sum, size) => sum + size, 0) }
}

function cleanedUpTo(data: string): number {
  try {
    return parseOffsetCheckpoint(readFileSync(join(data, 'cleaner-offset-checkpoint')))?.get(FOLDER) ?? 0
  } catch {
    return 0
  }
}

async function makeDirty({ port }: Broker): Promise<void> {
  await using client = await WireClient.connect({ port })
  const configs = [{ name: 'min.cleanable.dirty.ratio', configOperation: SET, value: '0.01' }]
  const resources = [{ resourceType: TOPIC_RESOURCE, resourceName: TOPIC, configs }]
  const { responses } = await client.request(IncrementalAlterConfigs, 1, { resources })
  if (responses[0]!.errorCode !== 0) throw new Error(`alter topic: error ${responses[0]!.errorCode}`)
}

async function fill(broker: Broker, load: Load): Promise<void> {
  await using client = await WireClient.connect({ port: broker.port, timeoutMs: LIMIT_MS })
  const configs = {
    'cleanup.policy': 'compact',
    'segment.bytes': String(SEGMENT_BYTES),
    'min.cleanable.dirty.ratio': '1',
  }
  await createTopic(client, TOPIC, configs)
  const inBatch = Math.ceil(BATCH_BYTES / (load.valueBytes + 30))
  let written = 0
  const lane = async (): Promise<void> => {
    while (written < load.count) {
      const from = written
      written += inBatch
      await produce(client, TOPIC, batchOf(load, from, Math.min(inBatch, load.count - from)))
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
}

/** Keys come in an order of no order; values are half words that come again, half what no codec makes smaller. */
function batchOf({ valueBytes, codec, count }: Load, from: number, inBatch: number): Buffer {
  const keys = Math.floor(count / RECORDS_OF_A_KEY)
  const builder = new BatchBuilder(inBatch * (valueBytes + 40))
  const value = Buffer.alloc(valueBytes, 'a value of a record, of which a half is words; ')
  for (let i = 0; i < inBatch; i++) {
    let word = Math.imul(from + i + 1, 0x9e3779b1) >>> 0
    const key = Buffer.from(`customer-${word % keys}`)
    for (let at = 0; at + 4 <= valueBytes / 2; at += 4) {
      word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0
      value.writeUInt32BE(word, at)
    }
    builder.append({ timestamp: 1_764_000_000_000 + from + i, key, value })
  }
  return builder.build({ codec })
}

async function createTopic(client: WireClient, name: string, configs: Readonly<Record<string, string>>): Promise<void> {
  const entries = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
  const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: entries }
  const { topics } = await client.request(CreateTopics, 5, { topics: [topic], timeoutMs: 30_000 })
  if (topics[0]!.errorCode !== 0) throw new Error(`create topic: error ${topics[0]!.errorCode}`)
}

/** A topic that was just made may have no leader yet: NOT_LEADER for a while. */
async function produce(client: WireClient, topic: string, records: Buffer): Promise<number> {
  const body = {
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records: [records] }] }],
  }
  for (let attempt = 0; ; attempt++) {
    const { responses } = await client.request(Produce, 9, body)
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
    if (errorCode === 0) return baseOffset
    if (attempt > 100) throw new Error(`produce: error ${errorCode}`)
    await pause(50)
  }
}

const rateOf = (load: Load): Measure => ({
  name: `compaction-${load.name}`,
  unit: 'MB/s',
  wanted: '≥ 1.0 ×',
  async run(kind) {
    const { mbPerSecond, memoryMb } = await measure(kind, load)
    waiting(kind, load).push(memoryMb)
    return mbPerSecond
  },
})

const memoryOf = (load: Load): Measure => ({
  name: `compaction-${load.name}-memory`,
  unit: 'MB',
  wanted: '≤ 0.1 ×',
  run: async kind => waiting(kind, load).shift() ?? (await measure(kind, load)).memoryMb,
})

/** What nobody waits for while nothing is cleaned, and is to wait for while something is. */
const LONG: Load = { name: 'long', codec: 'none', valueBytes: 1024, count: 1_000_000 }

const besideCompaction: Measure = {
  name: 'p99-beside-compaction',
  unit: 'ms',
  wanted: '≤ 10 ms',
  async run(kind) {
    const { idleMs, besideMs } = await latency(kind, LONG)
    waiting(kind, LONG).push(idleMs)
    return besideMs
  },
}
const withoutCompaction: Measure = {
  name: 'p99-without-compaction',
  unit: 'ms',
  wanted: '≤ 10 ms',
  run: async kind => waiting(kind, LONG).shift() ?? (await latency(kind, LONG)).idleMs,
}

export const compaction: readonly Measure[] = [
  ...loads.flatMap(load => [rateOf(load), memoryOf(load)]),
  besideCompaction,
  withoutCompaction,
]
