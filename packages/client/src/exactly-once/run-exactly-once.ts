import type { ClientOptions } from '../client-options.ts'
import { bounded, resolveClientOptions } from '../client-options.ts'
import { Consumer } from '../consumer/consumer.ts'
import type { ConsumerBatch } from '../consumer/consumer-batch.ts'
import type { ConsumerOptions } from '../consumer/consumer-options.ts'
import { Producer } from '../producer/producer.ts'
import type { ProducerOptions } from '../producer/producer-options.ts'
import type { Transaction } from '../producer/transaction.ts'
import type { ProducerRecord } from '../record.ts'
import { ExactlyOnceLoop } from './exactly-once-loop.ts'

/** What becomes of a batch: records to write, or nothing if `transform` has written by itself or there is nothing to write. */
export type TransformResult<K, V> = Iterable<ProducerRecord<K, V>> | undefined | void

export interface ExactlyOnceOptions<K, V, OutK, OutV> extends ClientOptions {
  /** Whose members share the partitions. Give all instances of a program the same. */
  readonly groupId: string
  /** Give each instance its own, and the same one after a restart: what it had left open is then aborted at once, and not after `transactionTimeoutMs`. */
  readonly transactionalId: string
  readonly topics: readonly string[] | RegExp
  /**
   * Called for one batch after the other. What it returns is written in the transaction; it may write by itself as well. Anything else that it does may happen more than once, as a
   * transaction that fails is done again from the last commit. What it throws ends the loop.
   */
  readonly transform: (
    batch: ConsumerBatch<K, V>,
    transaction: Transaction<OutK, OutV>,
  ) => TransformResult<OutK, OutV> | Promise<TransformResult<OutK, OutV>>
  /** Of the consumer, beside what is given here. `offsetReset` is `earliest` unless it says something else. */
  readonly consumer?: Omit<ConsumerOptions<K, V>, keyof ClientOptions | 'groupId' | 'autoCommit' | 'isolation'>
  /** Of the producer, beside what is given here. */
  readonly producer?: Omit<
    ProducerOptions<OutK, OutV>,
    keyof ClientOptions | 'transactionalId' | 'acks' | 'idempotent' | 'onLost'
  >
  /** A transaction is committed once it has read this many records. Default 1000. */
  readonly transactionRecordsMax?: number | undefined
  /** A transaction is committed this long after its first record was read. Default 100. */
  readonly transactionMs?: number | undefined
  /** How long transactions may fail one after the other, in passing ways, before the last error is thrown. Default 300000. */
  readonly retryTimeoutMs?: number | undefined
  /** Told why a transaction was aborted that will be done again. */
  readonly onAborted?: ((error: unknown) => void) | undefined
  /** Ends the loop, without an error: what has been read by then is committed. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Reads from topics, and writes what `transform` makes of it, exactly once: whatever happens in between, a reader of committed records sees the result of each record one
 * time. Records and the group's offsets are committed together, in transactions of some records or some milliseconds. Several instances share the work as a group.
 *
 * Resolves when the signal ends it. Before partitions go to another instance the transaction at hand is committed; if they are gone already, or it fails in a passing way, it is aborted
 * and done again from the last commit. Rejects with what `transform` throws, and with what does not pass: `PRODUCER_FENCED`, `INVALID_PRODUCER_EPOCH` and the like (category
 * `application-recoverable`) when another instance has the `transactionalId`, `INVALID_TRANSACTION_TIMEOUT`, `TOPIC_AUTHORIZATION_FAILED`, `MESSAGE_TOO_LARGE`, `DESERIALIZATION_FAILED` and so on.
 *
 * @example
 * ```ts
 * await runExactlyOnce({
 *   bootstrap,
 *   groupId: 'shouting',
 *   transactionalId: 'shouting-1',
 *   topics: ['orders'],
 *   consumer: { value: serdes.string },
 *   transform: ({ records }) => records.map(({ key, value }) => ({ topic: 'letters', key, value: value?.toUpperCase() ?? null })),
 *   signal: AbortSignal.timeout(500),
 * })
 * ```
 */
export async function runExactlyOnce<K = Buffer, V = Buffer, OutK = Uint8Array | string, OutV = Uint8Array | string>(
  options: ExactlyOnceOptions<K, V, OutK, OutV>,
): Promise<void> {
  const { consumer: consumerOptions = {}, producer: producerOptions = {}, groupId, transactionalId, signal } = options
  const { retryBackoffMs, retryBackoffMaxMs, logger } = resolveClientOptions(options)
  const transactionRecordsMax = bounded('transactionRecordsMax', options.transactionRecordsMax, 1000, 1)
  const limits = {
    transactionRecordsMax,
    transactionMs: bounded('transactionMs', options.transactionMs, 100),
    retryTimeoutMs: bounded('retryTimeoutMs', options.retryTimeoutMs, 300_000),
  }
  const shared = clientOptionsOf(options)
  await using producer = new Producer<OutK, OutV>({ ...producerOptions, ...shared, transactionalId })
  await using consumer = new Consumer<K, V>({
    offsetReset: 'earliest',
    batchRecordsMax: Math.min(transactionRecordsMax, 500),
    ...consumerOptions,
    ...shared,
    groupId,
    autoCommit: false,
    isolation: 'read_committed',
  })
  const { topics, transform, onAborted } = options
  const loop = new ExactlyOnceLoop({
    ...{ consumer, producer, topics, transform, ...limits },
    ...{ retryBackoffMs, retryBackoffMaxMs, logger, onAborted, signal },
  })
  await loop.run()
}

function clientOptionsOf(options: ClientOptions): ClientOptions {
  const { bootstrap, clientId, tls, connectTimeoutMs, requestTimeoutMs, apiTimeoutMs } = options
  const { bootstrapTimeoutMs, retryBackoffMs, retryBackoffMaxMs, metadataMaxAgeMs, logger } = options
  return {
    ...{ bootstrap, clientId, tls, connectTimeoutMs, requestTimeoutMs, apiTimeoutMs },
    ...{ bootstrapTimeoutMs, retryBackoffMs, retryBackoffMaxMs, metadataMaxAgeMs, logger },
  }
}
