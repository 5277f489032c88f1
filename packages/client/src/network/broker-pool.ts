import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { systemClock, TimerWheel } from '@millrace/base'
import { ApiVersions } from '@millrace/protocol'
import { KafkaError } from '../errors.ts'
import { type Address, addressText } from './address.ts'
import { connect, type HandshakeHint } from './connect.ts'
import type { Connection } from './connection.ts'

export interface PoolOptions {
  readonly clientId: string
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly tls: TlsOptions | undefined
}

/**
 * A broker works through one connection's requests one after the other. What it may hold back (fetches, joins) therefore has a lane, that is a
 * connection, of its own, so that nothing waits behind it.
 */
export type Lane = 'default' | 'fetch' | 'coordinator'

const RESPONSE_BYTES_MAX = 512 * 1024 * 1024

/** The connections of one client: at most one for each address and lane, made when first needed. */
export class BrokerPool {
  readonly #options: PoolOptions
  readonly #connections = new Map<string, Connection>()
  readonly #connecting = new Map<string, Promise<Connection>>()
  readonly #timers = new TimerWheel(systemClock)
  readonly #hint: HandshakeHint = { version: ApiVersions.versions[1] }
  #closed = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /** The open connection, or a new one. Several callers share one attempt. */
  async connection(address: Address, lane: Lane = 'default'): Promise<Connection> {
    if (this.#closed) throw new KafkaError('CLOSED', 'the client is closed')
    const key = `${addressText(address)} ${lane}`
    const open = this.#connections.get(key)
    if (open?.isOpen) return open
    const attempt = this.#connecting.get(key) ?? this.#connect(key, address)
    return attempt
  }

  /** An open connection of the default lane, the least busy one. */
  leastBusy(): Connection | undefined {
    let best: Connection | undefined
    for (const [key, connection] of this.#connections) {
      if (!connection.isOpen || !key.endsWith(' default')) continue
      if (best === undefined || connection.inFlightCount < best.inFlightCount) best = connection
    }
    return best
  }

  close(): void {
    this.#closed = true
    for (const connection of this.#connections.values()) connection.close()
    this.#connections.clear()
    this.#timers.close()
  }

  #connect(key: string, address: Address): Promise<Connection> {
    const options = { ...this.#options, responseBytesMax: RESPONSE_BYTES_MAX, timers: this.#timers }
    const attempt = connect(address, options, this.#hint).then(
      connection => {
        this.#connecting.delete(key)
        if (this.#closed) {
          connection.close()
          throw new KafkaError('CLOSED', 'the client is closed')
        }
        this.#connections.set(key, connection)
        connection.onClose(() => {
          if (this.#connections.get(key) === connection) this.#connections.delete(key)
        })
        return connection
      },
      error => {
        this.#connecting.delete(key)
        throw error
      },
    )
    this.#connecting.set(key, attempt)
    return attempt
  }
}
