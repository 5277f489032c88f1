// A data folder that one broker wrote is opened by the other, and every record is the same, at the same offset, found by the same time.
//   node storage-exchange.ts [--only kafka-to-millrace,millrace-to-kafka,kafka-to-kafka] [--keep]
// kafka-to-kafka shows that the test is right. Millrace takes a folder in with `millrace import`. Apache Kafka knows its topics
// from its metadata log, with an id each: they are created there first, then the files in their folders are exchanged.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Broker, freshFolder, installKafka, type Kind, keepFolder, removeFolder, startBroker } from './broker.ts'
import { dumpLogs } from './dump-log.ts'
import { run } from './process.ts'

const root = resolve(import.meta.dirname, '../..')
const cache = process.env.INTEROP_CACHE ?? join(process.env.HOME ?? '.', '.cache/millrace-interop')
/** Segments are compacted soon, so that a folder of Apache Kafka has offsets missing. */
const KAFKA_SETTINGS = {
  'log.cleaner.backoff.ms': '200',
  'log.segment.delete.delay.ms': '100',
  'log.initial.task.delay.ms': '100',
}
const STEP_LIMIT_MS = 120_000

const ROUTES = {
  'kafka-to-kafka': ['kafka', 'kafka'],
  'kafka-to-millrace': ['kafka', 'millrace'],
  'millrace-to-kafka': ['millrace', 'kafka'],
} as const satisfies Record<string, readonly [Kind, Kind]>
export type Route = keyof typeof ROUTES

/** The routes that say something about this broker. */
export function routesOf(kind: Kind): Route[] {
  return kind === 'kafka' ? ['kafka-to-kafka'] : ['kafka-to-millrace', 'millrace-to-kafka']
}

/** Runs one route in fresh folders. Rejects with what differed. Answers with a line about what was compared. */
export async function exchange(route: Route, keep = false): Promise<string> {
  const [from, to] = ROUTES[route]
  const source = freshFolder(`from-${from}`)
  const target = freshFolder(`to-${to}`)
  try {
    const extent = from === 'kafka' ? 'full' : 'basic'
    const written = await withBroker(from, source, async broker => {
      await java(broker, 'write', extent)
      return await java(broker, 'digest')
    })
    await takeIn(to, extent, join(source, 'data'), target)
    const found = await withBroker(to, target, broker => java(broker, 'digest'))
    compare(written, found, to)
    const dumped = await dumpLogs(join(target, 'data'), /\/(__|exchange-compacted)/)
    if (dumped.complaints.length > 0) throw new Error(`kafka-dump-log: ${dumped.complaints.slice(0, 3).join('; ')}`)
    return `${written.length} lines the same, ${dumped.fileCount} files`
  } finally {
    for (const folder of [source, target]) (keep ? keepFolder : removeFolder)(folder)
  }
}

const ports = new Map<string, number>()

async function withBroker<T>(kind: Kind, folder: string, use: (broker: Broker) => Promise<T>): Promise<T> {
  const port = ports.get(folder)
  const settings = kind === 'kafka' ? KAFKA_SETTINGS : {}
  const broker = await startBroker(kind, folder, port === undefined ? { settings } : { settings, port })
  ports.set(folder, broker.port)
  try {
    return await use(broker)
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${broker.logTail(30)}`)
  } finally {
    await broker.stop()
  }
}

async function java(broker: Broker, ...args: string[]): Promise<string[]> {
  const jars = join(cache, 'java-4')
  const all = [
    '-Xmx512m',
    '-XX:+UseSerialGC',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    '-cp',
    `${jars}/classes:${jars}/libs/*`,
  ]
  const ran = await run('java', [...all, 'interop.Exchange', broker.bootstrap, ...args], { limitMs: STEP_LIMIT_MS })
  if (ran.code !== 0) throw new Error(`${args.join(' ')} ended with ${ran.code}: ${ran.stderr.slice(-2_000)}`)
  return ran.stdout.split('\n').filter(line => line !== '')
}

/** Apache Kafka keeps committed offsets in a topic of its own, which is not exchanged; Millrace's import brings them along. */
function compare(written: readonly string[], found: readonly string[], to: Kind): void {
  const wanted = to === 'kafka' ? written.filter(line => !line.startsWith('group ')) : written
  for (const [i, line] of wanted.entries()) {
    if (line !== found[i]) throw new Error(`differs\n  written: ${line}\n  found:   ${found[i] ?? 'nothing'}`)
  }
}

async function takeIn(to: Kind, extent: string, data: string, target: string): Promise<void> {
  if (to === 'millrace') {
    const into = join(target, 'data')
    const command = [
      'scripts/in-node.sh',
      'packages/cli/src/main.ts',
      'import',
      '--from',
      data,
      '--set',
      `log.dirs=${into}`,
    ]
    const imported = await run('sh', command, { cwd: root, limitMs: STEP_LIMIT_MS })
    if (imported.code !== 0) throw new Error(`import ended with ${imported.code}: ${imported.stdout}${imported.stderr}`)
    return
  }
  await withBroker('kafka', target, broker => java(broker, 'create', extent))
  putInto(data, join(target, 'data'))
}

const CHECKPOINTS = [
  'log-start-offset-checkpoint',
  'recovery-point-offset-checkpoint',
  'replication-offset-checkpoint',
] as const

/** Exchanges the partitions' files; `partition.metadata` stays, for it has the topic's id in the target. */
function putInto(source: string, target: string): void {
  const partitions = readdirSync(target).filter(name => name.startsWith('exchange-'))
  for (const partition of partitions) {
    const [from, to] = [join(source, partition), join(target, partition)]
    if (!existsSync(from)) throw new Error(`${partition} is missing in the source`)
    for (const file of readdirSync(to)) if (file !== 'partition.metadata') rmSync(join(to, file))
    mkdirSync(to, { recursive: true })
    for (const file of readdirSync(from)) if (file !== 'partition.metadata') cpSync(join(from, file), join(to, file))
  }
  for (const name of CHECKPOINTS) {
    const entries = [...entriesOf(join(target, name)).filter(line => !line.startsWith('exchange-'))]
    entries.push(...entriesOf(join(source, name)).filter(line => line.startsWith('exchange-')))
    writeFileSync(join(target, name), `0\n${entries.length}\n${entries.map(line => `${line}\n`).join('')}`)
  }
}

/** The lines `topic partition offset` of a checkpoint file, which begins with its version and their number. */
function entriesOf(path: string): string[] {
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(2)
    .filter(line => line !== '')
}

export async function installExchange(): Promise<void> {
  await installKafka()
  const java = join(import.meta.dirname, 'java/install.sh')
  const installed = await run(java, ['java-4'], { limitMs: 300_000 })
  if (installed.code !== 0) throw new Error(installed.stderr.trim())
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { only: { type: 'string' }, keep: { type: 'boolean', default: false } } })
  const chosen = values.only?.split(',') ?? Object.keys(ROUTES)
  const counts = { passed: 0, failed: 0 }
  await installExchange()
  for (const route of chosen) {
    if (!Object.hasOwn(ROUTES, route))
      throw new Error(`no route "${route}"; there are ${Object.keys(ROUTES).join(', ')}`)
    const begun = performance.now()
    try {
      const line = await exchange(route as Route, values.keep)
      counts.passed++
      console.log(`ok ${route}: ${line}, ${((performance.now() - begun) / 1000).toFixed(1)} s`)
    } catch (error) {
      counts.failed++
      console.log(`not ok ${route}: ${(error as Error).message}`)
    }
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed, 0 skipped`)
  process.exit(counts.failed === 0 ? 0 : 1)
}
