import type { Clock, Logger, Scheduled } from '@millrace/base'
import { Connection, type ConnectionOptions } from './connection.ts'
import type { ConnectionFacts } from './request-context.ts'
import { SlowReaders } from './slow-readers.ts'
import type { Transport, TransportListener, TransportSocket } from './transport.ts'

/** An endpoint to listen on. `host` undefined means every address, port 0 one that is free. */
export interface Endpoint {
  readonly name: string
  readonly host: string | undefined
  readonly port: number
}

export interface ConnectionLimits {
  readonly connectionsMax: number
  connectionsPerIpMax(ip: string): number
  /** Negative: never. */
  readonly idleMs: number
}

export interface ServerOptions
  extends Pick<ConnectionOptions, 'dispatcher' | 'load' | 'requestBytesMax' | 'frameBlocks'> {
  readonly backlog: number
  readonly limits: () => ConnectionLimits
  readonly principal: string
  readonly transport: Transport
  readonly clock: Clock
  readonly logger: Logger
  /** Called with +1 and -1. */
  readonly onCount: (listener: string, change: number) => void
  /** Nobody reads an answer to this connection any more. */
  readonly onGone: (connection: ConnectionFacts) => void
}

const SWEEP_MS_MIN = 100
const SWEEP_MS_MAX = 10_000
const REFUSAL_LINE_MS = 1_000

/** All listeners of a node and the connections that came in by them. */
export class SocketServer {
  readonly #options: ServerOptions
  readonly #listeners: TransportListener[] = []
  readonly #connections = new Set<Connection>()
  readonly #perIp = new Map<string, number>()
  readonly #slowReaders: SlowReaders
  #nextId = 1
  #closing = false
  #sweep: Scheduled | undefined
  #onEmpty: (() => void) | undefined
  #refusalToldMs = Number.NEGATIVE_INFINITY
  #refusalsUntold = 0

  constructor(options: ServerOptions) {
    this.#options = options
    this.#slowReaders = new SlowReaders(options.load, this.#connections, options.clock)
    this.#sweepLater()
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /** Answers the port that it listens on. Rejects when the address is taken or not ours. */
  async listen(endpoint: Endpoint): Promise<number> {
    const { transport, backlog, logger } = this.#options
    const { name, host, port } = endpoint
    const listener = await transport.listen({ host, port, backlog }, socket => this.#accept(socket, name))
    this.#listeners.push(listener)
    listener.onError(error => logger.warn('a listener failed', { listener: name, error }))
    return listener.port
  }

  /** Takes no new connections and no new requests; resolves when what was under way is answered, or after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true
    this.#sweep?.cancel()
    this.#slowReaders.stop()
    for (const listener of this.#listeners) listener.close()
    for (const connection of this.#connections) connection.drain()
    if (this.#connections.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#onEmpty = resolve
      const deadline = this.#options.clock.schedule(graceMs, resolve)
      await promise
      deadline.cancel()
    }
    for (const connection of this.#connections) connection.close()
  }

  #accept(socket: TransportSocket, listener: string): void {
    const ip = socket.remoteAddress ?? ''
    const clientHost = ip.startsWith('::ffff:') ? ip.slice(7) : ip
    const refusal = this.#refusal(clientHost)
    if (refusal !== undefined) {
      this.#tellRefusal(refusal, clientHost, listener)
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    const { dispatcher, load, requestBytesMax, frameBlocks, clock, logger, principal } = this.#options
    const facts = { id: this.#nextId++, listener, principal, clientHost }
    const connection = new Connection({
      socket,
      facts,
      dispatcher,
      load,
      requestBytesMax,
      frameBlocks,
      clock,
      logger,
      onClose: c => this.#forget(c, listener),
    })
    this.#connections.add(connection)
    this.#perIp.set(clientHost, (this.#perIp.get(clientHost) ?? 0) + 1)
    this.#options.onCount(listener, 1)
  }

  #refusal(ip: string): string | undefined {
    const limits = this.#options.limits()
    if (this.#closing) return 'the broker is stopping'
    if (this.#connections.size >= limits.connectionsMax)
      return `${limits.connectionsMax} are open already (max.connections)`
    const ofIp = limits.connectionsPerIpMax(ip)
    if ((this.#perIp.get(ip) ?? 0) >= ofIp) return `${ofIp} from this address are open already (max.connections.per.ip)`
    return undefined
  }

  /** A storm of connections must not become a storm of lines: one a second, with how many it stands for. */
  #tellRefusal(refusal: string, client: string, listener: string): void {
    const { clock, logger } = this.#options
    const nowMs = clock.monotonicMs()
    if (nowMs - this.#refusalToldMs < REFUSAL_LINE_MS) {
      this.#refusalsUntold++
      return
    }
    const untold = this.#refusalsUntold
    this.#refusalToldMs = nowMs
    this.#refusalsUntold = 0
    logger.warn(`refused a connection: ${refusal}`, { client, listener, ...(untold > 0 && { others: untold }) })
  }

  #forget(connection: Connection, listener: string): void {
    this.#connections.delete(connection)
    const { clientHost } = connection.facts
    const left = (this.#perIp.get(clientHost) ?? 1) - 1
    if (left === 0) this.#perIp.delete(clientHost)
    else this.#perIp.set(clientHost, left)
    this.#options.onCount(listener, -1)
    this.#options.onGone(connection.facts)
    if (this.#connections.size === 0) this.#onEmpty?.()
  }

  /** One timer for all idle connections: re-arming one a request would cost more than looking at all of them now and then. */
  #sweepLater(): void {
    const { clock, limits } = this.#options
    const { idleMs } = limits()
    const delayMs = idleMs < 0 ? SWEEP_MS_MAX : Math.min(SWEEP_MS_MAX, Math.max(SWEEP_MS_MIN, idleMs / 4))
    this.#sweep = clock.schedule(delayMs, () => {
      this.#closeSilent(limits().idleMs)
      this.#sweepLater()
    })
  }

  #closeSilent(idleMs: number): void {
    if (idleMs < 0) return
    const oldest = this.#options.clock.monotonicMs() - idleMs
    for (const c of this.#connections) if (c.lastActiveMs < oldest && c.isIdle) c.close()
  }
}
