import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { type Logger, silentLogger } from '@millrace/base'
import { KafkaError } from './errors.ts'
import { type Address, parseServers } from './network/address.ts'

/** What producer, consumer and admin have in common. Times are milliseconds, sizes are bytes. */
export interface ClientOptions {
  /** Where the cluster is found: `host:port`, several separated by commas or as a list. One that answers is enough. */
  readonly bootstrap: string | readonly string[]
  /** Names this program in the broker's logs, metrics and quotas. Default `millrace`. */
  readonly clientId?: string | undefined
  /** TLS with Node's own options; `{}` trusts the system's certificate authorities. Default: plain text. */
  readonly tls?: TlsOptions | undefined
  /** How long one connection may take to be made. Default 10000. */
  readonly connectTimeoutMs?: number | undefined
  /** How long a broker may take to answer one request. Default 30000. */
  readonly requestTimeoutMs?: number | undefined
  /** How long one call goes on retrying what can be retried. Default 60000. */
  readonly apiTimeoutMs?: number | undefined
  /** How long the first contact with the cluster is tried before `UNREACHABLE`. 0: each server once. Default 10000. */
  readonly bootstrapTimeoutMs?: number | undefined
  /** The first pause before a retry; it doubles up to `retryBackoffMaxMs`, each time 20 % longer or shorter. Default 100. */
  readonly retryBackoffMs?: number | undefined
  /** Default 1000. */
  readonly retryBackoffMaxMs?: number | undefined
  /** How old what is known of topics and leaders may get. Default 300000. */
  readonly metadataMaxAgeMs?: number | undefined
  /** Default: silent. */
  readonly logger?: Logger | undefined
}

export interface ResolvedClientOptions {
  readonly servers: readonly Address[]
  readonly clientId: string
  readonly tls: TlsOptions | undefined
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly apiTimeoutMs: number
  readonly bootstrapTimeoutMs: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
  readonly metadataMaxAgeMs: number
  readonly logger: Logger
}

export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
  return {
    servers: parseServers(options.bootstrap),
    clientId: options.clientId ?? 'millrace',
    tls: options.tls,
    connectTimeoutMs: bounded('connectTimeoutMs', options.connectTimeoutMs, 10_000, 1),
    requestTimeoutMs: bounded('requestTimeoutMs', options.requestTimeoutMs, 30_000, 1),
    apiTimeoutMs: bounded('apiTimeoutMs', options.apiTimeoutMs, 60_000),
    bootstrapTimeoutMs: bounded('bootstrapTimeoutMs', options.bootstrapTimeoutMs, 10_000),
    retryBackoffMs: bounded('retryBackoffMs', options.retryBackoffMs, 100),
    retryBackoffMaxMs: bounded('retryBackoffMaxMs', options.retryBackoffMaxMs, 1000),
    metadataMaxAgeMs: bounded('metadataMaxAgeMs', options.metadataMaxAgeMs, 300_000),
    logger: options.logger ?? silentLogger,
  }
}

const OPTION_MAX = 0x7fff_ffff

/** The option or its default. Throws `INVALID_ARGUMENT` for what is no whole number between `min` and 2147483647. */
export function bounded(name: string, value: number | undefined, byDefault: number, min = 0): number {
  if (value === undefined) return byDefault
  if (!Number.isInteger(value) || value < min || value > OPTION_MAX)
    throw new KafkaError(
      'INVALID_ARGUMENT',
      `${name} is ${value}: a whole number from ${min} to ${OPTION_MAX} is wanted`,
    )
  return value
}

/** Options of a single call. */
export interface CallOptions {
  /** Ends the wait: the call rejects with the signal's reason. What was already sent is not undone. */
  readonly signal?: AbortSignal | undefined
  /** How long this call may take, retries included. Default: the client's `apiTimeoutMs`. */
  readonly timeoutMs?: number | undefined
}
