import { createConnection, type Socket } from 'node:net'
import { type ConnectionOptions as TlsOptions, connect as tlsConnect } from 'node:tls'
import type { TimerWheel } from '@millrace/base'
import { ApiVersions, errorCode } from '@millrace/protocol'
import { KafkaError, wireError } from '../errors.ts'
import { type Address, addressText } from './address.ts'
import { ApiRanges } from './api-ranges.ts'
import { Connection } from './connection.ts'

export interface ConnectOptions {
  readonly clientId: string
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly responseBytesMax: number
  readonly tls: TlsOptions | undefined
  readonly timers: TimerWheel
}

/** The version of ApiVersions that a broker took last: a newer client asks an older broker in vain only once. */
export interface HandshakeHint {
  version: number
}

/** Connects and learns what the broker speaks. Throws `UNREACHABLE`, `TIMED_OUT`, `DISCONNECTED`, `MALFORMED_RESPONSE`. */
export async function connect(address: Address, options: ConnectOptions, hint: HandshakeHint): Promise<Connection> {
  const broker = addressText(address)
  const socket = await openSocket(address, options)
  const connection = new Connection(socket, {
    broker,
    clientId: options.clientId,
    requestTimeoutMs: options.requestTimeoutMs,
    responseBytesMax: options.responseBytesMax,
    timers: options.timers,
  })
  try {
    connection.ranges = await handshake(connection, hint)
    return connection
  } catch (error) {
    connection.close()
    if (error instanceof KafkaError && error.code === 'DISCONNECTED' && options.tls === undefined)
      throw new KafkaError(
        'DISCONNECTED',
        `${broker} hung up on a Kafka request: is it a Kafka port, and one without TLS?`,
        {
          cause: error,
        },
      )
    throw error
  }
}

function openSocket(address: Address, { connectTimeoutMs, tls, timers }: ConnectOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket =
      tls === undefined
        ? createConnection({ host: address.host, port: address.port, keepAlive: true })
        : tlsConnect({ servername: address.host, ...tls, host: address.host, port: address.port })
    const timer = timers.arm(connectTimeoutMs, () =>
      socket.destroy(Object.assign(new Error('time-out'), { code: 'ETIMEDOUT' })),
    )
    const onError = (error: NodeJS.ErrnoException): void => {
      timer.cancel()
      reject(new KafkaError('UNREACHABLE', whyUnreachable(addressText(address), error), { cause: error }))
    }
    socket.once('error', onError)
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      timer.cancel()
      socket.off('error', onError)
      resolve(socket)
    })
  })
}

/** Of a connection that was not made at all; what else goes wrong is TLS, and speaks for itself. */
const connectCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
])
const nameCodes: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN'])

function whyUnreachable(broker: string, error: NodeJS.ErrnoException): string {
  const code = error.code ?? error.message
  if (nameCodes.has(code)) return `the host of ${broker} is not known (${code})`
  if (connectCodes.has(code)) return `no broker answers at ${broker} (${code}): is it running?`
  return `${broker} cannot be connected to (${code})`
}

const software = { clientSoftwareName: 'millrace', clientSoftwareVersion: '0.1.0' }

/** A broker that lacks the asked version of ApiVersions says so in version 0 and names what it has (KIP-511). */
async function handshake(connection: Connection, hint: HandshakeHint): Promise<ApiRanges> {
  const reader = await connection.requestAt(ApiVersions, hint.version, software)
  const refused = reader.buffer.readInt16BE(reader.offset) === errorCode('UNSUPPORTED_VERSION')
  const answer = ApiVersions.response.read(reader, refused ? 0 : hint.version)
  if (!refused) {
    if (answer.errorCode !== 0) throw wireError(answer.errorCode, connection.broker)
    return new ApiRanges(connection.broker, answer.apiKeys, answer.finalizedFeatures)
  }
  if (hint.version === 0) throw wireError(answer.errorCode, connection.broker)
  const own = answer.apiKeys.find(({ apiKey }) => apiKey === ApiVersions.key)
  hint.version = own === undefined ? 0 : Math.min(own.maxVersion, hint.version - 1)
  return handshake(connection, hint)
}
