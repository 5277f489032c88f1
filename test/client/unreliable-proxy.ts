/**
 * A way to the broker that can be cut at the worst moment: after the broker has done what was asked and before the client knows.
 *
 * It passes frames on as they are, but for the addresses in metadata and coordinator answers, which it replaces by its own: the client never gets past it. Each node of
 * a cluster has an address here. Requests are passed on at a version in which both are known.
 */
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net'
import {
  type Api,
  ApiVersions,
  FindCoordinator,
  Metadata,
  Reader,
  readRequestStart,
  readResponseHeader,
  responseHeaderIsFlexible,
  Writer,
  writeResponseHeader,
} from '@millrace/protocol'
import { WireClient } from '@millrace/testkit'

interface Pending {
  readonly apiKey: number
  readonly apiVersion: number
}

interface Rewriting {
  readonly api: Api<unknown, unknown, unknown, unknown>
  change(body: unknown): unknown
}

export class UnreliableProxy implements AsyncDisposable {
  /** How often an answer to this API has been swallowed. */
  cuts = 0
  /** By the port of the node behind it. */
  readonly #servers: ReadonlyMap<number, Server>
  readonly #target: { readonly host: string; readonly port: number }
  readonly #sockets = new Set<Socket>()
  readonly #versionsMax: ReadonlyMap<number, number>
  readonly #rewritings = new Map<number, Rewriting>()
  #cutKey = -1
  #cutEvery = 0
  #seen = 0

  private constructor(
    servers: ReadonlyMap<number, Server>,
    target: { host: string; port: number },
    versionsMax: ReadonlyMap<number, number>,
  ) {
    this.#versionsMax = versionsMax
    for (const api of [Metadata, FindCoordinator]) this.#rewritings.set(api.key, { api, change: body => body })
    this.#servers = servers
    this.#target = target
    for (const [port, server] of servers) server.on('connection', socket => this.#accept(socket, port))
  }

  /** `versionsMax`: what the broker is made to look like, by API key: one that knows no later versions. */
  static async open(bootstrap: string, versionsMax: ReadonlyMap<number, number> = new Map()): Promise<UnreliableProxy> {
    const [host, portText] = bootstrap.split(':')
    const port = Number(portText)
    const servers = new Map<number, Server>()
    for (const each of new Set([port, ...(await portsOfCluster(port))])) {
      const server = createServer()
      servers.set(each, server)
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    }
    return new UnreliableProxy(servers, { host: host!, port }, versionsMax)
  }

  get bootstrap(): string {
    return `127.0.0.1:${portOf(this.#servers.get(this.#target.port)!)}`
  }

  /** Cuts the connection instead of passing on every n-th answer to this API, as if `seen` had been seen before. */
  cutAnswers(apiKey: number, every: number, seen = 0): void {
    this.#cutKey = apiKey
    this.#cutEvery = every
    this.#seen = seen
  }

  /** Passes answers to this API on as `change` makes them. */
  rewriteAnswers<R, RI>(api: Api<unknown, unknown, R, RI>, change: (body: R) => RI): void {
    this.#rewritings.set(api.key, { api, change: body => change(body as R) })
  }

  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cutAll()
    for (const server of this.#servers.values()) await new Promise(resolve => server.close(resolve))
  }

  #accept(client: Socket, port: number): void {
    const broker = createConnection({ host: this.#target.host, port })
    const pending: Pending[] = []
    const end = (): void => {
      client.destroy()
      broker.destroy()
    }
    for (const socket of [client, broker]) {
      this.#sockets.add(socket)
      socket.on('error', end)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        end()
      })
    }
    eachFrame(client, frame => {
      const { apiKey, apiVersion } = readRequestStart(new Reader(frame))
      // A produce with acks 0 would have no answer; the tests that come through here do without.
      pending.push({ apiKey, apiVersion })
      send(broker, frame)
    })
    eachFrame(broker, frame => {
      const request = pending.shift()!
      if (request.apiKey === this.#cutKey && ++this.#seen % this.#cutEvery === 0) {
        this.cuts++
        return end()
      }
      send(client, this.#rewrite(frame, request))
    })
  }

  #rewrite(frame: Buffer, { apiKey, apiVersion }: Pending): Buffer {
    if (apiKey === ApiVersions.key) return this.#downgrade(frame, apiVersion)
    const rewriting = this.#rewritings.get(apiKey)
    if (rewriting === undefined) return frame
    const { api, change } = rewriting
    const flexible = responseHeaderIsFlexible(apiKey, apiVersion >= api.flexible)
    const reader = new Reader(frame)
    const correlationId = readResponseHeader(reader, flexible)
    const body = api.response.read(reader, apiVersion)
    const writer = new Writer()
    writeResponseHeader(writer, correlationId, flexible)
    api.response.write(writer, this.#withOwnAddress(change(body)), apiVersion)
    return writer.finish()
  }

  #downgrade(frame: Buffer, asked: number): Buffer {
    const refused = frame.readInt16BE(4) !== 0
    const version = refused ? 0 : asked
    const body = ApiVersions.response.decode(frame, version, 4)
    const apiKeys = body.apiKeys.map(range => {
      const maxVersion = Math.min(range.maxVersion, this.#versionsMax.get(range.apiKey) ?? range.maxVersion)
      return { ...range, maxVersion }
    })
    return Buffer.concat([frame.subarray(0, 4), ApiVersions.response.encode({ ...body, apiKeys }, version)])
  }

  /** Every `host` with a `port` beside it, however deep. */
  #withOwnAddress(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(item => this.#withOwnAddress(item))
    if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
    const copy = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#withOwnAddress(item)]))
    const server = this.#servers.get(Number(copy.port))
    return server === undefined || copy.host === '' ? copy : { ...copy, host: '127.0.0.1', port: portOf(server) }
  }
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

async function portsOfCluster(port: number): Promise<readonly number[]> {
  await using client = await WireClient.connect({ port })
  const { brokers } = await client.request(Metadata, 1, { topics: [] })
  return brokers.map(broker => broker.port)
}

function eachFrame(socket: Socket, take: (frame: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0)
      take(rest.subarray(4, end))
      rest = rest.subarray(end)
    }
  })
}

function send(socket: Socket, frame: Buffer): void {
  const size = Buffer.alloc(4)
  size.writeInt32BE(frame.length)
  socket.write(Buffer.concat([size, frame]))
}
