/**
 * The broker that is killed, stopped, paused and started again over one folder and one port. Millrace runs from a build of its own, made when the soak begins, so that
 * one run tests one program however long it takes.
 */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { rolldown } from 'rolldown'
import { type Kind, kafkaScript } from '../interop/broker.ts'
import { type Running, start } from '../interop/process.ts'

const root = resolve(import.meta.dirname, '../..')
const START_LIMIT_MS = 90_000
const STOP_GRACE_MS = 30_000
const EXTERNAL = [/^node:/, 'commander', '@node-rs/crc32', 'snappy']

export interface FireOptions {
  readonly kind: Kind
  readonly folder: string
  readonly port: number
  /** Where clients are told to go. */
  readonly advertisedPort: number
  /** Of Millrace, in threads of one process. */
  readonly nodes: number
  readonly settings: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string>>
}

export class BrokerUnderFire {
  readonly #options: FireOptions
  readonly log: string
  #running: Running | undefined

  private constructor(options: FireOptions) {
    this.#options = options
    this.log = join(options.folder, 'broker.log')
  }

  static async prepare(options: FireOptions): Promise<BrokerUnderFire> {
    if (options.kind === 'millrace') await buildInto(join(options.folder, 'program'))
    return new BrokerUnderFire(options)
  }

  get hasEnded(): boolean {
    return this.#running?.hasEnded() ?? true
  }

  get data(): string {
    return join(this.#options.folder, 'data')
  }

  /** Answers how long it took until the port answered. */
  async start(): Promise<number> {
    const begun = performance.now()
    this.#running = this.#options.kind === 'kafka' ? this.#kafka() : this.#millrace()
    while (!(await answers(this.#options.port))) {
      if (this.hasEnded) throw new Error(`the broker ended by itself:\n${this.logTail(30)}`)
      if (performance.now() - begun > START_LIMIT_MS) throw new Error(`no answer from the broker:\n${this.logTail(30)}`)
      await new Promise(done => setTimeout(done, 25))
    }
    return performance.now() - begun
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#signalGroup('SIGKILL')
    await this.#running?.end(STOP_GRACE_MS)
  }

  stop(): Promise<void> {
    return this.#running?.end(STOP_GRACE_MS) ?? Promise.resolve()
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#signalGroup(signal)
  }

  /** One node of several fails, and no other. */
  failThread(): void {
    this.#signalGroup('SIGUSR2')
  }

  get nodes(): number {
    return this.#options.nodes
  }

  #signalGroup(signal: NodeJS.Signals): void {
    const pid = this.#running?.pid
    if (pid !== undefined && !this.hasEnded) process.kill(-pid, signal)
  }

  logTail(lineCount: number): string {
    return existsSync(this.log) ? readFileSync(this.log, 'utf8').split('\n').slice(-lineCount).join('\n') : ''
  }

  /** Memory in bytes; undefined where nobody tells. */
  get residentBytes(): number | undefined {
    try {
      const status = readFileSync(`/proc/${this.#running?.pid}/status`, 'utf8')
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024
    } catch {
      return undefined
    }
  }

  #millrace(): Running {
    const { port, advertisedPort, settings, folder, env, nodes } = this.#options
    const all = {
      listeners: `PLAINTEXT://127.0.0.1:${port}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertisedPort}`,
      'log.dirs': this.data,
      'group.initial.rebalance.delay.ms': '0',
      'millrace.nodes': String(nodes),
      ...settings,
    }
    const set = Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`])
    const environment = Object.entries(env).map(([name, value]) => `${name}=${value}`)
    const mortal = nodes > 1 ? ['--import', join(import.meta.dirname, 'mortal-threads.ts')] : []
    const program = [process.execPath, ...mortal, join(folder, 'program/dist/main.js'), 'serve', ...set]
    return start('env', [...environment, ...program], this.log, folder)
  }

  #kafka(): Running {
    const { port, advertisedPort, settings, folder, env } = this.#options
    const all = {
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertisedPort},CONTROLLER://127.0.0.1:${port + 1}`,
      ...settings,
    }
    const extra = join(folder, 'extra.properties')
    writeFileSync(
      extra,
      Object.entries(all)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    )
    const environment = Object.entries(env).map(([name, value]) => `${name}=${value}`)
    return start('env', [...environment, kafkaScript, 'run', folder, String(port), extra], this.log, folder)
  }
}

async function buildInto(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), readFileSync(join(root, 'package.json')))
  const bundle = await rolldown({
    input: {
      main: join(root, 'packages/cli/src/main.ts'),
      'node-thread': join(root, 'packages/cli/src/serve/node-thread.ts'),
    },
    external: EXTERNAL,
    platform: 'node',
    resolve: { conditionNames: ['source', 'node', 'import'] },
  })
  await bundle.write({ dir: join(folder, 'dist'), format: 'esm', chunkFileNames: 'chunks/[name]-[hash].js' })
  await bundle.close()
}

function answers(port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = connect(port, '127.0.0.1')
    const answer = (isThere: boolean): void => {
      socket.destroy()
      done(isThere)
    }
    socket.once('connect', () => answer(true))
    socket.once('error', () => answer(false))
  })
}
