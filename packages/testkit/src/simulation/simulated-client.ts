/** What simulated clients have in common: a connection that may be lost at any time, requests that may stay without an answer, and a place in the history. */
import type { Random } from '@millrace/base'
import {
  type Api,
  Reader,
  readResponseHeader,
  responseHeaderIsFlexible,
  Writer,
  writeRequestHeader,
} from '@millrace/protocol'
import type { HistoryLine } from '../history/event.ts'
import type { Sparse } from '../wire-client.ts'
import type { ClientSocket, SimulatedNetwork } from './simulated-network.ts'
import type { SimulatedTime } from './simulated-time.ts'

/** One life of a topic, as clients know it. */
export interface SimulatedTopic {
  readonly name: string
  readonly id: string
  /** How the history calls it. */
  readonly key: string
  readonly partitions: number
  readonly shrinks: boolean
  isGone: boolean
}

type Unstamped<T> = T extends unknown ? Omit<T, 'at'> : never

/** What clients share. */
export interface ClientWorld {
  readonly time: SimulatedTime
  readonly network: SimulatedNetwork
  /** Grows while topics are made. */
  readonly topics: SimulatedTopic[]
  /** Clients are to come to their end. */
  readonly isEnding: boolean
  record(line: Unstamped<HistoryLine>): void
  /** Requests that were answered. */
  countOperation(): void
}

/** No answer: nobody knows whether the request was served. */
export class NoAnswer extends Error {}

interface Awaited {
  readonly correlationId: number
  readonly resolve: (frame: Buffer) => void
  readonly reject: (error: Error) => void
}

const TIMEOUT_MS = 1_500

export class SimulatedClient {
  readonly name: string
  protected readonly world: ClientWorld
  protected readonly random: Random
  #socket: ClientSocket | undefined
  #connecting: Promise<ClientSocket> | undefined
  #awaited: Awaited[] = []
  #received: Buffer = Buffer.alloc(0)
  #correlationId = 0

  constructor(world: ClientWorld, name: string, random: Random) {
    this.world = world
    this.name = name
    this.random = random
  }

  /** Rejects with NoAnswer. */
  async request<Q, QI, R, RI>(
    api: Api<Q, QI, R, RI>,
    version: number,
    body: Sparse<NoInfer<QI>>,
    timeoutMs = TIMEOUT_MS,
  ): Promise<R> {
    const socket = await this.#connected()
    const frame = await this.#roundTrip(socket, this.#frameOf(api, version, body), timeoutMs)
    this.world.countOperation()
    const r = new Reader(frame)
    readResponseHeader(r, responseHeaderIsFlexible(api.key, version >= api.flexible))
    return api.response.read(r, version)
  }

  /** For a request without an answer. */
  async send<Q, QI, R, RI>(api: Api<Q, QI, R, RI>, version: number, body: Sparse<NoInfer<QI>>): Promise<void> {
    const socket = await this.#connected()
    socket.send(this.#frameOf(api, version, body))
    this.world.countOperation()
  }

  /** Turns away from the connection, if there is one; what is under way stays without an answer. */
  disconnect(): void {
    const socket = this.#socket
    this.#socket = undefined
    this.#received = Buffer.alloc(0)
    socket?.abandon()
    for (const { reject } of this.#awaited.splice(0)) reject(new NoAnswer('the connection was lost'))
  }

  /** The client does not read for a while. */
  stall(ms: number): void {
    const socket = this.#socket
    socket?.pause()
    this.world.time.schedule(ms, () => socket?.resume())
  }

  protected sleep(ms: number): Promise<void> {
    return this.world.time.sleep(ms)
  }

  protected chance(perMille: number): boolean {
    return this.random.integer(1000) < perMille
  }

  protected pick<T>(from: readonly T[]): T {
    return from[this.random.integer(from.length)]!
  }

  #connected(): Promise<ClientSocket> {
    if (this.#socket !== undefined) return Promise.resolve(this.#socket)
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  async #connect(): Promise<ClientSocket> {
    let socket: ClientSocket | undefined
    const isCurrent = (): boolean => socket !== undefined && this.#socket === socket
    socket = await this.world.network.connect({
      received: bytes => {
        if (isCurrent()) this.#receive(bytes)
      },
      closed: () => {
        if (isCurrent()) this.disconnect()
      },
    })
    if (socket === undefined) throw new NoAnswer('nobody listens')
    this.#socket = socket
    return socket
  }

  #roundTrip(socket: ClientSocket, frame: Buffer, timeoutMs: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#socket !== socket) return reject(new NoAnswer('the connection was lost'))
      const timer = this.world.time.schedule(timeoutMs, () => {
        if (this.#socket === socket) this.disconnect()
      })
      this.#awaited.push({
        correlationId: frame.readInt32BE(8),
        resolve: answer => {
          timer.cancel()
          resolve(answer)
        },
        reject: error => {
          timer.cancel()
          reject(error)
        },
      })
      socket.send(frame)
    })
  }

  #receive(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    while (this.#received.length >= 4) {
      const end = 4 + this.#received.readInt32BE(0)
      if (this.#received.length < end) return
      const frame = this.#received.subarray(4, end)
      this.#received = this.#received.subarray(end)
      const awaited = this.#awaited.shift()
      if (awaited === undefined) continue
      if (awaited.correlationId === frame.readInt32BE(0)) awaited.resolve(frame)
      else awaited.reject(new Error(`answer ${frame.readInt32BE(0)} to request ${awaited.correlationId}`))
    }
  }

  #frameOf<Q, QI, R, RI>(api: Api<Q, QI, R, RI>, apiVersion: number, body: Sparse<NoInfer<QI>>): Buffer {
    const w = new Writer()
    w.int32(0)
    const header = { apiKey: api.key, apiVersion, correlationId: this.#correlationId++, clientId: this.name }
    writeRequestHeader(w, header, apiVersion >= api.flexible)
    api.request.write(w, body as QI, apiVersion)
    w.patchInt32(w.length - 4)
    return w.finish()
  }
}
