/**
 * The main job on real input: a log file of at least a million lines goes in with kcat while the broker is killed with -9 and started again, and comes out by two
 * members of a group in Python while it is killed once more. Then every line must be there, each with the same bytes and in its place.
 *   node run.ts FILE [--partitions 6] [--kills 2]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { type Broker, freshFolder, removeFolder, startBroker } from '../interop/broker.ts'
import { run } from '../interop/process.ts'

const { values, positionals } = parseArgs({
  options: { partitions: { type: 'string', default: '6' }, kills: { type: 'string', default: '2' } },
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

process.env.INTEROP_CACHE ??= join(homedir(), '.cache/millrace-interop')
for (const client of ['kcat', 'confluent-kafka']) {
  const installed = await run(join(here, `../interop/clients/${client}/install.sh`), [], { limitMs: LIMIT_MS })
  if (installed.code !== 0) throw new Error(`${client} cannot be installed: ${installed.stderr}`)
}

const input = await linesOf(file)
say(`input: ${input.count} lines, ${(statSync(file).size / 1e6).toFixed(0)} MB`)

const folder = freshFolder('main-job')
const settings = { 'num.partitions': values.partitions }
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

const outputs = ['a', 'b'].map(name => join(folder, `member-${name}.tsv`))
const packages = join(process.env.INTEROP_CACHE, 'confluent-kafka/packages')
const members = outputs.map(path =>
  spawn('python3', [join(here, 'member.py'), bootstrap, TOPIC, 'main-job', path], {
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
  if (linesIn(outputs) > (input.count * kills) / Number(values.kills)) {
    await killAndRestart('while the group reads')
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
await broker.stop()
removeFolder(folder)

say(`read by two members: ${outputs.length} files, ${output.repeats} records read twice after the kill`)
say(`sha256 in  ${input.hash}`)
say(`sha256 out ${output.hash}`)
if (output.hash !== input.hash || output.count !== input.count || output.misplaced > 0) {
  console.log('not the same: 0 passed, 1 failed')
  process.exit(1)
}
say(`${output.count} lines, the same bytes, none missing, none out of place`)

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise(resolve =>
    child.exitCode === null ? child.once('exit', code => resolve(code ?? 128)) : resolve(child.exitCode),
  )
}

function linesIn(paths: readonly string[]): number {
  let count = 0
  for (const path of paths) if (existsSync(path)) for (const byte of readFileSync(path)) if (byte === 10) count++
  return count
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
