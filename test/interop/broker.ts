// The broker under test: Millrace by the project's own start command, or Apache Kafka, each on a free port in a fresh folder.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Running, run, start } from './process.ts'

export const KINDS = ['millrace', 'kafka'] as const
export type Kind = (typeof KINDS)[number]

export interface BrokerOptions {
  readonly settings?: Readonly<Record<string, string>>
  /** For a second start over the same folder: Apache Kafka remembers its controller's port. */
  readonly port?: number
}

export interface Broker {
  /** The broker's own process: both start scripts become it. */
  readonly pid: number
  readonly port: number
  readonly bootstrap: string
  /** Holds the broker's log and its data folder. */
  readonly folder: string
  readonly data: string
  readonly hasEnded: () => boolean
  readonly logTail: (lineCount: number) => string
  /** Ends the broker the clean way and keeps the folder. */
  readonly stop: () => Promise<void>
}

const here = import.meta.dirname
const root = resolve(here, '../..')
export const kafkaScript = join(here, 'peer/kafka.sh')

const START_LIMIT_MS = 60_000
const STOP_GRACE_MS = 20_000

const folders = new Set<string>()
process.on('exit', () => {
  for (const folder of folders) removeFolder(folder)
})

/** A folder that is gone at the end of the suite, unless it is kept. */
export function freshFolder(kind: string): string {
  const folder = mkdtempSync(join(tmpdir(), `millrace-interop-${kind}-`))
  folders.add(folder)
  return folder
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  folders.delete(folder)
}

export function keepFolder(folder: string): void {
  console.log(`kept ${folder}`)
  folders.delete(folder)
}

/** Installs Apache Kafka and its tools into the cache unless they are there. */
export async function installKafka(): Promise<void> {
  const installed = await run(kafkaScript, ['install'], { limitMs: 300_000 })
  if (installed.code !== 0)
    throw new Error(`Apache Kafka could not be installed:\n${installed.stdout}${installed.stderr}`)
}

/** Starts a broker over `folder`, which may hold what an earlier one left, and waits until its port answers. */
export async function startBroker(kind: Kind, folder: string, options: BrokerOptions = {}): Promise<Broker> {
  const port = options.port ?? (await freePortPair())
  const settings = options.settings ?? {}
  const log = join(folder, 'broker.log')
  const data = join(folder, 'data')
  const running = kind === 'kafka' ? startKafka(folder, port, settings, log) : startMillrace(data, port, settings, log)
  const logTail = (lineCount: number) => readFileSync(log, 'utf8').split('\n').slice(-lineCount).join('\n')
  try {
    await answering(port, running)
  } catch (error) {
    await running.end(0)
    throw new Error(`${kind} did not start: ${(error as Error).message}\n${logTail(30)}`)
  }
  const stop = () => running.end(STOP_GRACE_MS)
  return {
    pid: running.pid!,
    port,
    bootstrap: `127.0.0.1:${port}`,
    folder,
    data,
    hasEnded: running.hasEnded,
    logTail,
    stop,
  }
}

function startMillrace(data: string, port: number, settings: Readonly<Record<string, string>>, log: string): Running {
  // as in the settings of the Apache Kafka that is started: a group's first member does not wait three seconds for others
  const all = {
    'group.initial.rebalance.delay.ms': '0',
    listeners: `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': data,
    ...settings,
  }
  const set = Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  return start('sh', ['scripts/start.sh', ...set], log, root)
}

function startKafka(folder: string, port: number, settings: Readonly<Record<string, string>>, log: string): Running {
  const extra = join(folder, 'extra.properties')
  writeFileSync(
    extra,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  return start(kafkaScript, ['run', folder, String(port), extra], log, here)
}

async function answering(port: number, running: Running): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS
  while (!(await answers(port))) {
    if (running.hasEnded()) throw new Error('it ended by itself')
    if (performance.now() > deadline) throw new Error(`no answer on port ${port} after ${START_LIMIT_MS / 1000} s`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    const answer = (isThere: boolean) => {
      socket.destroy()
      resolve(isThere)
    }
    socket.once('connect', () => answer(true))
    socket.once('error', () => answer(false))
  })
}

/** A free port whose next one is free too: Apache Kafka puts its controller there. */
export async function freePortPair(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = await listenOnce(0)
    if (port !== undefined && port < 65_535 && (await listenOnce(port + 1)) !== undefined) return port
  }
  throw new Error('no two free ports in a row')
}

function listenOnce(wanted: number): Promise<number | undefined> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : undefined
      server.close(() => resolve(port))
    })
  })
}
