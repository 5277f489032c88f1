// Live brokers clean what is written to them, and what remains is the same, record for record.
//   node compaction-live.ts [--records 2000000] [--seed N] [--kills 12] [--only kafka,kills] [--keep]
// kafka: the same records go into Apache Kafka and into Millrace while their cleaners run. kills: Millrace is killed in the midst of cleaning, again and
// again, and comes to what it leaves when it is left in peace.
//
// In the end a record is written that begins a new segment, once for each round of cleaning, so that all else is cleaned, tombstones and markers whose time
// is over go, and both have come to where nothing changes any more.
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '@millrace/base'
import { BatchBuilder, IncrementalAlterConfigs, Produce } from '@millrace/protocol'
import { parseOffsetCheckpoint } from '@millrace/storage'
import { WireClient } from '@millrace/testkit'
import { type Broker, freshFolder, type Kind, keepFolder, removeFolder, startBroker } from './broker.ts'
import { type Content, compareContent, contentOf, segmentsOf } from './compaction-content.ts'
import { dumpLogs } from './dump-log.ts'
import { run } from './process.ts'
import { installExchange } from './storage-exchange.ts'

const TOPIC = 'compaction-table'
const FOLDER = `${TOPIC}-0`
const DELETE_RETENTION_MS = 1_000
const TOPIC_RESOURCE = 2
const SET = 0
const STEP_LIMIT_MS = 900_000
/** Aborted data goes, then its marker is found alone, then it goes; what held only tombstones takes as long again after those. */
const ROUNDS = 8
/** Five years, of which the topic's segment.ms are three, lie between the records, the first of the last ones, and each of these. */
const TIME_MS = 1_764_000_000_000
const APART_MS = 5 * 365 * 86_400_000

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '2000000' },
    seed: { type: 'string', default: '1' },
    kills: { type: 'string', default: '12' },
    'kill-records': { type: 'string', default: '200000' },
    only: { type: 'string', default: 'kafka,kills' },
    keep: { type: 'boolean', default: false },
  },
})

const folders: string[] = []
const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
const partitionOf = (folder: string): string => join(folder, 'data', FOLDER)

const SETTINGS: Record<Kind, Record<string, string>> = {
  kafka: { 'log.cleaner.dedupe.buffer.size': '134217728', 'log.initial.task.delay.ms': '100' },
  millrace: { 'millrace.admin.listener': '127.0.0.1:0' },
}

function folderOf(kind: string): string {
  const folder = freshFolder(`compaction-live-${kind}`)
  folders.push(folder)
  return folder
}

function startIn(kind: Kind, folder: string, settings: Record<string, string> = {}): Promise<Broker> {
  const cleaner = { 'log.cleaner.backoff.ms': '500', 'log.segment.delete.delay.ms': '100' }
  return startBroker(kind, folder, { settings: { ...SETTINGS[kind], ...cleaner, ...settings } })
}

async function write(broker: Broker, count: number): Promise<void> {
  const java = join(process.env.INTEROP_CACHE ?? join(process.env.HOME ?? '.', '.cache/millrace-interop'), 'java-4')
  const flags = ['-Xmx512m', '-XX:+UseSerialGC', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error']
  const program = ['-cp', `${java}/classes:${java}/libs/*`, 'interop.Compaction', broker.bootstrap, TOPIC]
  const ran = await run('java', [...flags, ...program, String(count), values.seed, 'in-turn'], {
    limitMs: STEP_LIMIT_MS,
  })
  if (ran.code !== 0) throw new Error(`the producers ended with ${ran.code}: ${ran.stderr.slice(-2_000)}`)
}

/** Lets what was written be cleaned, until nothing changes any more. */
async function settle(broker: Broker, folder: string): Promise<void> {
  await cleanHoweverLittle(broker)
  for (let round = 0; round < ROUNDS; round++) {
    await pause(DELETE_RETENTION_MS + 100)
    await writeLast(broker, round)
    await cleaned(folder)
  }
}

/** While much is written, a cleaning for each segment would take long; at last each record is to have one. */
async function cleanHoweverLittle({ port }: Broker): Promise<void> {
  await using client = await WireClient.connect({ port })
  const configs = [{ name: 'min.cleanable.dirty.ratio', configOperation: SET, value: '0' }]
  const resources = [{ resourceType: TOPIC_RESOURCE, resourceName: TOPIC, configs }]
  const { responses } = await client.request(IncrementalAlterConfigs, 1, { resources })
  if (responses[0]!.errorCode !== 0) throw new Error(`alter topic: error ${responses[0]!.errorCode}`)
}

async function writeLast({ port }: Broker, round: number): Promise<void> {
  await using client = await WireClient.connect({ port })
  const batch = new BatchBuilder()
  batch.append({
    timestamp: TIME_MS + (round + 1) * APART_MS,
    key: Buffer.from(`last ${round}`),
    value: Buffer.from('x'),
  })
  const partitionData = [{ index: 0, records: [batch.build({ codec: 'none' })] }]
  const { responses } = await client.request(Produce, 9, {
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: TOPIC, partitionData }],
  })
  const code = responses[0]!.partitionResponses[0]!.errorCode
  if (code !== 0) throw new Error(`the last record was refused: error ${code}`)
}

/** Everything below the active segment is clean. */
async function cleaned(folder: string): Promise<void> {
  const active = segmentsOf(partitionOf(folder)).at(-1)!
  const deadline = performance.now() + STEP_LIMIT_MS
  for (let offset = 0; offset < active; offset = cleanedUpTo(folder)) {
    if (performance.now() > deadline) throw new Error(`cleaned up to ${offset} of ${active}`)
    await pause(50)
  }
}

function cleanedUpTo(folder: string): number {
  try {
    return parseOffsetCheckpoint(readFileSync(join(folder, 'data', 'cleaner-offset-checkpoint')))?.get(FOLDER) ?? 0
  } catch {
    return 0
  }
}

async function withBroker<T>(broker: Broker, use: () => Promise<T>): Promise<T> {
  try {
    return await use()
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${broker.logTail(30)}`)
  } finally {
    await broker.stop()
  }
}

/** Written to and cleaned at the same time. */
async function live(kind: Kind, count: number): Promise<{ folder: string; content: Content; took: string }> {
  const folder = folderOf(kind)
  const begun = performance.now()
  const broker = await startIn(kind, folder)
  await withBroker(broker, async () => {
    await write(broker, count)
    await settle(broker, folder)
  })
  return {
    folder,
    content: contentOf(partitionOf(folder)),
    took: `${((performance.now() - begun) / 1000).toFixed(0)} s`,
  }
}

/**
 * Of a time index whose entry is a batch that has no records any more, and is kept for its producer, kafka-dump-log says that the times differ: of those
 * that Apache Kafka cleaned as well.
 */
const ABOUT_BARE_HEADERS = /Found timestamp mismatch/

async function dumped(folder: string): Promise<number> {
  const { complaints: all, fileCount } = await dumpLogs(join(folder, 'data'), /compaction|\/__/)
  const complaints = all.filter(complaint => !ABOUT_BARE_HEADERS.test(complaint))
  if (complaints.length > 0) throw new Error(`kafka-dump-log: ${complaints.slice(0, 3).join('; ')}`)
  return fileCount
}

async function besideKafka(): Promise<string> {
  const count = Number(values.records)
  const kafka = await live('kafka', count)
  const millrace = await live('millrace', count)
  compareContent(kafka.content, millrace.content, ['kafka', 'millrace'])
  const files = [await dumped(kafka.folder), await dumped(millrace.folder)]
  const { records, markers, lines, bytes } = millrace.content
  return (
    `${count} records written; both leave ${records} records, ${markers} markers and ${lines.length - records - markers} bare headers, ` +
    `${(bytes / 1e6).toFixed(1)} MB here and ${(kafka.content.bytes / 1e6).toFixed(1)} MB there; ${millrace.took} here and ${kafka.took} there; ` +
    `${files.join(' and ')} files dumped`
  )
}

/** So that a cleaning takes some seconds, and the kill comes in the midst of it. */
const SLOW = { 'log.cleaner.io.max.bytes.per.second': '8000000', 'log.cleaner.backoff.ms': '1' }
const KILL_LIMIT_MS = 10_000
const STEPS = ['cleaned', 'swap', 'deleted'] as const

async function killed(): Promise<string> {
  const source = folderOf('source')
  const writer = await startIn('millrace', source, { 'log.cleaner.enable': 'false' })
  await withBroker(writer, () => write(writer, Number(values['kill-records'])))
  const folder = folderOf('killed')
  cpSync(join(source, 'data'), join(folder, 'data'), { recursive: true })
  const inPeace = await startIn('millrace', source)
  await withBroker(inPeace, () => settle(inPeace, source))
  const random = seededRandom(Number(values.seed))
  const found = { cleaned: 0, swap: 0, deleted: 0, other: 0 }
  for (let kill = 0; kill < Number(values.kills); kill++) {
    // Without it all of the log is dirty again.
    rmSync(join(folder, 'data', 'cleaner-offset-checkpoint'), { force: true })
    const broker = await startIn('millrace', folder, SLOW)
    await seen(folder, STEPS[kill % STEPS.length]!)
    if (kill % 2 === 1) await pause(random.integer(300))
    process.kill(broker.pid, 'SIGKILL')
    await broker.stop()
    found[leftBehind(folder)]++
  }
  const last = await startIn('millrace', folder)
  await withBroker(last, () => settle(last, folder))
  compareContent(contentOf(partitionOf(source)), contentOf(partitionOf(folder)), ['in peace', 'killed'])
  return `${values.kills} kills (left behind: ${JSON.stringify(found)}), then the same; ${await dumped(folder)} files dumped`
}

/** Or so much time that there is none to be seen. */
async function seen(folder: string, step: (typeof STEPS)[number]): Promise<void> {
  const deadline = performance.now() + KILL_LIMIT_MS
  while (!has(folder, step) && performance.now() < deadline) await new Promise(resolve => setImmediate(resolve))
}

const has = (folder: string, step: (typeof STEPS)[number]): boolean =>
  readdirSync(partitionOf(folder)).some(name => name.endsWith(`.${step}`))

const leftBehind = (folder: string): (typeof STEPS)[number] | 'other' =>
  (['swap', 'deleted', 'cleaned'] as const).find(step => has(folder, step)) ?? 'other'

const parts = { kafka: besideKafka, kills: killed }
await installExchange()
try {
  for (const only of values.only.split(',')) console.log(`ok ${only}: ${await parts[only as keyof typeof parts]()}`)
} catch (error) {
  console.log(`not ok: ${(error as Error).message}`)
  process.exitCode = 1
} finally {
  for (const folder of folders) (values.keep ? keepFolder : removeFolder)(folder)
}
