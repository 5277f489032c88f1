/**
 * The admin port: /metrics, /healthz and /readyz over HTTP, for those who watch the broker. It is small on purpose: one request a connection, few
 * connections, short times, and answers that are made once for all who ask at the same moment, so that watching it cannot hurt it.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Clock, Logger } from '@millrace/base'
import { CONTENT_TYPE } from '../metrics/exposition.ts'

/** Node's `import` looks at all that a module has, and the WebSocket of this one is a whole HTTP client: 16 MB of memory, and a part of each start. */
const { createServer } = process.getBuiltinModule('node:http')

export interface AdminHttpOptions {
  /** Empty: every address. */
  readonly host: string
  /** 0: one that is free. */
  readonly port: number
  readonly metricsText: () => Promise<string>
  /** One word why the broker is not ready for clients; undefined when it is. */
  readonly notReady: () => string | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly limits?: Partial<AdminHttpLimits>
}

export interface AdminHttpLimits {
  readonly connectionsMax: number
  /** From accept to the end of the answer. */
  readonly connectionMs: number
  readonly headerBytesMax: number
}

const LIMITS: AdminHttpLimits = { connectionsMax: 32, connectionMs: 10_000, headerBytesMax: 8 * 1024 }
const TEXT = 'text/plain; charset=utf-8'

interface Page {
  readonly status: number
  readonly body: string
  readonly type?: string
}

export class AdminHttp {
  readonly #options: AdminHttpOptions
  readonly #limits: AdminHttpLimits
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #metrics: Promise<string> | undefined

  constructor(options: AdminHttpOptions) {
    this.#options = options
    this.#limits = { ...LIMITS, ...options.limits }
    const { connectionMs, headerBytesMax, connectionsMax } = this.#limits
    this.#server = createServer(
      { maxHeaderSize: headerBytesMax, headersTimeout: connectionMs, requestTimeout: connectionMs, keepAlive: false },
      (request, response) => void this.#serve(request, response),
    )
    this.#server.maxConnections = connectionsMax
    this.#server.on('connection', (socket: Socket) => this.#accepted(socket))
    this.#server.on('clientError', (_error, socket) => socket.destroy())
  }

  /** Answers the port. Rejects when the address is taken or not ours. */
  async listen(): Promise<number> {
    const { host, port, logger } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen({ port, ...(host !== '' && { host }) }, resolve)
    await promise
    this.#server.off('error', reject)
    this.#server.on('error', error => logger.warn('the admin listener failed', { error }))
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Whatever a client does or does not do, it is gone after its time. */
  #accepted(socket: Socket): void {
    this.#sockets.add(socket)
    const deadline = this.#options.clock.schedule(this.#limits.connectionMs, () => socket.destroy())
    socket.on('error', () => {})
    socket.once('close', () => {
      deadline.cancel()
      this.#sockets.delete(socket)
    })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, body, type = TEXT } = await this.#page(request)
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      connection: 'close',
      ...(status === 405 && { allow: 'GET, HEAD' }),
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }

  async #page(request: IncomingMessage): Promise<Page> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, body: 'only GET\n' }
    const path = (request.url ?? '').split('?', 1)[0]
    if (path === '/healthz') return { status: 200, body: 'ok\n' }
    if (path === '/readyz') {
      const reason = this.#options.notReady()
      return reason === undefined ? { status: 200, body: 'ready\n' } : { status: 503, body: `${reason}\n` }
    }
    if (path !== '/metrics') return { status: 404, body: 'there are /metrics, /healthz and /readyz\n' }
    try {
      return { status: 200, body: await this.#metricsText(), type: CONTENT_TYPE }
    } catch (error) {
      this.#options.logger.error('the metrics could not be put together', { error })
      return { status: 500, body: 'failed\n' }
    }
  }

  #metricsText(): Promise<string> {
    this.#metrics ??= this.#options.metricsText().finally(() => {
      this.#metrics = undefined
    })
    return this.#metrics
  }
}
