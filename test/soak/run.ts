/**
 * Real clients against a real broker that is killed, stopped, frozen, cut off and starved of disk space, for as long as you like; then everything that the clients were
 * told is held against what is there.
 *   node run.ts --minutes N [--against millrace|kafka] [--seed S] [--clients java,librdkafka,franz-go,millrace] [--rate N] [--disk MB] [--keep]
 */
import { existsSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '@millrace/base'
import { checkFolder, nodeFileSystem } from '@millrace/storage'
import { type FaultLine, HISTORY_VERSION, type HistoryLine } from '../../packages/testkit/src/history/event.ts'
import { formatLine, mergeHistories } from '../../packages/testkit/src/history/history-file.ts'
import {
  freePortPair,
  freshFolder,
  installKafka,
  KINDS,
  type Kind,
  keepFolder,
  removeFolder,
} from '../interop/broker.ts'
import { dumpLogs } from '../interop/dump-log.ts'
import { run } from '../interop/process.ts'
import { BrokerUnderFire } from './broker-under-fire.ts'
import { buildClient, CLIENTS, type ClientName, groupOf, SoakClient } from './clients.ts'
import { FakeClock } from './fake-clock.ts'
import { FaultyLink } from './faulty-link.ts'
import { judge } from './judge.ts'
import { rage } from './nemesis.ts'
import { SmallDisk } from './small-disk.ts'
import { hasTransactions, makeTopics, PLAIN, TRANSACTIONAL, topicList } from './topics.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    against: { type: 'string', default: 'millrace' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    clients: { type: 'string', default: CLIENTS.join(',') },
    rate: { type: 'string', default: '300' },
    disk: { type: 'string', default: '1000' },
    keep: { type: 'boolean', default: false },
  },
})
const kind = values.against as Kind
if (!KINDS.includes(kind)) throw new Error(`--against is one of ${KINDS.join(', ')}`)
const wanted = values.clients.split(',') as ClientName[]
for (const name of wanted)
  if (!CLIENTS.includes(name)) throw new Error(`no client ${name}; there are ${CLIENTS.join(', ')}`)
const minutes = Number(values.minutes)
const seed = Number(values.seed)

const SETTINGS: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  // What follows a crash is looked at more often than once a minute.
  millrace: { 'log.flush.offset.checkpoint.interval.ms': '5000', 'group.min.session.timeout.ms': '6000' },
  kafka: {
    'log.flush.offset.checkpoint.interval.ms': '5000',
    'log.initial.task.delay.ms': '3000',
    'offsets.topic.num.partitions': '5',
    'transaction.state.log.num.partitions': '5',
  },
}
/** Apache Kafka makes its internal topics when the first client asks. */
const WARM_UP_MS: Readonly<Record<Kind, number>> = { millrace: 3_000, kafka: 15_000 }
const FINAL_READ_LIMIT_S = 180
const began = performance.now()
const say = (text: string): void =>
  console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(7)} s  ${text}`)
const now = (): number => Number(process.hrtime.bigint() / 1000n) / 1000

/** Everything that did not hold, one sentence each. */
const failures: string[] = []
let passed = 0
function expect(what: string, problems: readonly string[]): void {
  if (problems.length === 0) passed++
  for (const problem of problems.slice(0, 20)) say(`not ok  ${what}: ${problem}`)
  if (problems.length > 20) say(`not ok  ${what}: and ${problems.length - 20} more`)
  if (problems.length > 0) failures.push(what)
  else say(`ok  ${what}`)
}

const folder = freshFolder(`soak-${kind}`)
say(`seed ${seed}, ${minutes} minutes against ${kind}, in ${folder}`)
if (kind === 'kafka') await installKafka()
const names: ClientName[] = []
for (const name of wanted) {
  const why = await buildClient(name)
  if (why === undefined) names.push(name)
  else say(`${name} is left out: ${why}`)
}
const disk = Number(values.disk) > 0 ? await SmallDisk.mount(folder, Number(values.disk)) : 'not asked for'
say(typeof disk === 'string' ? `no small disk: ${disk}` : `small disk of ${values.disk} MB (${disk.kind})`)
// A Java virtual machine of today stands still under libfaketime 0.9.10, before it has read its first file.
const clock = kind === 'kafka' ? undefined : await FakeClock.find(folder)
if (clock === undefined) say(`no clock that jumps: ${kind === 'kafka' ? 'Java' : 'this machine'} has none`)
process.on('exit', () => {
  if (!values.keep) removeFolder(folder)
})

try {
  await soak()
} finally {
  if (typeof disk !== 'string') await disk.unmount()
  if (values.keep) keepFolder(folder)
}
console.log(`${passed} passed, ${failures.length} failed`)
process.exit(failures.length === 0 && passed > 0 ? 0 : 1)

async function soak(): Promise<void> {
  const port = await freePortPair()
  await using link = await FaultyLink.open(port)
  const broker = await BrokerUnderFire.prepare({
    kind,
    folder,
    port,
    advertisedPort: link.port,
    settings: SETTINGS[kind],
    env: clock?.env ?? {},
  })
  const own: HistoryLine[] = []
  const note = (fault: FaultLine['fault'], detail: string): void => {
    own.push({ kind: 'fault', at: now(), fault, detail })
    say(`${fault}: ${detail}`)
  }
  own.push({
    kind: 'run',
    at: now(),
    version: HISTORY_VERSION,
    about: `soak against ${kind}, seed ${seed}`,
    catalogIsDurable: true,
  })
  say(`the broker answered after ${Math.round(await broker.start())} ms`)
  const bootstrap = `127.0.0.1:${link.port}`
  const transactional = await hasTransactions(bootstrap)
  say(transactional ? 'transactions too' : 'no transactions: the broker does not offer EndTxn')
  own.push(...(await makeTopics(bootstrap, transactional)).map(line => ({ ...line, at: now() })))
  const plain = topicList(PLAIN)
  const work = {
    bootstrap,
    plain,
    transactional: transactional ? topicList(TRANSACTIONAL) : '-',
    rate: Number(values.rate),
    folder,
  }
  const clients = names.map(name => new SoakClient(name, work))
  for (const client of clients) client.start()
  await new Promise(done => setTimeout(done, WARM_UP_MS[kind]))

  const random = seededRandom(seed)
  const field = {
    broker,
    link,
    disk: typeof disk === 'string' ? undefined : disk,
    clock,
    note,
    killClient: async () => {
      const client = clients[random.integer(clients.length)]!
      await client.killAndRestart()
      return client.name
    },
  }
  const faultCount = await rage(field, random, performance.now() + minutes * 60_000)
  say(`${faultCount} faults are over: the clients finish what is under way`)
  expect('the broker is alive', broker.hasEnded ? [broker.logTail(20)] : [])
  const memory = broker.residentBytes
  const ends = await Promise.all(
    clients.map(async client => ((await client.finish()) ? [] : [`${client.name} did not end`])),
  )
  expect('every client comes to its end', ends.flat())
  expect(
    'no client ended by itself',
    clients.flatMap(({ accidents, name }) => accidents.map(text => `${text} (${name}.log)`)),
  )

  say('reading everything back with librdkafka')
  const topics = transactional ? `${plain},${topicList(TRANSACTIONAL)}` : plain
  const groups = [
    ...names.map(groupOf),
    ...(transactional && names.includes('java') ? [`${groupOf('java')}-copy`] : []),
  ]
  const packages = join(
    process.env.INTEROP_CACHE ?? join(homedir(), '.cache/millrace-interop'),
    'confluent-kafka/packages',
  )
  const final = await run(
    'python3',
    [join(import.meta.dirname, 'final_read.py'), bootstrap, topics, groups.join(','), String(FINAL_READ_LIMIT_S)],
    {
      limitMs: FINAL_READ_LIMIT_S * 2_000,
      env: { PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1' },
      ...keepLines(join(folder, 'final.jsonl')),
    },
  )
  expect('everything can be read back', final.code === 0 ? [] : [final.stderr.trim().split('\n').at(-1) ?? 'it failed'])
  await broker.stop()

  const texts = [own.map(formatLine).join(''), readFileSync(join(folder, 'final.jsonl'), 'utf8')]
  for (const client of clients)
    for (const path of client.histories) texts.push(existsSync(path) ? readFileSync(path, 'utf8') : '')
  const history = mergeHistories(texts)
  writeFileSync(join(folder, 'harness.jsonl'), texts[0]!)
  const { counts, findings } = judge(history)
  for (const [what, count] of counts) say(`${what.padEnd(36)} ${count.toLocaleString('en-US').padStart(12)}`)
  if (memory !== undefined)
    say(`${'memory of the broker at the end, MB'.padEnd(36)} ${(memory / 1e6).toFixed(0).padStart(12)}`)
  expect('the history holds', findings)

  say('kafka-dump-log reads every file')
  const dump = await dumpLogs(broker.data, /\/(__|soak-compact)/)
  say(`${dump.fileCount} files, ${dump.batchCount} batches`)
  expect('kafka-dump-log has no complaint', dump.complaints)
  const checked = await checkFolder(nodeFileSystem, broker.data, { isCompacted: topic => topic.startsWith('__') })
  const problems = [...checked.problems, ...checked.partitions.flatMap(({ problems }) => problems)]
  expect(
    'millrace log verify has no complaint',
    problems.map(({ path, position, message }) => `${path} at ${position}: ${message}`),
  )
  if (failures.length > 0) console.log(`--- broker's log\n${broker.logTail(40)}\n---`)
}

/** Lines are too many to be held as one text. */
function keepLines(path: string): { onLine: (line: string) => void } {
  const fd = openSync(path, 'w')
  return { onLine: line => void writeSync(fd, `${line}\n`) }
}
