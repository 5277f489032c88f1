/** The programs that produce and consume, each a process that writes a history of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../interop/process.ts'

export const CLIENTS = ['java', 'librdkafka', 'franz-go', 'millrace'] as const
export type ClientName = (typeof CLIENTS)[number]

const BUILD_LIMIT_MS = 300_000
const END_LIMIT_MS = 120_000
const LAST_LINES = 5
const folderOf = (name: ClientName): string => join(import.meta.dirname, 'clients', name)

/** Undefined when it is ready; else why it cannot be had here. */
export async function buildClient(name: ClientName): Promise<string | undefined> {
  const built = await run(join(folderOf(name), 'build.sh'), [], { limitMs: BUILD_LIMIT_MS })
  if (built.code === 0) return undefined
  const why = `${built.stdout}${built.stderr}`.trim()
  if (built.code === 77) return why
  throw new Error(`${name} cannot be built:\n${why}`)
}

export interface ClientWork {
  readonly bootstrap: string
  /** `topic:partitions,…`. */
  readonly plain: string
  /** `-` where the broker has no transactions. */
  readonly transactional: string
  /** Records a second of each plain producer. */
  readonly rate: number
  readonly folder: string
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) end(child, 'SIGKILL')
})

function end(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal)
  } catch {
    // it has ended
  }
}

export const groupOf = (name: ClientName): string => `soak-${name}`

/** These copy from topic to topic in transactions, as members of another group. */
const COPYING: readonly ClientName[] = ['java', 'millrace']

export const groupsOf = (name: ClientName, isTransactional: boolean): readonly string[] =>
  isTransactional && COPYING.includes(name) ? [groupOf(name), `${groupOf(name)}-copy`] : [groupOf(name)]

/** One client, through all its lives. */
export class SoakClient {
  readonly name: ClientName
  /** Of this round. */
  histories: string[] = []
  /** Lives of this round that ended without being told to. */
  accidents: string[] = []
  #lifeCount = 0
  #work: ClientWork | undefined
  #child: ChildProcess | undefined
  #isWanted = false

  constructor(name: ClientName) {
    this.name = name
  }

  /** A round of work. */
  begin(work: ClientWork): void {
    this.histories = []
    this.accidents = []
    this.#start(work)
  }

  #start(work: ClientWork): void {
    const { bootstrap, plain, transactional, rate, folder } = work
    this.#work = work
    const life = `${this.name}${++this.#lifeCount}`
    const history = join(folder, `${life}.jsonl`)
    // There even if the client is killed before it makes one.
    writeFileSync(history, '')
    this.histories.push(history)
    const log = openSync(join(folder, `${this.name}.log`), 'a')
    const args = [bootstrap, life, history, plain, String(rate), transactional, groupOf(this.name)]
    const child = spawn(join(folderOf(this.name), 'run.sh'), args, { stdio: ['pipe', log, log], detached: true })
    closeSync(log)
    child.stdin?.on('error', () => {})
    running.add(child)
    this.#child = child
    this.#isWanted = true
    child.once('exit', (code, signal) => {
      running.delete(child)
      if (this.#child === child && this.#isWanted) {
        this.accidents.push(
          `${life} ended with ${code ?? signal}, its last words: ${lastWords(join(folder, `${this.name}.log`))}`,
        )
        this.#start(work)
      }
    })
  }

  async killAndRestart(): Promise<void> {
    const child = this.#child
    this.#isWanted = false
    if (child !== undefined) {
      const ended = hasEnded(child)
      end(child, 'SIGKILL')
      await ended
    }
    if (this.#work !== undefined) this.#start(this.#work)
  }

  /** Lets it come to its end: what is under way is finished. Answers whether it did so in time. */
  async finish(): Promise<boolean> {
    const child = this.#child
    this.#isWanted = false
    if (child === undefined) return true
    const ended = hasEnded(child)
    child.stdin?.end()
    const limit = setTimeout(() => end(child, 'SIGKILL'), END_LIMIT_MS)
    const signal = await ended
    clearTimeout(limit)
    return signal === null
  }
}

function lastWords(log: string): string {
  return readFileSync(log, 'utf8').trim().split('\n').slice(-LAST_LINES).join(' / ')
}

function hasEnded(child: ChildProcess): Promise<NodeJS.Signals | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.signalCode)
  return new Promise(done => child.once('exit', (_, signal) => done(signal)))
}
