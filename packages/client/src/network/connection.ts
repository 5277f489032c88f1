/**
 * One socket to one broker. Requests go out in the order they were made and several may be under way; Kafka answers in the same order, so an
 * answer with another correlation id than the oldest is a broken peer. A request that times out closes the connection, as in Kafka's own client:
 * everything behind it would wait just as long.
 */
import type { Socket } from 'node:net'
import type { Timer, TimerWheel } from '@millrace/base'
import {
  type Api,
  Reader,
  readResponseHeader,
  responseHeaderIsFlexible,
  UnsupportedVersionError,
  Writer,
  writeRequestHeader,
} from '@millrace/protocol'
import { KafkaError } from '../errors.ts'
import type { ApiRanges } from './api-ranges.ts'
import { FrameReader } from './frame-reader.ts'

export type AnyApi = Api<unknown, unknown, unknown, unknown>

export interface ConnectionOptions {
  readonly broker: string
  readonly clientId: string
  readonly requestTimeoutMs: number
  readonly responseBytesMax: number
  readonly timers: TimerWheel
}

export interface RequestOptions {
  /** For calls that the broker may hold back, such as a fetch; defaults to the connection's. */
  readonly timeoutMs?: number | undefined
  readonly versionMax?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What to send, or how to say it in the version that is negotiated, for the few requests whose shape changed between versions. */
export type RequestBody<In> = In | ((version: number) => In)

interface InFlight {
  readonly correlationId: number
  readonly api: AnyApi
  readonly version: number
  timer: Timer | undefined
  /** `undefined` once the caller has given up: the answer is then dropped when it comes. */
  settle: ((error: unknown, frame?: Reader) => void) | undefined
}

/** More than this waits nowhere: a caller that asks so much without awaiting is told. */
const IN_FLIGHT_MAX = 1000
const WRITE_BUFFER_BYTES_MAX = 64 * 1024 * 1024

export class Connection {
  readonly broker: string
  /** Set by the handshake, before anyone else gets hold of the connection. */
  ranges: ApiRanges | undefined
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #frames: FrameReader
  readonly #inFlight: InFlight[] = []
  #nextCorrelationId = 0
  #closedBy: KafkaError | undefined
  #corked = false
  #drained: PromiseWithResolvers<void> | undefined
  readonly #onClose: (() => void)[] = []

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket
    this.#options = options
    this.broker = options.broker
    this.#frames = new FrameReader(options.responseBytesMax)
    socket.setNoDelay(true)
    socket.on('data', chunk => this.#receive(chunk as Buffer))
    socket.on('drain', () => this.#settleDrain())
    socket.on('error', error => this.#fail(this.#lost(error)))
    socket.on('close', () => this.#fail(this.#lost(undefined)))
  }

  get isOpen(): boolean {
    return this.#closedBy === undefined
  }

  get inFlightCount(): number {
    return this.#inFlight.length
  }

  onClose(run: () => void): void {
    if (this.isOpen) this.#onClose.push(run)
    else run()
  }

  /** The highest version of an API that both sides have. */
  version(api: AnyApi, versionMax?: number): number {
    return this.ranges!.pick(api, versionMax)
  }

  /** Sends a request at the highest common version and gives its decoded answer. */
  async request<In, Out>(
    api: Api<unknown, In, Out, unknown>,
    body: RequestBody<NoInfer<In>>,
    options: RequestOptions = {},
  ): Promise<Out> {
    const version = this.version(api, options.versionMax)
    const value = typeof body === 'function' ? (body as (version: number) => In)(version) : body
    const reader = await this.requestAt(api, version, value, options)
    try {
      return api.response.read(reader, version)
    } catch (error) {
      const malformed = this.#malformed(error)
      this.#fail(malformed)
      throw malformed
    }
  }

  /** As `request`, at a given version, and the caller decodes what follows the response header. */
  async requestAt<In>(
    api: Api<unknown, In, unknown, unknown>,
    version: number,
    value: NoInfer<In>,
    options: RequestOptions = {},
  ): Promise<Reader> {
    await this.#writable()
    options.signal?.throwIfAborted()
    return new Promise<Reader>((resolve, reject) => {
      const entry = this.#track(api, version, options, (error, reader) =>
        reader === undefined ? reject(error) : resolve(reader),
      )
      try {
        this.#write(api, version, entry.correlationId, value)
      } catch (error) {
        this.#inFlight.pop()
        entry.settle?.(unsendable(error))
      }
    })
  }

  /** For a request that is never answered (produce with acks 0): resolves when the socket has room again. */
  async tell<In>(api: Api<unknown, In, unknown, unknown>, value: NoInfer<In>, versionMax?: number): Promise<void> {
    await this.#writable()
    this.#write(api, this.version(api, versionMax), this.#takeId(), value)
    await this.#writable()
  }

  close(): void {
    this.#fail(new KafkaError('CLOSED', `the connection to ${this.broker} was closed`))
  }

  #takeId(): number {
    this.#nextCorrelationId = (this.#nextCorrelationId + 1) & 0x7fff_ffff
    return this.#nextCorrelationId
  }

  #track(
    api: AnyApi,
    version: number,
    { timeoutMs = this.#options.requestTimeoutMs, signal }: RequestOptions,
    settle: (error: unknown, reader?: Reader) => void,
  ): InFlight {
    const onAbort = (): void => done(signal?.reason)
    const entry: InFlight = { correlationId: this.#takeId(), api, version, timer: undefined, settle: undefined }
    const done = (error: unknown, reader?: Reader): void => {
      entry.settle = undefined
      entry.timer?.cancel()
      signal?.removeEventListener('abort', onAbort)
      settle(error, reader)
    }
    entry.settle = done
    signal?.addEventListener('abort', onAbort, { once: true })
    entry.timer = this.#options.timers.arm(timeoutMs, () => {
      const error = new KafkaError('TIMED_OUT', `${this.broker} did not answer ${api.name} within ${timeoutMs} ms`)
      done(error)
      this.#fail(new KafkaError('DISCONNECTED', `the connection to ${this.broker} was given up: ${error.message}`))
    })
    this.#inFlight.push(entry)
    return entry
  }

  async #writable(): Promise<void> {
    while (this.#closedBy === undefined && this.#socket.writableNeedDrain) {
      this.#drained ??= Promise.withResolvers<void>()
      await this.#drained.promise
    }
    if (this.#closedBy !== undefined) throw this.#closedBy
    if (this.#inFlight.length >= IN_FLIGHT_MAX || this.#socket.writableLength > WRITE_BUFFER_BYTES_MAX)
      throw new KafkaError('BUFFER_EXHAUSTED', `${this.#inFlight.length} requests wait for ${this.broker}`)
  }

  #write(api: AnyApi, version: number, correlationId: number, value: unknown): void {
    const writer = new Writer(512)
    writer.int32(0)
    const header = { apiKey: api.key, apiVersion: version, correlationId, clientId: this.#options.clientId }
    writeRequestHeader(writer, header, version >= api.flexible)
    api.request.write(writer, value, version)
    writer.patchInt32(writer.length - 4)
    const chunks = writer.chunks()
    // One system call for all that is asked within a turn of the event loop.
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    for (const chunk of chunks) this.#socket.write(chunk)
  }

  #receive(chunk: Buffer): void {
    if (this.#closedBy !== undefined) return
    try {
      this.#frames.push(chunk, frame => this.#answer(frame))
    } catch (error) {
      this.#fail(error instanceof KafkaError ? error : this.#malformed(error))
    }
  }

  #answer(frame: Buffer): void {
    const entry = this.#inFlight.shift()
    if (entry === undefined) throw this.#malformed(new Error('an answer that nobody asked for'))
    const reader = new Reader(frame)
    const flexible = responseHeaderIsFlexible(entry.api.key, entry.version >= entry.api.flexible)
    const correlationId = readResponseHeader(reader, flexible)
    if (correlationId !== entry.correlationId) {
      const error = this.#malformed(new Error(`answer ${correlationId} where ${entry.correlationId} was due`))
      entry.settle?.(error)
      throw error
    }
    entry.settle?.(undefined, reader)
  }

  #fail(error: KafkaError): void {
    if (this.#closedBy !== undefined) return
    this.#closedBy = error
    // What was handed over is still written: with acks 0 nothing else tells that it arrived.
    if (error.code === 'CLOSED') this.#socket.destroySoon()
    else this.#socket.destroy()
    this.#settleDrain()
    for (const entry of this.#inFlight.splice(0)) entry.settle?.(error)
    for (const run of this.#onClose.splice(0)) run()
  }

  #settleDrain(): void {
    this.#drained?.resolve()
    this.#drained = undefined
  }

  #lost(cause: Error | undefined): KafkaError {
    const why = cause === undefined ? 'the broker closed it' : ((cause as NodeJS.ErrnoException).code ?? cause.message)
    return new KafkaError('DISCONNECTED', `the connection to ${this.broker} was lost (${why})`, { cause })
  }

  #malformed(cause: unknown): KafkaError {
    const reason = cause instanceof Error ? cause.message : String(cause)
    return new KafkaError('MALFORMED_RESPONSE', `${this.broker} does not answer in Kafka's protocol: ${reason}`, {
      cause,
    })
  }
}

/** A value that the negotiated version cannot carry is told as Kafka's UNSUPPORTED_VERSION. */
function unsendable(error: unknown): unknown {
  if (!(error instanceof UnsupportedVersionError)) return error
  return new KafkaError('UNSUPPORTED_VERSION', `the broker is too old for this: ${error.message}`, { cause: error })
}
