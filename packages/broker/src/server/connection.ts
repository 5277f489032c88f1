import type { BufferPool, Clock, Lease, Logger, Scheduled } from '@millrace/base'
import type { Dispatcher, Outcome } from './dispatcher.ts'
import { describeForeign } from './foreign.ts'
import { type Frame, FrameParser } from './frame-parser.ts'
import type { ConnectionFacts } from './request-context.ts'
import type { ServerLoad } from './server-load.ts'
import type { TransportSocket } from './transport.ts'

/** Requests of one connection that may be under way together. Producers keep five in flight; a reader rarely has two. */
const IN_FLIGHT_MAX = 16
/**
 * With more than this unsent, the next request waits: a slow reader holds one answer of its own and no more. What the system has taken does not count, and it
 * takes megabytes, so whoever reads loses nothing by it.
 */
const UNSENT_BYTES_MAX = 64 * 1024
/** The same for answers that are ready behind one that is waited for. More of these, because a socket that is not read does not tell that its client hung up. */
const HELD_BYTES_MAX = 1 << 20
/** Silence after which the kernel asks whether the peer is still there. */
const KEEP_ALIVE_MS = 60_000
/** Who sends such frames sends several one behind the other, and is read much at a time. */
const LARGE_FRAME_BYTES = 8 * 1024
/** How long the last answers may take to leave and the client to hang up, once the connection is to end. */
const END_MS = 5_000

export interface ConnectionOptions {
  readonly socket: TransportSocket
  readonly facts: ConnectionFacts
  readonly dispatcher: Pick<Dispatcher, 'dispatch'>
  readonly load: ServerLoad
  readonly requestBytesMax: number
  /** Where large requests are put. */
  readonly frameBlocks: BufferPool
  readonly clock: Clock
  readonly logger: Logger
  readonly onClose: (connection: Connection) => void
}

/** A request's place in the row of answers. Answers leave in the order in which requests came. */
interface Turn {
  outcome: Outcome | undefined
}

type Close = Extract<Outcome, { kind: 'close' }>

/**
 * One client's socket: frames in, answers out in the same order, several requests under way at a time.
 *
 *   socket ─► parser ─► #frames ─► dispatcher ─► #turns ─► #out ─► socket
 *                        waits while too much is under way or unsent; the socket is not read meanwhile, and what was read stays `#unparsed`
 *
 *   open ──drain()──► draining ──all answered──► ending ──sent and hung up, or END_MS──► closed
 *     └────────── a `close` outcome has its turn ──┘
 *
 * `draining` serves nothing new. `ending` sends what is left, then its FIN, and throws away what still comes in: closing a socket with unread bytes would
 * reset it, and a reset takes the last answers away from the client.
 */
export class Connection {
  readonly facts: ConnectionFacts
  readonly #options: ConnectionOptions
  readonly #parser: FrameParser
  readonly #frames: Frame[] = []
  /** What came behind a frame that has to wait. */
  #unparsed: Buffer | undefined
  readonly #turns: Turn[] = []
  #phase: 'open' | 'draining' | 'ending' | 'closed' = 'open'
  /** A `close` outcome is in the row: whatever came after that request is not served. */
  #isDoomed = false
  /** What came in cannot be a request. It has its turn after the requests before it. */
  #misfit: Close | undefined
  #out: Buffer[] = []
  #outBytes = 0
  /** Of memory that `#out` has views of. */
  #outLeases: Lease[] = []
  /** Of memory that the socket has views of, a write each. */
  readonly #lent = new Set<readonly Lease[]>()
  /** Bytes of answers that are ready but wait for one before them. They are memory like what is in `#out`. */
  #heldBytes = 0
  #paused = false
  #throttledUntilMs = 0
  #throttle: Scheduled | undefined
  #deadline: Scheduled | undefined
  #sawFrame = false
  /** Bytes counted with the load for the frame that is coming in. */
  #reserved = 0
  /** Monotonic milliseconds of the last whole request, or of the last bytes that left. A frame that trickles in does not count. */
  lastActiveMs: number

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.facts = options.facts
    this.#parser = new FrameParser(options.requestBytesMax, options.frameBlocks)
    this.lastActiveMs = options.clock.monotonicMs()
    const { socket, logger } = options
    socket.setNoDelay(true)
    // A peer that vanished without a word is found out while a request of it waits, too: then it is not idle.
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('drain', () => this.#serve())
    socket.on('error', error => logger.debug('connection lost', { client: this.facts.clientHost, error }))
    socket.on('close', () => {
      this.#letGo()
      for (const leases of this.#lent) releaseAll(leases)
      this.#lent.clear()
      options.onClose(this)
    })
  }

  /** Nothing of it is being worked on: it is the client's move, to ask or to read. */
  get isIdle(): boolean {
    return this.#turns.length === 0 && (this.#frames.length === 0 || this.#unsent() > 0)
  }

  /** Of its answers: what the system has not taken, as exactly as the socket tells. */
  get backlogBytes(): number {
    const { socket } = this.#options
    return this.#outBytes + this.#heldBytes + (socket.backlogBytes ?? socket.writableLength)
  }

  /** Lets what is under way be answered, serves nothing more, and then closes. */
  drain(): void {
    if (this.#phase !== 'open') return
    this.#phase = 'draining'
    this.#dropFrames()
    this.#reserve()
    this.#options.socket.pause()
    if (this.#turns.length > 0) return
    // Nobody waits for anything here, so nothing is lost by not waiting for the client either.
    if (this.#unsent() === 0) this.#options.socket.destroySoon()
    else this.#end()
  }

  /** Ends it at once. */
  close(reason?: string): void {
    if (this.#phase === 'closed') return
    if (reason !== undefined) this.#logClose(reason)
    this.#letGo()
    this.#options.socket.destroy()
  }

  #logClose(reason: string): void {
    const { clientHost: client, listener } = this.facts
    this.#options.logger.info(`closed a connection: ${reason}`, { client, listener })
  }

  /** Requests under way finish without it; `#answer` finds no turns. */
  #letGo(): void {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    const { load } = this.#options
    load.unsent(-this.#outBytes - this.#heldBytes)
    load.forget(this.#resume)
    if (this.#reserved > 0) load.release(this.#reserved)
    this.#reserved = 0
    this.#throttle?.cancel()
    this.#deadline?.cancel()
    this.#dropFrames()
    for (const { outcome } of this.#turns) releaseUnsent(outcome)
    this.#turns.length = 0
    this.#out = []
    releaseAll(this.#outLeases)
    this.#outLeases = []
    this.#outBytes = 0
    this.#heldBytes = 0
  }

  #receive(chunk: Buffer): void {
    if (this.#phase !== 'open' || this.#isDoomed || this.#misfit !== undefined) return
    this.#parse(chunk)
    // The chunk is lent.
    if (this.#unparsed !== undefined) this.#unparsed = Buffer.from(this.#unparsed)
    this.#serve()
    this.#options.socket.readsMuch = this.#parser.sizeAtHand >= LARGE_FRAME_BYTES
  }

  /** Serves frame after frame as they are cut, so that one's block is the next one's, still warm. Behind the first that has to wait all stays bytes. */
  #parse(chunk: Buffer): void {
    const bad = this.#parser.push(chunk, frame => {
      this.#sawFrame = true
      this.#frames.push(frame)
      // A frame that is complete now must not be kept out by its own reservation.
      this.#reserve()
      this.#serveFrames()
      return this.#frames.length === 0 && this.#mayRead
    })
    if (bad !== undefined) this.#misfit = this.#misfitOf(bad, chunk)
    else if (this.#parser.consumed < chunk.length && this.#mayRead)
      this.#unparsed = chunk.subarray(this.#parser.consumed)
  }

  get #mayRead(): boolean {
    return this.#phase === 'open' && !this.#isDoomed
  }

  #dropFrames(): void {
    this.#frames.length = 0
    this.#unparsed = undefined
  }

  /** A peer that speaks something else altogether is told so, in its own words where it has any. */
  #misfitOf(size: number, chunk: Buffer): Close {
    const foreign = this.#sawFrame ? undefined : describeForeign(chunk)
    if (foreign !== undefined) return { kind: 'close', ...foreign }
    const max = this.#options.requestBytesMax
    return {
      kind: 'close',
      reason: `a request of ${size} bytes, at most ${max} are allowed (socket.request.max.bytes)`,
    }
  }

  #serve(): void {
    this.#serveFrames()
    while (this.#unparsed !== undefined && this.#frames.length === 0) {
      const bytes = this.#unparsed
      this.#unparsed = undefined
      this.#parse(bytes)
    }
    if (this.#misfit !== undefined && this.#frames.length === 0 && !this.#isDoomed) {
      const turn: Turn = { outcome: undefined }
      this.#turns.push(turn)
      this.#settle(turn, this.#misfit)
    }
    this.#reserve()
    this.#steer()
    this.#flush()
  }

  #serveFrames(): void {
    while (this.#frames.length > 0 && this.#mayServe()) this.#serveOne(next(this.#frames))
  }

  #mayServe(): boolean {
    if (!this.#mayRead || this.#throttle !== undefined) return false
    if (this.#turns.length >= IN_FLIGHT_MAX || this.#heldBytes > HELD_BYTES_MAX) return false
    if (this.#outBytes + this.#options.socket.writableLength > UNSENT_BYTES_MAX) return false
    return this.#options.load.admit(this.#resume)
  }

  readonly #resume = (): void => this.#serve()

  /**
   * `queued.max.request.bytes` covers a request from its size prefix on, as in Kafka: one that has begun is read to its end, whoever comes later. Not while
   * whole frames wait: those keep the socket from being read, and would wait for bytes that they hold themselves.
   */
  #reserve(): void {
    const { load } = this.#options
    const wanted = this.#phase === 'open' && this.#frames.length === 0 ? this.#parser.claimed : 0
    if (wanted === this.#reserved) return
    if (this.#reserved > 0) load.release(this.#reserved)
    this.#reserved = 0
    if (wanted === 0 || !load.admit(this.#resume)) return
    load.hold(wanted)
    this.#reserved = wanted
  }

  /** The socket is read only while what it brings can be served. */
  #steer(): void {
    if (this.#phase !== 'open') return
    const isBlocked = this.#frames.length > 0 || (this.#parser.claimed > 0 && this.#reserved === 0)
    const pause = isBlocked || this.#throttle !== undefined || this.#isDoomed
    if (pause === this.#paused) return
    this.#paused = pause
    if (pause) this.#options.socket.pause()
    else this.#options.socket.resume()
  }

  #serveOne({ bytes: frame, lease }: Frame): void {
    const { dispatcher, load, clock } = this.#options
    this.lastActiveMs = clock.monotonicMs()
    const turn: Turn = { outcome: undefined }
    this.#turns.push(turn)
    const outcome = dispatcher.dispatch(frame, this.facts)
    if (!(outcome instanceof Promise)) {
      giveBack(lease, outcome)
      return this.#settle(turn, outcome)
    }
    const bytes = frame.length
    load.started(bytes)
    void outcome.then(late => {
      load.ended(bytes)
      giveBack(lease, late)
      this.#settle(turn, late)
      this.#serve()
    })
  }

  #settle(turn: Turn, outcome: Outcome): void {
    if (this.#turns.length === 0) return releaseUnsent(outcome)
    turn.outcome = outcome
    if (outcome.kind === 'close') this.#isDoomed = true
    if (outcome.kind === 'answer') this.#hold(outcome.bytes)
    this.#answer()
  }

  /** Moves the answers that are due, up to the first that is still being worked on. */
  #answer(): void {
    while (this.#turns.length > 0) {
      const { outcome } = this.#turns[0]!
      if (outcome === undefined) return
      next(this.#turns)
      if (outcome.kind === 'close') return this.#endFor(outcome)
      if (outcome.kind !== 'answer') continue
      this.#hold(-outcome.bytes)
      if (outcome.leases !== undefined) this.#outLeases.push(...outcome.leases)
      this.#queue(outcome.chunks, outcome.bytes, outcome.throttleTimeMs)
    }
    if (this.#phase === 'draining') this.#end()
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes
    this.#options.load.unsent(bytes)
  }

  #endFor({ reason, answer }: Close): void {
    this.#logClose(reason)
    if (answer !== undefined) this.#queue([answer], answer.length, 0)
    this.#end()
  }

  /** What is queued leaves, and nothing after it. */
  #end(): void {
    if (this.#phase === 'ending' || this.#phase === 'closed') return
    this.#phase = 'ending'
    for (const { outcome } of this.#turns) releaseUnsent(outcome)
    this.#turns.length = 0
    this.#hold(-this.#heldBytes)
    this.#dropFrames()
    this.#reserve()
    this.#flush()
    const { socket, clock } = this.#options
    socket.end()
    socket.resume()
    this.#deadline = clock.schedule(END_MS, () => this.close())
  }

  /** It leaves with the `#flush` at the end of `#serve` or of `#end`, through one of which every answer comes. */
  #queue(chunks: readonly Buffer[], bytes: number, throttleTimeMs: number): void {
    // Mostly it is all there is, and a push makes room for many.
    if (this.#out.length === 0) this.#out = [...chunks]
    else for (const chunk of chunks) this.#out.push(chunk)
    this.#outBytes += bytes
    this.#options.load.unsent(bytes)
    if (throttleTimeMs > 0) this.#throttleFor(throttleTimeMs)
  }

  /** KIP-219: the answer has left; the next request is read only after the time is up. Of several answers the latest time holds. */
  #throttleFor(ms: number): void {
    const { clock } = this.#options
    const untilMs = clock.monotonicMs() + ms
    if (this.#throttle !== undefined && untilMs <= this.#throttledUntilMs) return
    this.#throttle?.cancel()
    this.#throttledUntilMs = untilMs
    this.#throttle = clock.schedule(ms, () => {
      this.#throttle = undefined
      this.#serve()
    })
  }

  /** One write for all that is due in this turn. */
  #flush(): void {
    if (this.#out.length === 0) return
    const { socket, load, clock } = this.#options
    const chunks = this.#out
    const bytes = this.#outBytes
    const leases = this.#outLeases
    this.#out = []
    this.#outLeases = []
    this.#outBytes = 0
    if (!socket.writable) {
      // The client has hung up: its answers go where it went.
      releaseAll(leases)
      return load.unsent(-bytes)
    }
    if (leases.length > 0) this.#lent.add(leases)
    const sent = (failed?: Error | null): void => {
      load.unsent(-bytes)
      // After a failure the system may look at them until the socket is closed.
      if ((failed === null || failed === undefined) && this.#lent.delete(leases)) releaseAll(leases)
      this.lastActiveMs = clock.monotonicMs()
      // There is no `drain` after a write that the system took at once.
      if (this.#frames.length > 0) this.#serve()
    }
    if (chunks.length === 1) return void socket.write(chunks[0]!, sent)
    socket.cork()
    for (let i = 0; i < chunks.length - 1; i++) socket.write(chunks[i]!)
    socket.write(chunks[chunks.length - 1]!, sent)
    socket.uncork()
  }

  #unsent(): number {
    return this.#outBytes + this.#heldBytes + this.#options.socket.writableLength
  }
}

/** The first. Taking the only one from the end leaves the row its room, where a shift would drop it for the next request to make again. */
function next<T>(row: T[]): T {
  return row.length === 1 ? row.pop()! : row.shift()!
}

function releaseAll(leases: readonly Lease[]): void {
  for (const lease of leases) lease.release()
}

/** Of an answer that goes nowhere. */
function releaseUnsent(outcome: Outcome | undefined): void {
  if (outcome?.kind === 'answer' && outcome.leases !== undefined) releaseAll(outcome.leases)
}

/** Whether or not the client is still there. A request that failed leaves its frame to the collector: something of it may still be under way. */
function giveBack(frame: Lease | undefined, outcome: Outcome): void {
  if (frame !== undefined && outcome.kind !== 'close' && outcome.frameIsFree) frame.release()
}
