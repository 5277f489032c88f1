/**
 * The plainest client there is: one connection, requests of any API at any version, answers decoded. It retries nothing and hides nothing, so that a test
 * sees what the broker does. Answers are matched by order and their correlation ids are checked, as the protocol has it.
 */
import { connect, type Socket } from 'node:net'
import {
  type Api,
  Reader,
  readResponseHeader,
  responseHeaderIsFlexible,
  Writer,
  writeRequestHeader,
} from '@millrace/protocol'

export interface WireClientOptions {
  readonly port: number
  readonly host?: string
  readonly clientId?: string | null
  /** An answer that takes longer fails its request, so that no test hangs. */
  readonly timeoutMs?: number
}

interface Awaited {
  readonly correlationId: number
  readonly resolve: (frame: Buffer) => void
  readonly reject: (error: Error) => void
}

/** A message with any of its fields left out: they are at their defaults on the wire. */
export type Sparse<T> = T extends Uint8Array
  ? T
  : T extends readonly (infer E)[]
    ? readonly Sparse<E>[]
    : T extends object
      ? { readonly [K in keyof T]?: Sparse<T[K]> }
      : T

const TIMEOUT_MS = 20_000

export class WireClient implements AsyncDisposable {
  /** Resolves when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  readonly #clientId: string | null
  readonly #timeoutMs: number
  readonly #awaited: Awaited[] = []
  #chunks: Buffer[] = []
  #received = 0
  /** Bytes with which the frame under way, or first its size prefix, is whole. */
  #needed = 4
  #nextCorrelationId = 1

  private constructor(socket: Socket, options: WireClientOptions) {
    this.#socket = socket
    this.#clientId = options.clientId === undefined ? 'wire-client' : options.clientId
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS
    socket.setNoDelay(true)
    socket.on('data', chunk => this.#receive(chunk as Buffer))
    socket.on('error', () => {})
    this.closed = new Promise(resolve =>
      socket.on('close', () => {
        for (const { reject } of this.#awaited.splice(0)) reject(new Error('the connection was closed'))
        resolve()
      }),
    )
  }

  static connect(options: WireClientOptions): Promise<WireClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port: options.port, host: options.host ?? '127.0.0.1' })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new WireClient(socket, options))
      })
    })
  }

  /** Several may be under way: they leave in the order of the calls. Bytes in the answer are views of its own frame and stay valid. */
  async request<Q, QI, R, RI>(api: Api<Q, QI, R, RI>, version: number, body: Sparse<NoInfer<QI>>): Promise<R> {
    const frame = await this.requestBytes(api.key, version, this.#frameOf(api, version, body))
    const r = new Reader(frame)
    readResponseHeader(r, responseHeaderIsFlexible(api.key, version >= api.flexible))
    const response = api.response.read(r, version)
    if (r.remaining > 0) throw new Error(`${r.remaining} bytes after the end of a ${api.name} ${version} response`)
    return response
  }

  /** For a request that has no answer: produce with acks 0. */
  send<Q, QI, R, RI>(api: Api<Q, QI, R, RI>, version: number, body: Sparse<NoInfer<QI>>): void {
    this.#socket.write(this.#frameOf(api, version, body))
  }

  /** A whole request frame as it stands, size prefix included; answers the response frame without its size. */
  requestBytes(apiKey: number, version: number, frame: Buffer): Promise<Buffer> {
    const correlationId = frame.readInt32BE(8)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no answer to api key ${apiKey} version ${version} in ${this.#timeoutMs} ms`)),
        this.#timeoutMs,
      )
      this.#awaited.push({
        correlationId,
        resolve: answer => {
          clearTimeout(timer)
          resolve(answer)
        },
        reject: error => {
          clearTimeout(timer)
          reject(error)
        },
      })
      if (this.#socket.destroyed) this.#awaited.pop()!.reject(new Error('the connection was closed'))
      else this.#socket.write(frame)
    })
  }

  /** Bytes that need not be a request at all. */
  write(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  async close(): Promise<void> {
    this.#socket.destroy()
    await this.closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #frameOf<Q, QI, R, RI>(api: Api<Q, QI, R, RI>, apiVersion: number, body: Sparse<NoInfer<QI>>): Buffer {
    const w = new Writer()
    w.int32(0)
    const correlationId = this.#nextCorrelationId++
    const header = { apiKey: api.key, apiVersion, correlationId, clientId: this.#clientId }
    writeRequestHeader(w, header, apiVersion >= api.flexible)
    api.request.write(w, body as QI, apiVersion)
    w.patchInt32(w.length - 4)
    return w.finish()
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#received += chunk.length
    while (this.#received >= this.#needed) {
      // Joined only when a whole prefix or frame is there: a large answer comes in many chunks.
      const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
      const size = 4 + bytes.readInt32BE(0)
      const isWhole = bytes.length >= size
      if (isWhole) this.#answer(bytes.subarray(4, size))
      const rest = isWhole ? bytes.subarray(size) : bytes
      this.#chunks = [rest]
      this.#received = rest.length
      this.#needed = isWhole ? 4 : size
    }
  }

  #answer(frame: Buffer): void {
    const awaited = this.#awaited.shift()
    if (awaited === undefined) return void this.#socket.destroy(new Error('an answer that nobody asked for'))
    const correlationId = frame.readInt32BE(0)
    if (correlationId === awaited.correlationId) awaited.resolve(frame)
    else awaited.reject(new Error(`answer ${correlationId} to request ${awaited.correlationId}`))
  }
}
