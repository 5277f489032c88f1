/**
 * One stretch of the soak over topics of its own: clients work while the broker is attacked, come to their end, everything is read back and judged, and every file is
 * looked at. What the round before had left is read once more: it must be what it was.
 */
import { createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Random } from '@millrace/base'
import { checkFolder, nodeFileSystem } from '@millrace/storage'
import { type FaultLine, HISTORY_VERSION, type HistoryLine } from '../../packages/testkit/src/history/event.ts'
import { formatLine, mergeHistories } from '../../packages/testkit/src/history/history-file.ts'
import type { Kind } from '../interop/broker.ts'
import { dumpLogs } from '../interop/dump-log.ts'
import { run } from '../interop/process.ts'
import type { BrokerUnderFire } from './broker-under-fire.ts'
import { groupsOf, type SoakClient } from './clients.ts'
import { type Judgement, judge } from './judge.ts'
import { type Battlefield, type Plan, rage } from './nemesis.ts'
import { hasTransactions, SoakTopics } from './topics.ts'
import type { Verdict } from './verdict.ts'

/** Apache Kafka makes its internal topics when the first client asks. */
const WARM_UP_MS: Readonly<Record<Kind, number>> = { millrace: 3_000, kafka: 15_000 }
const FINAL_READ_LIMIT_S = 300
const CHUNK_BYTES = 64_000_000

export interface Siege {
  readonly kind: Kind
  readonly folder: string
  readonly broker: BrokerUnderFire
  readonly bootstrap: string
  readonly clients: readonly SoakClient[]
  readonly field: Omit<Battlefield, 'note' | 'killClient'>
  readonly random: Random
  readonly rate: number
  readonly seed: number
  readonly verdict: Verdict
  /** Why there is no kafka-dump-log here. */
  readonly noDump: string | undefined
  /** Histories stay when nothing was found in them. */
  readonly keepsHistories: boolean
}

export interface RoundResult {
  readonly topics: SoakTopics
  readonly digest: string
  readonly judgement: Judgement
  readonly killCount: number
  readonly isClean: boolean
}

const now = (): number => Number(process.hrtime.bigint() / 1000n) / 1000

export async function soakRound(
  siege: Siege,
  round: number,
  plan: Plan,
  before: RoundResult | undefined,
): Promise<RoundResult> {
  const { kind, folder, broker, bootstrap, clients, verdict } = siege
  const failuresBefore = verdict.failures.length
  const path = (name: string): string => join(folder, `round-${round}-${name}`)
  const own: HistoryLine[] = []
  const note = (fault: FaultLine['fault'], detail: string): void => {
    own.push({ kind: 'fault', at: now(), fault, detail })
    verdict.say(`${fault}: ${detail}`)
  }
  const about = `round ${round} of a soak against ${kind}, seed ${siege.seed}`
  own.push({ kind: 'run', at: now(), version: HISTORY_VERSION, about, catalogIsDurable: true })
  if (broker.hasEnded) verdict.say(`the broker answered after ${Math.round(await broker.start())} ms`)
  const isTransactional = await hasTransactions(bootstrap)
  if (!isTransactional) verdict.say('no transactions: the broker does not offer EndTxn')
  const topics = new SoakTopics(round, isTransactional)
  own.push(...(await topics.make(bootstrap)).map(line => ({ ...line, at: now() })))

  const work = { bootstrap, plain: topics.plain, transactional: topics.transactional, rate: siege.rate, folder }
  for (const client of clients) client.begin(work)
  await new Promise(done => setTimeout(done, WARM_UP_MS[kind]))
  const killClient = async (): Promise<string> => {
    const client = clients[siege.random.integer(clients.length)]!
    await client.killAndRestart()
    return client.name
  }
  const raged = await rage({ ...siege.field, note, killClient }, siege.random, plan)
  verdict.say(`${raged.faultCount} faults are over: the clients finish what is under way`)
  verdict.expect('the broker is alive', broker.hasEnded ? [broker.logTail(20)] : [])
  const memory = broker.residentBytes
  await finishClients(siege)

  verdict.say('reading everything back with librdkafka')
  const groups = clients.flatMap(({ name }) => groupsOf(name, isTransactional))
  verdict.expect('everything can be read back', await readBack(bootstrap, topics, groups, path('final.jsonl')))
  const digest = await digestOf(path('final.jsonl'))
  if (before !== undefined) {
    const problems = await readBack(bootstrap, before.topics, [], path('again.jsonl'))
    if (problems.length === 0 && (await digestOf(path('again.jsonl'))) !== before.digest)
      problems.push('it is not the same any more')
    verdict.expect('what the round before left is still the same', problems)
    if (before.isClean && problems.length === 0) {
      rmSync(path('again.jsonl'))
      await before.topics.delete(bootstrap)
    }
  }
  await broker.stop()

  writeFileSync(path('harness.jsonl'), own.map(formatLine).join(''))
  const histories = [path('harness.jsonl'), path('final.jsonl'), ...clients.flatMap(client => client.histories)]
  const judgement = judge(mergeHistories(histories.flatMap(textsOf)))
  for (const [what, count] of judgement.counts) verdict.say(tabular(what, count))
  if (memory !== undefined) verdict.say(tabular('memory of the broker at the end, MB', Math.round(memory / 1e6)))
  verdict.expect('the history holds', judgement.findings)
  await checkFiles(siege)

  const isClean = verdict.failures.length === failuresBefore
  if (isClean && !siege.keepsHistories) for (const history of histories) rmSync(history, { force: true })
  return { topics, digest, judgement, killCount: raged.killCount, isClean }
}

export const tabular = (what: string, count: number): string =>
  `${what.padEnd(36)} ${count.toLocaleString('en-US').padStart(12)}`

async function finishClients({ clients, verdict }: Siege): Promise<void> {
  const ends = await Promise.all(
    clients.map(async client => ((await client.finish()) ? [] : [`${client.name} did not end`])),
  )
  verdict.expect('every client comes to its end', ends.flat())
  verdict.expect(
    'no client ended by itself',
    clients.flatMap(({ accidents }) => accidents),
  )
}

/** Into a file of its own; answers what went wrong. */
async function readBack(bootstrap: string, topics: SoakTopics, groups: string[], path: string): Promise<string[]> {
  const cache = process.env.INTEROP_CACHE ?? join(homedir(), '.cache/millrace-interop')
  const script = join(import.meta.dirname, 'final_read.py')
  const fd = openSync(path, 'w')
  const read = await run('python3', [script, bootstrap, topics.all, groups.join(','), String(FINAL_READ_LIMIT_S)], {
    limitMs: FINAL_READ_LIMIT_S * 2_000,
    env: { PYTHONPATH: join(cache, 'confluent-kafka/packages'), PYTHONDONTWRITEBYTECODE: '1' },
    // too much to be held as one text
    onLine: line => void writeSync(fd, `${line}\n`),
  })
  closeSync(fd)
  return read.code === 0 ? [] : [read.stderr.trim().split('\n').at(-1) || 'it failed']
}

/** Of all records, whenever they were read. */
async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const line of createInterface({ input: createReadStream(path) }))
    if (line.startsWith('{"kind": "final", ')) hash.update(line.replace(/"at": [\d.]+, /, ''))
  return hash.digest('hex')
}

/** A file as texts of whole lines, since one text cannot hold a gigabyte. */
function textsOf(path: string): string[] {
  const texts: string[] = []
  const fd = openSync(path, 'r')
  const chunk = Buffer.alloc(CHUNK_BYTES)
  let position = 0
  for (;;) {
    const length = readSync(fd, chunk, 0, CHUNK_BYTES, position)
    const end = chunk.subarray(0, length).lastIndexOf('\n') + 1
    if (end === 0) break
    texts.push(chunk.toString('utf8', 0, end))
    position += end
  }
  closeSync(fd)
  return texts
}

async function checkFiles({ broker, verdict, noDump }: Siege): Promise<void> {
  if (noDump === undefined) {
    const dump = await dumpLogs(broker.data)
    verdict.say(`kafka-dump-log has read ${dump.fileCount} files, ${dump.batchCount} batches`)
    verdict.expect('kafka-dump-log has no complaint', dump.complaints)
  } else verdict.say(`kafka-dump-log is left out: ${noDump}`)
  const checked = await checkFolder(nodeFileSystem, broker.data, { isCompacted: topic => topic.startsWith('__') })
  const problems = [...checked.problems, ...checked.partitions.flatMap(partition => partition.problems)]
  verdict.expect(
    'millrace log verify has no complaint',
    problems.map(({ path, position, message }) => `${path} at ${position}: ${message}`),
  )
}
