// Apache Kafka and Millrace clean the same log, and what remains is the same, batch for batch and record for record.
//   node compaction.ts [--records 200000] [--rounds 2] [--seed N] [--keep]
// Apache Kafka writes the log with its cleaner off and stops. A copy of the folder is cleaned by Millrace, the original by Apache Kafka. In the second
// round more is written to what Apache Kafka left: now tombstones and markers of the first are due to go.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { silentLogger, systemClock } from '@millrace/base'
import {
  attributesOf,
  baseOffsetOf,
  baseSequenceOf,
  baseTimestampOf,
  batchPositions,
  crc32c,
  hasValidCrc,
  lastOffsetOf,
  maxTimestampOf,
  partitionLeaderEpochOf,
  producerEpochOf,
  producerIdOf,
  readRecords,
  recordCountOf,
} from '@millrace/protocol'
import {
  defaultDiskSettings,
  openDiskEngine,
  openMemoryCatalog,
  parseOffsetCheckpoint,
  parsePartitionMetadata,
} from '@millrace/storage'
import { sampleConfig } from '../../packages/storage/src/conformance.ts'
import { defaultCleanerSettings } from '../../packages/storage/src/log/cleaner/log-cleaner.ts'
import { type Broker, freshFolder, keepFolder, removeFolder, startBroker } from './broker.ts'
import { dumpLogs } from './dump-log.ts'
import { run } from './process.ts'
import { installExchange } from './storage-exchange.ts'

const TOPIC = 'compaction-table'
const FOLDER = `${TOPIC}-0`
const CHECKPOINT = 'cleaner-offset-checkpoint'
const STEP_LIMIT_MS = 600_000
const DELETE_RETENTION_MS = 1_000
/** Of a batch's attributes: its base timestamp is the time from which tombstones in it may go, which is no cleaner's to agree on with another. */
const HORIZON_BIT = 0x40

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
})

const source = freshFolder('compaction-kafka')
let port: number | undefined

async function withKafka(isCleaning: boolean, use: (broker: Broker) => Promise<void>): Promise<void> {
  const settings = {
    'log.cleaner.enable': String(isCleaning),
    'log.cleaner.backoff.ms': '200',
    'log.cleaner.dedupe.buffer.size': '134217728',
    'log.initial.task.delay.ms': '100',
    'log.segment.delete.delay.ms': '100',
  }
  const broker = await startBroker('kafka', source, port === undefined ? { settings } : { settings, port })
  port = broker.port
  try {
    await use(broker)
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${broker.logTail(30)}`)
  } finally {
    await broker.stop()
  }
}

async function write(broker: Broker, count: number, seed: number): Promise<void> {
  const java = join(process.env.INTEROP_CACHE ?? join(process.env.HOME ?? '.', '.cache/millrace-interop'), 'java-4')
  const args = [
    '-Xmx512m',
    '-XX:+UseSerialGC',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    '-cp',
    `${java}/classes:${java}/libs/*`,
  ]
  const program = ['interop.Compaction', broker.bootstrap, TOPIC, String(count), String(seed)]
  const ran = await run('java', [...args, ...program], { limitMs: STEP_LIMIT_MS })
  if (ran.code !== 0) throw new Error(`the producers ended with ${ran.code}: ${ran.stderr.slice(-2_000)}`)
}

const segmentsOf = (data: string): number[] =>
  readdirSync(join(data, FOLDER))
    .filter(name => /^\d{20}\.log$/.test(name))
    .map(name => Number(name.slice(0, 20)))
    .sort((a, b) => a - b)

/** Everything below the active segment is clean. */
async function cleaned(data: string): Promise<void> {
  const active = segmentsOf(data).at(-1)!
  const deadline = performance.now() + STEP_LIMIT_MS
  for (;;) {
    const offset = cleanedUpTo(data)
    if (offset >= active) return
    if (performance.now() > deadline) throw new Error(`cleaned up to ${offset} of ${active}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

function cleanedUpTo(data: string): number {
  try {
    return parseOffsetCheckpoint(readFileSync(join(data, CHECKPOINT)))?.get(FOLDER) ?? 0
  } catch {
    return 0
  }
}

async function cleanWithMillrace(data: string): Promise<number> {
  const topicId = parsePartitionMetadata(readFileSync(join(data, FOLDER, 'partition.metadata')))!
  const cleaner = { ...defaultCleanerSettings, backoffMs: 100 }
  const engine = await openDiskEngine({
    dirs: [data],
    catalog: openMemoryCatalog(),
    clock: systemClock,
    logger: silentLogger,
    settings: { ...defaultDiskSettings, cleaner: () => cleaner },
  })
  const config = {
    ...sampleConfig,
    cleanupPolicy: ['compact'] as const,
    segmentBytes: 1_048_576,
    minCleanableDirtyRatio: 0.01,
    deleteRetentionMs: DELETE_RETENTION_MS,
    fileDeleteDelayMs: 0,
  }
  const begun = performance.now()
  const report = await engine.logs.start([{ topic: TOPIC, topicId, partitionCount: 1, config }])
  if (report.failures.length > 0) throw new Error(`the folder cannot be opened: ${report.failures[0]?.reason}`)
  await cleaned(data)
  const tookMs = performance.now() - begun
  await engine.close()
  return tookMs
}

interface Remains {
  readonly lines: string[]
  readonly batches: number
  readonly records: number
  readonly bytes: number
}

/** A line for each segment, batch, record and aborted transaction. */
function remainsOf(data: string): Remains {
  const lines: string[] = []
  let batches = 0
  let records = 0
  let bytes = 0
  for (const base of segmentsOf(data)) {
    const path = join(data, FOLDER, String(base).padStart(20, '0'))
    const log = readFileSync(`${path}.log`)
    bytes += log.length
    lines.push(`segment ${base}`)
    for (const at of batchPositions(log)) {
      if (!hasValidCrc(log, at)) throw new Error(`${path}.log has a batch at ${at} with a wrong checksum`)
      lines.push(describeBatch(log, at))
      batches++
      for (const record of readRecords(log, at, { maxBytes: 1 << 28 })) {
        records++
        const headers = record.headers.map(({ key, value }) => `${key}=${value?.toString('hex')}`).join(',')
        lines.push(
          `  ${record.offset} ${record.timestamp} ${record.key?.toString()} ${record.value === null ? 'null' : crc32c(record.value)} ${headers}`,
        )
      }
    }
    const aborted = readdirSync(join(data, FOLDER)).includes(`${path.slice(-20)}.txnindex`)
      ? readFileSync(`${path}.txnindex`)
      : Buffer.alloc(0)
    for (let at = 0; at + 34 <= aborted.length; at += 34) lines.push(`aborted ${aborted.toString('hex', at, at + 34)}`)
  }
  return { lines, batches, records, bytes }
}

function describeBatch(log: Buffer, at: number): string {
  const attributes = attributesOf(log, at)
  const hasHorizon = (attributes & HORIZON_BIT) !== 0
  return [
    `batch ${baseOffsetOf(log, at)}..${lastOffsetOf(log, at)}`,
    `epoch ${partitionLeaderEpochOf(log, at)}`,
    `attributes ${attributes}`,
    `times ${hasHorizon ? 'horizon' : baseTimestampOf(log, at)} ${maxTimestampOf(log, at)}`,
    `producer ${producerIdOf(log, at)} ${producerEpochOf(log, at)} ${baseSequenceOf(log, at)}`,
    `count ${recordCountOf(log, at)}`,
  ].join(' ')
}

function compare(kafka: Remains, millrace: Remains): void {
  for (let i = 0; i < Math.max(kafka.lines.length, millrace.lines.length); i++)
    if (kafka.lines[i] !== millrace.lines[i])
      throw new Error(
        `differs at line ${i}\n  kafka:    ${kafka.lines[i] ?? 'nothing'}\n  millrace: ${millrace.lines[i] ?? 'nothing'}`,
      )
}

/** The partition as it is, in a data folder of its own. */
function copyOf(data: string): string {
  const folder = freshFolder('compaction-millrace')
  const target = join(folder, 'data')
  mkdirSync(target)
  cpSync(join(data, FOLDER), join(target, FOLDER), { recursive: true })
  for (const name of [
    '.kafka_cleanshutdown',
    CHECKPOINT,
    'recovery-point-offset-checkpoint',
    'log-start-offset-checkpoint',
  ])
    if (readdirSync(data).includes(name)) cpSync(join(data, name), join(target, name))
  return target
}

async function round(number: number): Promise<string> {
  const data = join(source, 'data')
  await withKafka(false, broker => write(broker, Number(values.records), Number(values.seed) * 1_000 + number))
  const before = remainsOf(data)
  const copy = copyOf(data)
  await new Promise(resolve => setTimeout(resolve, DELETE_RETENTION_MS))
  const tookMs = await cleanWithMillrace(copy)
  const begun = performance.now()
  await withKafka(true, () => cleaned(data))
  const kafkaMs = performance.now() - begun
  const [kafka, millrace] = [remainsOf(data), remainsOf(copy)]
  compare(kafka, millrace)
  const dumped = await dumpLogs(copy, /compaction/)
  if (dumped.complaints.length > 0) throw new Error(`kafka-dump-log: ${dumped.complaints.slice(0, 3).join('; ')}`)
  if (values.keep) keepFolder(join(copy, '..'))
  else rmSync(copy, { recursive: true })
  return (
    `${before.records} records in ${before.batches} batches, ${(before.bytes / 1e6).toFixed(1)} MB; both leave ${kafka.records} in ${kafka.batches}, ` +
    `${(kafka.bytes / 1e6).toFixed(1)} MB; start and cleaning took ${(tookMs / 1000).toFixed(1)} s here, ${(kafkaMs / 1000).toFixed(1)} s there; ${dumped.fileCount} files dumped`
  )
}

await installExchange()
try {
  for (let number = 1; number <= Number(values.rounds); number++)
    console.log(`ok round ${number}: ${await round(number)}`)
} catch (error) {
  console.log(`not ok: ${(error as Error).message}`)
  process.exitCode = 1
} finally {
  if (values.keep) keepFolder(source)
  else removeFolder(source)
}
