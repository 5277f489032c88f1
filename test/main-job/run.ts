/**
 * The main job on real input: a log file of at least a million lines goes in with kcat while the broker is killed with -9 and started again, and comes out by two
 * members of a group in Python while it is killed once more. Then every line must be there, each with the same bytes and in its place.
 *   node run.ts FILE [--partitions 6] [--kills 2] [--transactions]
 * With --transactions a Java program stands between: what the members read was copied in transactions together with a compacted table, and the program is killed, too.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { checkFolder, nodeFileSystem } from '@millrace/storage'
import { type Broker, freshFolder, removeFolder, startBroker } from '../interop/broker.ts'
import { dumpLogs } from '../interop/dump-log.ts'
import { run } from '../interop/process.ts'
import { cleanedTable, expectedTable, LOG, makeJobTopics, TABLE, TableJob } from './table-job.ts'

const { values, positionals } = parseArgs({
  options: {
    partitions: { type: 'string', default: '6' },
    kills: { type: 'string', default: '2' },
    transactions: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const file = positionals[0] ?? ''
if (!existsSync(file)) throw new Error('usage: run.ts FILE (a log file of at least a million lines)')

const here = import.meta.dirname
const TOPIC = 'logtopic'
const LIMIT_MS = 600_000
const began = performance.now()
const say = (text: string): void =>
  console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}`)
const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

const cache = (process.env.INTEROP_CACHE ??= join(homedir(), '.cache/millrace-interop'))
for (const client of ['kcat', 'confluent-kafka']) {
  const installed = await run(join(here, `../interop/clients/${client}/install.sh`), [], { limitMs: LIMIT_MS })
  if (installed.code !== 0) throw new Error(`${client} cannot be installed: ${installed.stderr}`)
}

const input = await linesOf(file)
say(`input: ${input.count} lines, ${(statSync(file).size / 1e6).toFixed(0)} MB`)

const folder = freshFolder('main-job')
// The cleaner looks for something to do every second instead of every fifteen.
const settings = { 'num.partitions': values.partitions, 'log.cleaner.backoff.ms': '1000' }
let broker: Broker = await startBroker('millrace', folder, { settings })
const { port, bootstrap } = broker
const topic = await run('kcat', ['-L', '-b', bootstrap, '-t', TOPIC], { limitMs: 10_000 })
if (topic.code !== 0) throw new Error(topic.stderr)

async function killAndRestart(why: string): Promise<void> {
  process.kill(broker.pid, 'SIGKILL')
  await pause(500)
  broker = await startBroker('millrace', folder, { port, settings })
  say(`broker killed with -9 ${why}, and started again`)
}

// The line's number goes along as the key, so that the lines can be put back in order whatever partition they took.
const numbered = spawn(
  'sh',
  [
    '-c',
    `awk '{printf "%d\\t%s\\n", NR, $0}' "$1" | kcat -P -E -b ${bootstrap} -t ${TOPIC} -K '\\t' -z lz4 -X enable.idempotence=true -X message.timeout.ms=120000 -X log_level=0 -X queue.buffering.max.messages=500000`,
    'sh',
    file,
  ],
  { stdio: ['ignore', 'inherit', 'inherit'] },
)
await pause(1500)
await killAndRestart('while kcat writes')
const sent = await exitOf(numbered)
if (sent !== 0) throw new Error(`kcat ended with ${sent}`)
say('kcat is done: every line is acknowledged')

let job: TableJob | undefined
if (values.transactions) {
  await makeJobTopics(bootstrap, Number(values.partitions))
  job = await TableJob.prepare(folder, cache, [bootstrap, TOPIC, LOG, TABLE, String(input.count)])
  job.start()
}
const outputs = ['a', 'b'].map(name => join(folder, `member-${name}.tsv`))
const packages = join(cache, 'confluent-kafka/packages')
const members = outputs.map(path =>
  spawn('python3', [join(here, 'member.py'), bootstrap, job === undefined ? TOPIC : LOG, 'main-job', path], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PYTHONPATH: packages },
  }),
)
process.on('exit', () => {
  for (const member of members) member.kill('SIGKILL')
})
const deadline = performance.now() + LIMIT_MS
for (let kills = 1; kills < Number(values.kills); ) {
  await pause(200)
  if (bytesIn(outputs) > (statSync(file).size * kills) / Number(values.kills)) {
    await killAndRestart('while the group reads')
    if (job !== undefined && kills % 2 === 0) {
      await job.killAndRestart()
      say('the transactional program killed with -9, and started again')
    }
    kills++
  }
  if (performance.now() > deadline) throw new Error('the group does not get on')
}
for (let read = await gathered(outputs); read.count < input.count; read = await gathered(outputs)) {
  if (performance.now() > deadline) throw new Error(`only ${read.count} of ${input.count} lines came back`)
  await pause(1000)
}
for (const member of members) member.kill('SIGTERM')
await Promise.all(members.map(exitOf))
const output = await gathered(outputs)
const isTableRight = job === undefined || (await checkTable(job))
await broker.stop()
const areFilesRight = job === undefined || (await checkFiles())
removeFolder(folder)

say(`read by two members: ${outputs.length} files, ${output.repeats} records read twice after the kill`)
say(`sha256 in  ${input.hash}`)
say(`sha256 out ${output.hash}`)
if (
  output.hash !== input.hash ||
  output.count !== input.count ||
  output.misplaced > 0 ||
  !isTableRight ||
  !areFilesRight
) {
  console.log('not the same: 0 passed, 1 failed')
  process.exit(1)
}
say(`${output.count} lines, the same bytes, none missing, none out of place`)

async function checkTable(of: TableJob): Promise<boolean> {
  const code = await of.end()
  if (code !== 0) say(`the transactional program ended with ${code}`)
  const table = await cleanedTable(bootstrap, packages)
  const expected = await expectedTable(file)
  const wrong = [...expected].filter(([key, state]) => table.latest.get(key) !== state)
  for (const [key, state] of wrong.slice(0, 5)) say(`${key} is ${table.latest.get(key)} and not ${state}`)
  say(
    `table: ${table.writtenCount} offsets written, ${table.recordCount} records left by the cleaner, of ${expected.size} keys ${wrong.length} are wrong`,
  )
  return code === 0 && wrong.length === 0 && table.latest.size === expected.size
}

async function checkFiles(): Promise<boolean> {
  const dump = await dumpLogs(broker.data, new RegExp(`/(__|${TABLE}-)`))
  for (const complaint of dump.complaints.slice(0, 10)) say(complaint)
  say(`kafka-dump-log: ${dump.fileCount} files, ${dump.batchCount} batches, ${dump.complaints.length} complaints`)
  const isCompacted = (name: string): boolean => name === TABLE || name.startsWith('__')
  const checked = await checkFolder(nodeFileSystem, broker.data, { isCompacted })
  const problems = [...checked.problems, ...checked.partitions.flatMap(partition => partition.problems)]
  for (const { path, position, message } of problems.slice(0, 10)) say(`${path} at ${position}: ${message}`)
  return dump.complaints.length === 0 && problems.length === 0
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise(resolve =>
    child.exitCode === null ? child.once('exit', code => resolve(code ?? 128)) : resolve(child.exitCode),
  )
}

function bytesIn(paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + (existsSync(path) ? statSync(path).size : 0), 0)
}

async function linesOf(path: string): Promise<{ count: number; hash: string }> {
  const hash = createHash('sha256')
  let count = 0
  for await (const line of createInterface({ input: createReadStream(path, 'latin1') })) {
    hash.update(line, 'latin1').update('\n')
    count++
  }
  return { count, hash: hash.digest('hex') }
}

/** What both members wrote, put in order by line number; a record that was read twice counts once and must be the same both times. */
async function gathered(
  paths: readonly string[],
): Promise<{ count: number; hash: string; repeats: number; misplaced: number }> {
  const lines: (string | undefined)[] = []
  const places = new Map<string, string>()
  let repeats = 0
  let misplaced = 0
  for (const path of paths.filter(p => existsSync(p))) {
    const lastOf = new Map<string, number>()
    for await (const row of createInterface({ input: createReadStream(path, 'latin1') })) {
      const [partition, offset, key] = row.split('\t', 3) as [string, string, string]
      const place = `${partition}:${offset}`
      const number = Number(key)
      if (places.has(place)) {
        repeats++
        if (places.get(place) !== key) misplaced++
        continue
      }
      places.set(place, key)
      if (number < (lastOf.get(partition) ?? 0)) misplaced++
      lastOf.set(partition, number)
      if (lines[number] !== undefined) misplaced++
      lines[number] = row.slice(partition.length + offset.length + key.length + 3)
    }
  }
  const hash = createHash('sha256')
  let count = 0
  for (const line of lines.slice(1)) {
    if (line === undefined) continue
    hash.update(line, 'latin1').update('\n')
    count++
  }
  return { count, hash: hash.digest('hex'), repeats, misplaced }
}
