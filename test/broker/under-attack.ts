/**
 * A broker, a client that behaves, and whatever a test sends beside it. After the attack the healthy client must go on, nothing may have been called an
 * internal error, and the process (attackers included) may not have grown beyond a generous bound.
 */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { createLogger } from '@millrace/base'
import { startTestBroker, type WireClient, type WireClientOptions } from '@millrace/testkit'
import { HealthyClient } from './healthy-client.ts'

export interface Field {
  readonly port: number
  readonly healthy: HealthyClient
  /** What the broker logged, a JSON line each. */
  readonly log: readonly string[]
  connect(options?: Partial<WireClientOptions>): Promise<WireClient>
  peer(): Promise<RawPeer>
}

export interface FieldOptions {
  readonly settings?: Readonly<Record<string, string>>
  readonly growthMiBMax?: number
}

const ROUNDS_AFTER = 5

export async function underAttack(options: FieldOptions, attack: (field: Field) => Promise<void>): Promise<void> {
  const { settings = {}, growthMiBMax = 400 } = options
  const log: string[] = []
  const logger = createLogger({ level: 'info', format: 'json', write: line => void log.push(line) })
  const broker = await startTestBroker({ settings, logger })
  const { port } = broker
  const healthy = await HealthyClient.start(port)
  const peers: RawPeer[] = []
  const before = process.memoryUsage.rss()
  let most = before
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 10)
  try {
    await attack({
      port,
      healthy,
      log,
      connect: given => broker.connect(given),
      async peer() {
        const peer = await RawPeer.connect(port)
        peers.push(peer)
        return peer
      },
    })
    await healthy.rounds(ROUNDS_AFTER)
    const grownMiB = Math.round((most - before) / (1 << 20))
    assert.ok(grownMiB < growthMiBMax, `memory grew by ${grownMiB} MiB, at most ${growthMiBMax} are allowed`)
    assert.deepEqual(
      log.filter(line => line.includes('"level":"error"')),
      [],
    )
  } finally {
    clearInterval(watch)
    for (const peer of peers) peer.destroy()
    await healthy.stop()
    await broker.stop()
  }
}

/** A socket that sends any bytes and collects what comes back. */
export class RawPeer {
  readonly socket: Socket
  /** Resolves when the connection has ended, whoever ended it. */
  readonly ended: Promise<void>
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #waiting: { bytes: number; resolve: () => void }[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    this.ended = new Promise(resolve => socket.on('close', () => resolve()))
    socket.on('data', chunk => {
      this.#chunks.push(chunk as Buffer)
      this.#bytes += chunk.length
      for (const waiting of this.#waiting) if (waiting.bytes <= this.#bytes) waiting.resolve()
    })
  }

  static connect(port: number): Promise<RawPeer> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new RawPeer(socket)))
    })
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes)
  }

  /** Sends its FIN after what it wrote. */
  end(): void {
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }

  /** Resolves when at least so many bytes have come back in all, or the connection has ended. */
  async receives(bytes: number): Promise<void> {
    if (this.#bytes >= bytes) return
    const there = new Promise<void>(resolve => this.#waiting.push({ bytes, resolve }))
    await within(30_000, Promise.race([there, this.ended]), `${bytes} bytes`)
  }
}

/** For what should come soon, so that a test which waits in vain says for what. */
export async function within<T>(ms: number, promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms in vain for ${what}`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
