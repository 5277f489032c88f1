/** `millrace serve` in a process of its own, on one folder and one port, or on as many from there as MILLRACE_TEST_NODES names nodes. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodesUnderTest } from '@millrace/testkit'
import { startMillrace } from '../cli/millrace.ts'
import { freePortPair } from '../interop/broker.ts'

export class KillableBroker implements AsyncDisposable {
  readonly #folder: string
  readonly #port: number
  #child: ChildProcess | undefined

  private constructor(folder: string, port: number) {
    this.#folder = folder
    this.#port = port
  }

  static async start(): Promise<KillableBroker> {
    const broker = new KillableBroker(await mkdtemp(join(tmpdir(), 'millrace-killable-')), await freePortPair())
    await broker.start()
    return broker
  }

  get bootstrap(): string {
    return `127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    const settings = [
      `listeners=PLAINTEXT://127.0.0.1:${this.#port}`,
      `log.dirs=${this.#folder}`,
      'group.initial.rebalance.delay.ms=0',
      `millrace.nodes=${nodesUnderTest()}`,
    ]
    const child = startMillrace(['serve', ...settings.flatMap(setting => ['--set', setting])], {
      MILLRACE_LOG_FORMAT: 'json',
    })
    this.#child = child
    let said = ''
    for await (const chunk of child.stderr.iterator({ destroyOnReturn: false })) {
      said += String(chunk)
      if (!said.includes('"broker is ready"')) continue
      child.stderr.resume()
      return
    }
    throw new Error(`the broker ended: ${said}`)
  }

  async kill(): Promise<void> {
    const child = this.#child!
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
