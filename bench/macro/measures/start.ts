/** From the start command to the first acknowledged record, over a folder that was used before; and what many partitions cost. */
import { BatchBuilder, Produce } from '@millrace/protocol'
import { WireClient } from '@millrace/testkit'
import { type Broker, freshFolder, type Kind } from '../../../test/interop/broker.ts'
import { load, of } from '../load.ts'
import { cpuSeconds, less, type OwnMeasure, pause, residentMb, startMeasured, type Values } from '../measure.ts'
import { createTopic } from '../topics.ts'

const TOPIC_PARTITIONS = 1000
const PRODUCE_VERSION = 9
/** So often to warm up, and so often again of which the median is taken: with fewer a virtual machine has hardly compiled anything yet. */
const METADATA_ROUNDS = 500
const FIRST_RECORD_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 120_000
const FIRST_RECORD_PAUSE_MS = 2

interface Prepared {
  readonly folder: string
  readonly port: number
}
/** Made once a run: that takes far longer than the starts that are measured. */
const folders = new Map<string, Promise<Prepared>>()

async function prepare(kind: Kind, topics: readonly number[]): Promise<Prepared> {
  const folder = freshFolder(kind)
  const broker = await startMeasured(kind, folder)
  try {
    for (const [i, partitions] of topics.entries()) await createTopic(broker, `start-${i}`, partitions)
    await load('metadata', broker, { partitions: topics.reduce((sum, n) => sum + n, 0), rounds: 1 })
  } finally {
    await end(broker)
  }
  return { folder, port: broker.port }
}

/** What `use` says of a broker that starts over a folder with these topics. */
async function startedAgain(
  kind: Kind,
  topics: readonly number[],
  use: (start: () => Promise<Broker>) => Promise<Values>,
): Promise<Values> {
  const key = `${kind} ${topics}`
  let preparing = folders.get(key)
  if (preparing === undefined) folders.set(key, (preparing = prepare(kind, topics)))
  const { folder, port } = await preparing
  let broker: Broker | undefined
  try {
    return await use(async () => (broker = await startMeasured(kind, folder, { port })))
  } finally {
    if (broker !== undefined) await end(broker)
  }
}

/** A clean stop with many partitions takes longer than a broker is given elsewhere; a killed one would have more to do at its next start. */
async function end(broker: Broker): Promise<void> {
  process.kill(broker.pid, 'SIGTERM')
  const deadline = performance.now() + STOP_LIMIT_MS
  while (!broker.hasEnded() && performance.now() < deadline) await pause(50)
  await broker.stop()
}

const firstRecordAfter = (name: string, what: string, partitions: number): OwnMeasure => ({
  name,
  group: 'speed',
  figures: { [what]: { unit: 's', goal: less(0.1) } },
  of: (kind, isQuick) =>
    startedAgain(kind, [1, isQuick ? partitions / 10 : partitions].slice(0, partitions === 0 ? 1 : 2), async start => {
      const begun = performance.now()
      await firstRecord(await start())
      return { [what]: (performance.now() - begun) / 1000 }
    }),
})

export const starts: readonly OwnMeasure[] = [
  firstRecordAfter('start', 'start to first acknowledged record, empty', 0),
  firstRecordAfter('start-1000', 'start to first acknowledged record, 1,000 partitions', TOPIC_PARTITIONS),
]

export const manyPartitions: OwnMeasure = {
  name: 'partitions-10000',
  group: 'speed',
  figures: {
    '10,000 partitions: start until all are led': { unit: 's', goal: less(0.2) },
    '… metadata of all': { unit: 'ms', goal: less(0.2) },
    '… idle CPU': { unit: '% of a core', goal: less(0.2) },
    '… resident': { unit: 'MB', goal: less(0.2) },
  },
  of(kind, isQuick) {
    const topics = Array.from({ length: 10 }, () => (isQuick ? TOPIC_PARTITIONS / 10 : TOPIC_PARTITIONS))
    const partitions = topics.reduce((sum, n) => sum + n, 0)
    return startedAgain(kind, topics, async start => {
      const begun = performance.now()
      const broker = await start()
      await load('metadata', broker, { partitions, rounds: 1 })
      const startS = (performance.now() - begun) / 1000
      const metadata = await load('metadata', broker, { partitions, rounds: isQuick ? 5 : METADATA_ROUNDS })
      const idle = await idleShare(broker, isQuick ? 1_000 : 8_000)
      return {
        '10,000 partitions: start until all are led': startS,
        '… metadata of all': of(metadata, 'p50'),
        '… idle CPU': idle * 100,
        '… resident': residentMb(broker.pid),
      }
    })
  },
}

/** The share of a core that a broker takes with nobody connected. */
async function idleShare(broker: Broker, forMs: number): Promise<number> {
  await pause(forMs / 2)
  const begun = performance.now()
  const before = cpuSeconds(broker.pid)
  await pause(forMs)
  return (cpuSeconds(broker.pid) - before) / ((performance.now() - begun) / 1000)
}

/** A broker that listens may still not lead its partitions: Kafka's answers NOT_LEADER for a while. */
async function firstRecord(broker: Broker): Promise<void> {
  const batch = new BatchBuilder()
  batch.append({ timestamp: Date.now(), key: null, value: Buffer.alloc(100, 'x'), headers: [] })
  const partitionData = [{ index: 0, records: [batch.build({ codec: 'none' })] }]
  const body = { acks: -1, timeoutMs: 30_000, topicData: [{ name: 'start-0', partitionData }] }
  const deadline = performance.now() + FIRST_RECORD_LIMIT_MS
  for (;;) {
    let code: unknown
    try {
      await using client = await WireClient.connect({ port: broker.port })
      const { responses } = await client.request(Produce, PRODUCE_VERSION, body)
      code = responses[0]!.partitionResponses[0]!.errorCode
      if (code === 0) return
    } catch (error) {
      code = error
    }
    if (performance.now() > deadline) throw new Error('no record was taken after the start', { cause: code })
    await pause(FIRST_RECORD_PAUSE_MS)
  }
}
