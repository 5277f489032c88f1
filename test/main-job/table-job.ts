/** The transactional part of the main job: a Java program that copies the lines and keeps a compacted table of them, and that table held against the file. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createReadStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { crc32 } from 'node:zlib'
import { Admin, Producer } from '@millrace/client'
import { run } from '../interop/process.ts'

export const LOG = 'job-log'
export const TABLE = 'job-table'
export const TABLE_PARTITIONS = 2
/** Written behind the table so that its last segments are closed and can be cleaned. */
const END_KEY = 'end of the job'
const SEGMENT_MS = 5_000
const CALL_LIMIT_MS = 60_000
const CLEANING_LIMIT_MS = 120_000

const here = import.meta.dirname
const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

export async function makeJobTopics(bootstrap: string, partitions: number): Promise<void> {
  await using admin = new Admin({ bootstrap })
  const configs = {
    'cleanup.policy': 'compact',
    'segment.bytes': 1_048_576,
    'segment.ms': SEGMENT_MS,
    'min.cleanable.dirty.ratio': 0.1,
  }
  await admin.topics.create([
    { name: LOG, partitions },
    { name: TABLE, partitions: TABLE_PARTITIONS, configs },
  ])
}

export class TableJob {
  restartCount = 0
  readonly #command: readonly string[]
  #child: ChildProcess | undefined

  private constructor(command: readonly string[]) {
    this.#command = command
    process.on('exit', () => this.#child?.kill('SIGKILL'))
  }

  /** Compiles it. Throws where there is no JDK. */
  static async prepare(folder: string, cache: string, args: readonly string[]): Promise<TableJob> {
    const installed = await run(join(here, '../interop/java/install.sh'), ['java-4'], { limitMs: 300_000 })
    if (installed.code !== 0) throw new Error(`kafka-clients cannot be had: ${installed.stderr}`)
    const classes = join(folder, 'classes')
    mkdirSync(classes, { recursive: true })
    const libs = join(cache, 'java-4/libs/*')
    const built = await run('javac', ['--release', '17', '-cp', libs, '-d', classes, join(here, 'TableJob.java')], {
      limitMs: CALL_LIMIT_MS,
    })
    if (built.code !== 0) throw new Error(`javac: ${built.stderr}`)
    const log = '-Dorg.slf4j.simpleLogger.defaultLogLevel=off'
    return new TableJob(['-Xmx512m', log, '-cp', `${classes}:${libs}`, 'TableJob', ...args])
  }

  start(): void {
    this.#child = spawn('java', this.#command, { stdio: ['ignore', 'inherit', 'inherit'] })
  }

  async killAndRestart(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.end()
    this.start()
    this.restartCount++
  }

  /** Its exit status. */
  end(): Promise<number> {
    const child = this.#child!
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode ?? 128)
    return new Promise(resolve => child.once('exit', code => resolve(code ?? 128)))
  }
}

/** What the table must say of the file: for each last word how many lines, how many bytes, and the number and checksum of the newest. */
export async function expectedTable(path: string): Promise<Map<string, string>> {
  const states = new Map<string, { count: number; bytes: number; newest: number; line: string }>()
  let number = 0
  for await (const line of createInterface({ input: createReadStream(path, 'latin1') })) {
    number++
    const key = line.slice(line.lastIndexOf(' ') + 1)
    const state = states.get(key)
    if (state === undefined) states.set(key, { count: 1, bytes: line.length, newest: number, line })
    else {
      state.count++
      state.bytes += line.length
      state.newest = number
      state.line = line
    }
  }
  return new Map(
    [...states].map(([key, { count, bytes, newest, line }]) => [
      key,
      `${count} ${bytes} ${newest} ${crc32(Buffer.from(line, 'latin1'))}`,
    ]),
  )
}

export interface Table {
  readonly latest: ReadonlyMap<string, string>
  /** Records that are there, and what the end offsets say of how many were written, markers among them. */
  readonly recordCount: number
  readonly writtenCount: number
}

/** Closes what is left of the table and waits until the cleaner has left one record for each key. */
export async function cleanedTable(bootstrap: string, packages: string): Promise<Table> {
  await pause(SEGMENT_MS + 1_000)
  await using producer = new Producer({ bootstrap })
  for (let partition = 0; partition < TABLE_PARTITIONS; partition++)
    await producer.send({ topic: TABLE, partition, key: END_KEY, value: '' })
  const deadline = performance.now() + CLEANING_LIMIT_MS
  for (;;) {
    const table = await readTable(bootstrap, packages)
    if (table.recordCount === table.latest.size) return table
    if (performance.now() > deadline)
      throw new Error(`${table.recordCount} records of ${table.latest.size} keys: the cleaner does not get on`)
    await pause(1_000)
  }
}

async function readTable(bootstrap: string, packages: string): Promise<Table> {
  const latest = new Map<string, string>()
  let recordCount = 0
  let writtenCount = 0
  const read = await run('python3', [join(here, 'table.py'), bootstrap, TABLE], {
    limitMs: CALL_LIMIT_MS,
    env: { PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1' },
    onLine: row => {
      const line = JSON.parse(row) as { key: string; value: string } | { end: number }
      if ('end' in line) writtenCount += line.end
      else if (line.key !== END_KEY) {
        latest.set(line.key, line.value)
        recordCount++
      }
    },
  })
  if (read.code !== 0) throw new Error(`the table cannot be read: ${read.stderr}`)
  return { latest, recordCount, writtenCount }
}
