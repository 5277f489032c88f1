/**
 * Connections between clients and the broker's process: bytes that take their time, arrive in pieces, and are lost from any byte on.
 *
 * Within a direction of one connection bytes keep their order, as TCP has it; between connections nothing does. What is under way when a client gives up
 * may still arrive, late: that is how a broker comes to serve a request whose repeat it has served already.
 */
import { assert, type Random } from '@millrace/base'
import type { Transport, TransportSocket } from '@millrace/broker'
import type { SimulatedTime } from './simulated-time.ts'

export interface NetworkWeather {
  latencyMsMax: number
  /** In a thousand pieces: how many are late, and by how much at the most. */
  latePerMille: number
  lateMsMax: number
}

export interface ClientSocket {
  send(bytes: Buffer): void
  /** The client turns away: what it sent may still arrive, what comes is lost. */
  abandon(): void
  pause(): void
  resume(): void
}

export interface ClientListener {
  received(bytes: Buffer): void
  closed(): void
}

const WRITE_BUFFER_BYTES = 16 * 1024

export class SimulatedNetwork {
  readonly weather: NetworkWeather = { latencyMsMax: 2, latePerMille: 5, lateMsMax: 300 }
  readonly #time: SimulatedTime
  readonly #random: Random
  readonly #connections = new Set<Link>()
  #accept: ((socket: TransportSocket) => void) | undefined

  constructor(time: SimulatedTime, random: Random) {
    this.#time = time
    this.#random = random
  }

  get openCount(): number {
    return this.#connections.size
  }

  /** For one process; the port is its own until the process ends. */
  transportOf(life: { readonly isOver: boolean }): Transport {
    return {
      listen: async (_, accept) => {
        const own = (socket: TransportSocket): void => {
          if (!life.isOver) accept(socket)
        }
        this.#accept = own
        return {
          port: 9092,
          onError: () => {},
          close: () => {
            if (this.#accept === own) this.#accept = undefined
          },
        }
      },
    }
  }

  /** Undefined when nobody listens. */
  async connect(listener: ClientListener): Promise<ClientSocket | undefined> {
    await this.#time.sleep(this.delayMs())
    if (this.#accept === undefined) return undefined
    const link = new Link(this, this.#time, this.#random, listener)
    this.#connections.add(link)
    this.#accept(link.server)
    return link.client
  }

  /** The process is gone: nobody listens, and every connection breaks. What the clients were already sent may arrive or not. */
  processDied(): void {
    this.#accept = undefined
    for (const link of [...this.#connections]) link.cut(this.#random.integer(2) === 0)
  }

  cutSome(perMille: number): void {
    for (const link of [...this.#connections])
      if (this.#random.integer(1000) < perMille) link.cut(this.#random.integer(2) === 0)
  }

  delayMs(): number {
    const { latencyMsMax, latePerMille, lateMsMax } = this.weather
    const usual = this.#random.integer(Math.ceil(latencyMsMax * 1000) + 1) / 1000
    return this.#random.integer(1000) < latePerMille ? usual + this.#random.integer(lateMsMax + 1) : usual
  }

  gone(link: Link): void {
    this.#connections.delete(link)
  }
}

/** One direction of a connection. */
class Direction {
  readonly #time: SimulatedTime
  readonly #network: SimulatedNetwork
  readonly #deliver: (bytes: Buffer) => void
  readonly #waiting: Buffer[] = []
  #lastArrivalMs = 0
  #isPaused = false
  #isBroken = false
  unread = 0
  onRead: ((bytes: number) => void) | undefined
  onEnd: (() => void) | undefined
  #hasEnded = false

  constructor(network: SimulatedNetwork, time: SimulatedTime, deliver: (bytes: Buffer) => void) {
    this.#network = network
    this.#time = time
    this.#deliver = deliver
  }

  send(bytes: Buffer): void {
    if (this.#isBroken || bytes.length === 0) return
    this.unread += bytes.length
    this.#at(() => {
      this.#waiting.push(bytes)
      this.#pump()
    })
  }

  /** Behind all that was sent. */
  end(run: () => void): void {
    this.onEnd = run
    this.#at(() => {
      this.#hasEnded = true
      this.#pump()
    })
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    // Not on the stack of whoever resumes: it may be in the middle of what it does with the last piece.
    this.#time.schedule(0, () => this.#pump())
  }

  break(): void {
    this.#isBroken = true
    this.#waiting.length = 0
  }

  #at(run: () => void): void {
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, this.#time.nowMs + this.#network.delayMs())
    this.#time.scheduleAt(this.#lastArrivalMs, () => {
      if (!this.#isBroken) run()
    })
  }

  #pump(): void {
    while (!this.#isPaused && !this.#isBroken && this.#waiting.length > 0) {
      const bytes = this.#waiting.shift()!
      this.unread -= bytes.length
      this.#deliver(bytes)
      this.onRead?.(bytes.length)
    }
    if (this.#hasEnded && this.#waiting.length === 0 && !this.#isBroken) {
      this.#hasEnded = false
      this.onEnd?.()
    }
  }
}

class Link {
  readonly server: ServerEnd
  readonly client: ClientSocket
  readonly #network: SimulatedNetwork
  readonly #time: SimulatedTime
  readonly #random: Random
  readonly #listener: ClientListener
  readonly #toServer: Direction
  readonly #toClient: Direction
  #clientIsGone = false

  constructor(network: SimulatedNetwork, time: SimulatedTime, random: Random, listener: ClientListener) {
    this.#network = network
    this.#time = time
    this.#random = random
    this.#listener = listener
    this.#toServer = new Direction(network, time, bytes => this.server.received(bytes))
    this.#toClient = new Direction(network, time, bytes => {
      if (!this.#clientIsGone) listener.received(bytes)
    })
    this.server = new ServerEnd(time, this.#toServer, this.#toClient, () => this.#hangUp())
    this.client = {
      send: bytes => this.#sendInPieces(bytes),
      abandon: () => this.#abandon(),
      pause: () => this.#toClient.pause(),
      resume: () => this.#toClient.resume(),
    }
  }

  /** `keepsSent`: what was under way to the client still arrives before it learns of the end. */
  cut(keepsSent: boolean): void {
    this.#network.gone(this)
    this.#toServer.break()
    this.server.gone()
    if (keepsSent) {
      this.#toClient.resume()
      this.#toClient.end(() => this.#tellClient())
    } else {
      this.#toClient.break()
      this.#time.schedule(this.#network.delayMs(), () => this.#tellClient())
    }
  }

  #tellClient(): void {
    if (this.#clientIsGone) return
    this.#clientIsGone = true
    this.#listener.closed()
  }

  #sendInPieces(bytes: Buffer): void {
    let rest = Buffer.from(bytes)
    while (rest.length > 1 && this.#random.integer(8) === 0) {
      const piece = 1 + this.#random.integer(rest.length - 1)
      this.#toServer.send(rest.subarray(0, piece))
      rest = rest.subarray(piece)
    }
    this.#toServer.send(rest)
  }

  #abandon(): void {
    if (this.#clientIsGone) return
    this.#clientIsGone = true
    this.#toClient.break()
    this.#toServer.end(() => this.cut(false))
  }

  /** The broker has closed its end. */
  #hangUp(): void {
    this.#network.gone(this)
    this.#toServer.break()
    this.#toClient.end(() => this.#tellClient())
  }
}

class ServerEnd implements TransportSocket {
  readonly remoteAddress = '10.0.0.1'
  writable = true
  readonly #time: SimulatedTime
  readonly #toServer: Direction
  readonly #toClient: Direction
  readonly #hangUp: () => void
  readonly #onData: ((chunk: Buffer) => void)[] = []
  readonly #onDrain: (() => void)[] = []
  readonly #onClose: (() => void)[] = []
  #isGone = false
  #wantsDrain = false
  #corked: Buffer[] | undefined

  constructor(time: SimulatedTime, toServer: Direction, toClient: Direction, hangUp: () => void) {
    this.#time = time
    this.#toServer = toServer
    this.#toClient = toClient
    this.#hangUp = hangUp
    toClient.onRead = () => {
      if (!this.#wantsDrain || toClient.unread > 0 || this.#isGone) return
      this.#wantsDrain = false
      for (const run of this.#onDrain) run()
    }
  }

  get writableLength(): number {
    return this.#isGone ? 0 : this.#toClient.unread
  }

  on(event: 'data' | 'drain' | 'close' | 'error', run: (argument: never) => void): this {
    if (event === 'data') this.#onData.push(run as (chunk: Buffer) => void)
    if (event === 'drain') this.#onDrain.push(run as () => void)
    if (event === 'close') this.#onClose.push(run as () => void)
    return this
  }

  received(bytes: Buffer): void {
    for (const run of this.#onData) run(bytes)
  }

  setNoDelay(): void {}
  setKeepAlive(): void {}

  pause(): void {
    this.#toServer.pause()
  }

  resume(): void {
    this.#toServer.resume()
  }

  cork(): void {
    this.#corked ??= []
  }

  uncork(): void {
    const bytes = Buffer.concat(this.#corked ?? [])
    this.#corked = undefined
    this.#toClient.send(bytes)
  }

  write(chunk: Uint8Array, sent?: () => void): boolean {
    assert(!this.#isGone, 'a write to a socket that was closed')
    const bytes = Buffer.from(chunk)
    if (this.#corked === undefined) this.#toClient.send(bytes)
    else this.#corked.push(bytes)
    if (sent !== undefined) this.#time.schedule(0, sent)
    this.#wantsDrain = this.#toClient.unread > WRITE_BUFFER_BYTES
    return !this.#wantsDrain
  }

  end(): void {
    this.writable = false
    this.#toClient.end(() => this.destroy())
  }

  destroySoon(): void {
    this.end()
  }

  destroy(): void {
    if (this.#isGone) return
    this.#hangUp()
    this.gone()
  }

  gone(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.writable = false
    this.#time.schedule(0, () => {
      for (const run of this.#onClose) run()
    })
  }
}
