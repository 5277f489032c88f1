import type { CompressionCodec } from '@millrace/protocol'
import { bounded, type ClientOptions, type ResolvedClientOptions, resolveClientOptions } from '../client-options.ts'
import { KafkaError } from '../errors.ts'
import type { Serializer } from '../serdes.ts'
import type { Partitioner } from './partitioner.ts'

export type Acks = 'all' | -1 | 0 | 1

export interface ProducerOptions<K, V> extends ClientOptions {
  /** Default: text as UTF-8, bytes as they are. */
  readonly key?: Serializer<K> | undefined
  /** Default: text as UTF-8, bytes as they are. */
  readonly value?: Serializer<V> | undefined
  /** Who has to have a record before it counts as sent: all in-sync replicas, the leader (1), nobody (0: no offset, no error). Default `all`. */
  readonly acks?: Acks | undefined
  /** Whether brokers drop repeats and keep the order over retries. Needs acks `all`. Default: true with acks `all`. */
  readonly idempotent?: boolean | undefined
  /**
   * Makes the producer transactional: it writes in transactions alone (`beginTransaction`, `transaction`). Whoever takes the id over next fences it. Give each instance of a
   * program its own, and the same one after a restart.
   */
  readonly transactionalId?: string | undefined
  /** After so long the cluster aborts a transaction that nobody ended, and fences its producer. Default 60000. */
  readonly transactionTimeoutMs?: number | undefined
  /** Default `none`. */
  readonly compression?: CompressionCodec | undefined
  /** For gzip (1 to 9) and zstd (1 to 22). Default: Kafka's. */
  readonly compressionLevel?: number | undefined
  /** How long a batch waits for company. Default 5. */
  readonly lingerMs?: number | undefined
  /** A batch of this many bytes, before compression, waits no longer. Default 16384. */
  readonly batchBytes?: number | undefined
  /** How many bytes may wait in all. Default 33554432. */
  readonly bufferBytes?: number | undefined
  /** The largest record, and about the largest request. Default 1048576. */
  readonly requestBytesMax?: number | undefined
  /** How long a record is tried, from when it was taken until it failed for good. Default 120000. */
  readonly deliveryTimeoutMs?: number | undefined
  /** How long `send` waits for room in the buffer or for an unknown topic. Default 60000. */
  readonly maxBlockMs?: number | undefined
  /** Requests on their way to one broker; at most 5 with idempotence. Default 5. */
  readonly maxInFlight?: number | undefined
  readonly partitioner?: Partitioner | undefined
  /** Asks brokers to create unknown topics, which they do if they are configured to. Default true. */
  readonly allowAutoTopicCreation?: boolean | undefined
  /** Told when records that were handed over with `write` are lost; in transactions `commit` tells. */
  readonly onLost?: ((error: KafkaError, recordCount: number) => void) | undefined
}

export interface ResolvedProducerOptions extends ResolvedClientOptions {
  readonly acks: -1 | 0 | 1
  readonly idempotent: boolean
  readonly transactionalId: string | undefined
  readonly transactionTimeoutMs: number
  readonly compression: CompressionCodec
  readonly compressionLevel: number | undefined
  readonly lingerMs: number
  readonly batchBytes: number
  readonly bufferBytes: number
  readonly requestBytesMax: number
  readonly deliveryTimeoutMs: number
  readonly maxBlockMs: number
  readonly maxInFlight: number
  readonly allowAutoTopicCreation: boolean
}

const IDEMPOTENT_IN_FLIGHT_MAX = 5

export function resolveProducerOptions<K, V>(options: ProducerOptions<K, V>): ResolvedProducerOptions {
  const acks = options.acks === undefined || options.acks === 'all' ? -1 : options.acks
  if (![-1, 0, 1].includes(acks)) throw new KafkaError('INVALID_ARGUMENT', `acks is ${acks}: 'all', 1 or 0 is wanted`)
  const idempotent = options.idempotent ?? acks === -1
  const maxInFlight = bounded('maxInFlight', options.maxInFlight, 5, 1)
  if (idempotent && acks !== -1) throw new KafkaError('INVALID_ARGUMENT', "an idempotent producer needs acks 'all'")
  if (idempotent && maxInFlight > IDEMPOTENT_IN_FLIGHT_MAX)
    throw new KafkaError(
      'INVALID_ARGUMENT',
      `an idempotent producer may have ${IDEMPOTENT_IN_FLIGHT_MAX} requests in flight, not ${maxInFlight}`,
    )
  const { transactionalId } = options
  if (transactionalId !== undefined && !idempotent)
    throw new KafkaError('INVALID_ARGUMENT', "a transactional producer is idempotent and needs acks 'all'")
  if (transactionalId === '') throw new KafkaError('INVALID_ARGUMENT', 'transactionalId is empty')
  return {
    ...resolveClientOptions(options),
    acks,
    idempotent,
    transactionalId,
    transactionTimeoutMs: bounded('transactionTimeoutMs', options.transactionTimeoutMs, 60_000, 1),
    maxInFlight,
    compression: options.compression ?? 'none',
    compressionLevel: options.compressionLevel,
    lingerMs: bounded('lingerMs', options.lingerMs, 5),
    batchBytes: bounded('batchBytes', options.batchBytes, 16_384, 1),
    bufferBytes: bounded('bufferBytes', options.bufferBytes, 33_554_432, 1),
    requestBytesMax: bounded('requestBytesMax', options.requestBytesMax, 1_048_576, 1),
    deliveryTimeoutMs: bounded('deliveryTimeoutMs', options.deliveryTimeoutMs, 120_000, 1),
    maxBlockMs: bounded('maxBlockMs', options.maxBlockMs, 60_000),
    allowAutoTopicCreation: options.allowAutoTopicCreation ?? true,
  }
}
