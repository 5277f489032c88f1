import type { Socket } from 'node:net'
import type { Clock, Logger } from '@millrace/base'
import type { Dispatcher, Outcome } from './dispatcher.ts'
import { describeForeign } from './foreign.ts'
import { FrameParser } from './frame-parser.ts'
import type { ConnectionFacts } from './request-context.ts'
import type { ServerLoad } from './server-load.ts'

/** Requests of one connection that may be under way together. Producers keep five in flight; a reader rarely has two. */
const IN_FLIGHT_MAX = 16
/** With more than this unsent, the next request waits: a slow reader holds one answer of its own and no more. */
const UNSENT_BYTES_MAX = 1 << 20

export interface ConnectionOptions {
  readonly socket: Socket
  readonly facts: ConnectionFacts
  readonly dispatcher: Dispatcher
  readonly load: ServerLoad
  readonly requestBytesMax: number
  readonly clock: Clock
  readonly logger: Logger
  readonly onClose: (connection: Connection) => void
}

/** A request's place in the row of answers. Answers leave in the order in which requests came. */
interface Turn {
  outcome: Outcome | undefined
}

/**
 * One client's socket: frames in, answers out in the same order, several requests under way at a time.
 *
 *   socket ─► parser ─► #frames ─► dispatcher ─► #turns ─► #out ─► socket
 *                        waits while too much is under way or unsent; the socket is not read meanwhile
 */
export class Connection {
  readonly facts: ConnectionFacts
  readonly #options: ConnectionOptions
  readonly #parser: FrameParser
  readonly #frames: Buffer[] = []
  readonly #turns: Turn[] = []
  #out: Buffer[] = []
  #outBytes = 0
  #flushIsDue = false
  #paused = false
  #throttled = false
  #draining = false
  #closed = false
  #sawFrame = false
  /** Monotonic milliseconds of the last whole request or answer. A frame that trickles in does not count. */
  lastActiveMs: number

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.facts = options.facts
    this.#parser = new FrameParser(options.requestBytesMax)
    this.lastActiveMs = options.clock.monotonicMs()
    const { socket } = options
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('drain', () => this.#drained())
    socket.on('error', error => options.logger.debug('connection lost', { client: this.facts.clientHost, error }))
    socket.on('close', () => this.#ended())
  }

  /** No requests under way and nothing left to send. */
  get isIdle(): boolean {
    return this.#turns.length === 0 && this.#frames.length === 0 && this.#unsent() === 0
  }

  /** Lets what is under way be answered, reads no more, and then closes. */
  drain(): void {
    this.#draining = true
    this.#frames.length = 0
    this.#options.socket.pause()
    if (this.isIdle) this.#options.socket.end()
  }

  close(reason?: string): void {
    if (this.#closed) return
    if (reason !== undefined)
      this.#options.logger.info(`closed a connection: ${reason}`, {
        client: this.facts.clientHost,
        listener: this.facts.listener,
      })
    this.#options.socket.destroy()
  }

  #ended(): void {
    if (this.#closed) return
    this.#closed = true
    this.#options.load.unsent(-this.#outBytes)
    this.#frames.length = 0
    this.#out = []
    this.#options.onClose(this)
  }

  #receive(chunk: Buffer): void {
    const bad = this.#parser.push(chunk, frame => {
      this.#sawFrame = true
      this.#frames.push(frame)
    })
    this.#serve()
    if (bad !== undefined) this.#refuseSize(bad, chunk)
  }

  /** A peer that speaks something else altogether is told so, in its own words where it has any. */
  #refuseSize(size: number, chunk: Buffer): void {
    const foreign = this.#sawFrame ? undefined : describeForeign(chunk)
    if (foreign?.answer !== undefined) this.#options.socket.end(foreign.answer)
    this.close(
      foreign?.reason ??
        `a request of ${size} bytes, at most ${this.#options.requestBytesMax} are allowed (socket.request.max.bytes)`,
    )
  }

  #serve(): void {
    while (this.#frames.length > 0 && this.#mayServe()) this.#serveOne(this.#frames.shift()!)
    this.#steer()
    this.#flush()
  }

  #mayServe(): boolean {
    if (this.#closed || this.#draining || this.#throttled) return false
    if (this.#turns.length >= IN_FLIGHT_MAX || this.#unsent() > UNSENT_BYTES_MAX) return false
    return this.#options.load.admit(this.#resume)
  }

  readonly #resume = (): void => this.#serve()

  /** The socket is read only while what it brings can be served. */
  #steer(): void {
    const pause = this.#frames.length > 0 || this.#throttled
    if (pause === this.#paused || this.#closed || this.#draining) return
    this.#paused = pause
    if (pause) this.#options.socket.pause()
    else this.#options.socket.resume()
  }

  #serveOne(frame: Buffer): void {
    const { dispatcher, load, clock } = this.#options
    this.lastActiveMs = clock.monotonicMs()
    const turn: Turn = { outcome: undefined }
    this.#turns.push(turn)
    const outcome = dispatcher.dispatch(frame, this.facts)
    if (!(outcome instanceof Promise)) {
      turn.outcome = outcome
      this.#answer()
      return
    }
    load.started()
    void outcome.then(late => {
      load.ended()
      turn.outcome = late
      this.#answer()
      this.#serve()
    })
  }

  /** Moves the answers that are due, up to the first that is still being worked on. */
  #answer(): void {
    while (this.#turns.length > 0) {
      const { outcome } = this.#turns[0]!
      if (outcome === undefined) return
      this.#turns.shift()
      if (this.#closed) continue
      if (outcome.kind === 'close') return this.close(outcome.reason)
      if (outcome.kind === 'answer') this.#queue(outcome.chunks, outcome.bytes, outcome.throttleTimeMs)
    }
    if (this.#draining) this.#flush()
  }

  #queue(chunks: readonly Buffer[], bytes: number, throttleTimeMs: number): void {
    for (const chunk of chunks) this.#out.push(chunk)
    this.#outBytes += bytes
    this.#options.load.unsent(bytes)
    if (throttleTimeMs > 0) this.#throttle(throttleTimeMs)
    if (this.#flushIsDue) return
    this.#flushIsDue = true
    queueMicrotask(() => this.#flush())
  }

  /** KIP-219: the answer has left; the next request is read only after the time is up. */
  #throttle(ms: number): void {
    this.#throttled = true
    this.#options.clock.schedule(ms, () => {
      this.#throttled = false
      this.#serve()
    })
  }

  /** One write for all that is due in this turn. */
  #flush(): void {
    this.#flushIsDue = false
    const { socket } = this.#options
    if (this.#closed || this.#out.length === 0) return this.#endIfDrained()
    const chunks = this.#out
    const bytes = this.#outBytes
    this.#out = []
    this.#outBytes = 0
    this.lastActiveMs = this.#options.clock.monotonicMs()
    socket.cork()
    for (let i = 0; i < chunks.length - 1; i++) socket.write(chunks[i]!)
    socket.write(chunks[chunks.length - 1]!, () => {
      this.#options.load.unsent(-bytes)
      this.#endIfDrained()
    })
    socket.uncork()
  }

  #endIfDrained(): void {
    if (this.#draining && this.isIdle && !this.#closed) this.#options.socket.end()
  }

  #drained(): void {
    this.lastActiveMs = this.#options.clock.monotonicMs()
    this.#serve()
  }

  #unsent(): number {
    return this.#outBytes + this.#options.socket.writableLength
  }
}
