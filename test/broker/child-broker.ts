/** `millrace serve` in a process of its own, so that its memory is its own too. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { within } from './under-attack.ts'

const main = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url))
const START_MS = 30_000
const STOP_MS = 20_000

/** Where the system says how much memory another process has. */
export const canSeeMemory = existsSync('/proc/self/status')

export class ChildBroker implements AsyncDisposable {
  readonly port: number
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #peers: Socket[] = []

  private constructor(child: ChildProcess, folder: string, port: number) {
    this.#child = child
    this.#folder = folder
    this.port = port
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<ChildBroker> {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-child-'))
    const all = { listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': folder, 'millrace.admin.listener': '', ...settings }
    const set = Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`])
    const node = ['--conditions=source', '--disable-warning=ExperimentalWarning']
    const child = spawn(process.execPath, [...node, main, 'serve', ...set], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, MILLRACE_LOG_FORMAT: 'json' },
    })
    try {
      return new ChildBroker(child, folder, await within(START_MS, portOf(child), 'the broker'))
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
  }

  /** The most that was resident since the start, in MiB. */
  get peakMiB(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    return Math.round(Number(/^VmHWM:\s+(\d+) kB/m.exec(status)![1]) / 1024)
  }

  /** A connection of which nothing is read but what the system takes by itself. */
  async deafPeer(): Promise<Socket> {
    const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true })
    socket.on('error', () => {})
    this.#peers.push(socket)
    await once(socket, 'connect')
    return socket
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) peer.destroy()
    const gone = this.#child.exitCode === null ? once(this.#child, 'exit') : undefined
    this.#child.kill('SIGTERM')
    await within(STOP_MS, Promise.resolve(gone), 'the stop').catch(() => this.#child.kill('SIGKILL'))
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** From the line that says that the broker is ready. */
function portOf(child: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let said = ''
  child.stderr!.on('data', (chunk: Buffer) => {
    said = (said + chunk).slice(-100_000)
    const port = /"listeners":"PLAINTEXT:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1]
    if (port !== undefined) resolve(Number(port))
  })
  child.once('exit', () => reject(new Error(`the broker ended by itself: ${said}`)))
  return promise
}
