import { BatchBuilder, type RecordFields } from '@millrace/protocol'
import type { CallOptions } from '../client-options.ts'
import { Cluster } from '../cluster/cluster.ts'
import { abortable, delay } from '../delay.ts'
import { KafkaError } from '../errors.ts'
import { encodeHeaders, type ProducerRecord, type RecordMetadata } from '../record.ts'
import { type Serializer, serdes } from '../serdes.ts'
import { Accumulator } from './accumulator.ts'
import { IdentitySource } from './identity-source.ts'
import { type ProducerOptions, type ResolvedProducerOptions, resolveProducerOptions } from './producer-options.ts'
import { Sender } from './sender.ts'
import { TopicRouter } from './topic-router.ts'
import type { Transaction } from './transaction.ts'
import { TransactionSession } from './transaction-session.ts'
import { Transactions } from './transactions.ts'

export interface SendOptions {
  /** Ends the wait, not the sending: a record that was taken may still arrive. */
  readonly signal?: AbortSignal | undefined
}

const ignore = (): void => {}

/**
 * Writes records to topics. Records for one partition are gathered into batches, arrive in the order in which they were handed over, and, unless
 * `idempotent` is off, exactly once even when requests have to be repeated.
 *
 * @example
 * ```ts
 * await using producer = new Producer({ bootstrap })
 * const { partition, offset } = await producer.send({ topic: 'orders', key: 'o-1', value: 'three apples' })
 * console.log(`written to partition ${partition} at offset ${offset}`)
 * ```
 */
export class Producer<K = Uint8Array | string, V = Uint8Array | string> implements AsyncDisposable {
  readonly #options: ResolvedProducerOptions
  readonly #cluster: Cluster
  readonly #accumulator: Accumulator
  readonly #router: TopicRouter
  readonly #sender: Sender
  readonly #session: TransactionSession | undefined
  readonly #transactions: Transactions<K, V> | undefined
  readonly #key: Serializer<K>
  readonly #value: Serializer<V>
  readonly #onLost: ProducerOptions<K, V>['onLost']
  /** Shared by all records that are handed over with `write`. */
  readonly #loseOne = (error: KafkaError): void => this.#lose(error, 1)
  #lost: KafkaError | undefined
  #closed = false

  constructor(options: ProducerOptions<K, V>) {
    const resolved = resolveProducerOptions(options)
    this.#options = resolved
    this.#onLost = options.onLost
    this.#key = options.key ?? (serdes.bytesOrText as Serializer<unknown>)
    this.#value = options.value ?? (serdes.bytesOrText as Serializer<unknown>)
    this.#cluster = new Cluster(resolved)
    // Without sequences only one batch at a time keeps the order over retries.
    const inFlightMax = resolved.idempotent || resolved.acks === 0 ? resolved.maxInFlight : 1
    this.#accumulator = new Accumulator({ ...resolved, inFlightMax })
    this.#session = this.#sessionOf(resolved)
    const identities = resolved.idempotent ? new IdentitySource(this.#cluster) : undefined
    this.#sender = new Sender(this.#cluster, this.#accumulator, this.#session ?? identities, {
      ...resolved,
      codec: resolved.compression,
      inFlightMax: resolved.maxInFlight,
      onLost: (error, count) => this.#lose(error, count),
    })
    const { partitioner } = options
    this.#router = new TopicRouter(this.#cluster, this.#accumulator, {
      ...resolved,
      partitioner,
      onReady: () => this.#sender.wake(),
    })
    this.#transactions = this.#session === undefined ? undefined : this.#transactionsOf(this.#session)
  }

  /** Bytes that wait to be sent or acknowledged. */
  get bufferedBytes(): number {
    return this.#accumulator.bufferedBytes
  }

  /**
   * Hands over one record and resolves when the brokers have it. Many calls may be under way; that is how batches form. Waits while the buffer is full.
   *
   * Rejects with `MESSAGE_TOO_LARGE`, `UNKNOWN_TOPIC_OR_PARTITION`, `SERIALIZATION_FAILED`, `TIMED_OUT` (see `deliveryTimeoutMs` and `maxBlockMs`), or
   * whatever the broker says.
   *
   * @example
   * ```ts
   * await using producer = new Producer({ bootstrap })
   * const sent = ['a', 'b', 'c'].map(value => producer.send({ topic: 'letters', value, headers: { source: 'docs' } }))
   * console.log((await Promise.all(sent)).map(({ offset }) => offset))
   * ```
   */
  async send(record: ProducerRecord<K, V>, { signal }: SendOptions = {}): Promise<RecordMetadata> {
    this.#assertPlain()
    signal?.throwIfAborted()
    return this.#send(record, signal)
  }

  async #send(record: ProducerRecord<K, V>, signal?: AbortSignal): Promise<RecordMetadata> {
    this.#assertOpen()
    const fields = this.#encode(record)
    if (this.#accumulator.isFull || this.#accumulator.hasRoomWaiters) await this.#room(signal)
    return abortable(this.#deliver(record, fields), signal)
  }

  /**
   * Hands over many records and resolves when the brokers have all of them, with where they went in the order given. Rejects with the first error; the
   * other records may have been written.
   *
   * @example
   * ```ts
   * await using producer = new Producer({ bootstrap })
   * await producer.sendBatch([
   *   { topic: 'letters', key: 'a', value: 'alpha' },
   *   { topic: 'letters', key: 'b', value: null },
   * ])
   * ```
   */
  async sendBatch(records: Iterable<ProducerRecord<K, V>>, options: SendOptions = {}): Promise<RecordMetadata[]> {
    this.#assertPlain()
    const sent: Promise<RecordMetadata>[] = []
    for (const record of records) {
      if (this.#accumulator.isFull) await this.#room(options.signal)
      const promise = this.send(record, options)
      promise.catch(ignore)
      sent.push(promise)
    }
    return Promise.all(sent)
  }

  /**
   * The fast way in: no promise for a record. Returns false when the buffer is full; then `await producer.drained()` before writing more. Whether
   * everything arrived is told by `flush` (and by `onLost`).
   *
   * Throws `BUFFER_EXHAUSTED` when a caller ignores the answer until twice `bufferBytes` wait, and what `send` rejects with for a record that cannot be
   * sent.
   *
   * @example
   * ```ts
   * await using producer = new Producer({ bootstrap, compression: 'zstd', lingerMs: 20 })
   * for (let n = 0; n < 10_000; n++) {
   *   if (!producer.write({ topic: 'numbers', value: `number ${n}` })) await producer.drained()
   * }
   * await producer.flush()
   * ```
   */
  write(record: ProducerRecord<K, V>): boolean {
    this.#assertPlain()
    return this.#write(record)
  }

  #write(record: ProducerRecord<K, V>): boolean {
    this.#assertOpen()
    if (this.#accumulator.bufferedBytes >= 2 * this.#options.bufferBytes)
      throw new KafkaError(
        'BUFFER_EXHAUSTED',
        `${this.#accumulator.bufferedBytes} bytes wait: await drained() when write() returns false`,
      )
    this.#router.route(record.topic, {
      partition: record.partition,
      fields: this.#encode(record),
      deliver: undefined,
      refuse: this.#loseOne,
    })
    return !this.#accumulator.isFull
  }

  /** Resolves when the buffer has room again. Rejects with `TIMED_OUT` after `maxBlockMs`. */
  async drained({ signal }: SendOptions = {}): Promise<void> {
    if (this.#accumulator.isFull) await this.#room(signal)
  }

  /**
   * Sends everything that was handed over before, without lingering, and resolves when all of it has been delivered or lost. Rejects with the first error
   * of a record that was handed over with `write` since the last flush.
   *
   * @example
   * ```ts
   * await using producer = new Producer({ bootstrap, lingerMs: 1000 })
   * producer.write({ topic: 'letters', value: 'z' })
   * await producer.flush()
   * ```
   */
  async flush({ signal }: SendOptions = {}): Promise<void> {
    this.#sender.hurry()
    try {
      await abortable(this.#settled(), signal)
    } finally {
      this.#sender.relax()
    }
    const lost = this.#lost
    this.#lost = undefined
    if (lost !== undefined) throw lost
  }

  /**
   * Takes the transactional id over: whoever had it before can no longer write, and what it left open is aborted. The first `beginTransaction` does it by itself.
   */
  async initTransactions(call: CallOptions = {}): Promise<void> {
    await this.#transactional().init(call)
  }

  /**
   * Begins a transaction; one at a time. Needs a `transactionalId`. See `Transaction`.
   *
   * Rejects with `PRODUCER_FENCED` and the like once another producer has taken the id over, and with `INVALID_STATE` while a transaction is open.
   *
   * @example
   * ```ts
   * await using producer = new Producer({ bootstrap, transactionalId: 'till-3' })
   * await using transaction = await producer.beginTransaction()
   * transaction.send({ topic: 'orders', value: 'five figs' })
   * await transaction.abort()
   * ```
   */
  async beginTransaction(call: CallOptions = {}): Promise<Transaction<K, V>> {
    return this.#transactional().begin(call)
  }

  /**
   * Runs `work` in a transaction: commits when it resolves, aborts when it or the commit rejects, and gives what it gives.
   *
   * @example
   * ```ts
   * await using producer = new Producer({ bootstrap, transactionalId: 'till-4' })
   * await producer.transaction(transaction => transaction.sendBatch([
   *   { topic: 'orders', value: 'six figs' },
   *   { topic: 'letters', value: 'we have your order' },
   * ]))
   * ```
   */
  async transaction<T>(work: (transaction: Transaction<K, V>) => Promise<T> | T, call: CallOptions = {}): Promise<T> {
    return this.#transactional().run(work, call)
  }

  /** Aborts an open transaction, flushes, then lets go of all connections. What has not been delivered after `timeoutMs` (default: `deliveryTimeoutMs`) is lost. */
  async close({ timeoutMs = this.#options.deliveryTimeoutMs }: { readonly timeoutMs?: number } = {}): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const gaveUp = new AbortController()
    const waiting = delay(timeoutMs, gaveUp.signal).catch(ignore)
    try {
      await Promise.race([this.#transactions?.close({ timeoutMs }).catch(ignore), waiting])
      await Promise.race([this.flush(), waiting])
    } finally {
      gaveUp.abort()
      this.#sender.stop(new KafkaError('CLOSED', 'the producer was closed before this record was sent'))
      this.#cluster.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #sessionOf({ transactionalId, ...options }: ResolvedProducerOptions): TransactionSession | undefined {
    if (transactionalId === undefined) return undefined
    return new TransactionSession(
      this.#cluster,
      { ...options, transactionalId },
      {
        onAdmitted: () => this.#sender.wake(),
        onFailed: error => {
          this.#router.refuseWaiting(error)
          this.#sender.wake()
        },
      },
    )
  }

  #transactionsOf(session: TransactionSession): Transactions<K, V> {
    const port = {
      send: (record: ProducerRecord<K, V>) => this.#send(record),
      write: (record: ProducerRecord<K, V>) => this.#write(record),
      drained: () => this.drained(),
      settled: () => this.#settled(),
      hurry: () => {
        this.#sender.hurry()
        return () => this.#sender.relax()
      },
    }
    return new Transactions(port, session)
  }

  #transactional(): Transactions<K, V> {
    this.#assertOpen()
    if (this.#transactions === undefined)
      throw new KafkaError('INVALID_STATE', 'transactions need a transactionalId in the options of the producer')
    return this.#transactions
  }

  async #settled(): Promise<void> {
    await this.#router.settled()
    await Promise.all(
      [...this.#accumulator.incomplete].map(batch => new Promise<void>(resolve => batch.onDone(resolve))),
    )
  }

  #deliver(record: ProducerRecord<K, V>, fields: RecordFields): Promise<RecordMetadata> {
    const { topic } = record
    return new Promise((resolve, reject) => {
      this.#router.route(topic, {
        partition: record.partition,
        fields,
        refuse: reject,
        deliver: partition => (error, offset, logAppendTimeMs) => {
          if (error !== undefined) reject(error)
          else
            resolve({ topic, partition, offset, timestamp: logAppendTimeMs < 0 ? fields.timestamp! : logAppendTimeMs })
        },
      })
    })
  }

  #lose(error: KafkaError, recordCount: number): void {
    // Within a transaction commit tells.
    if (this.#session !== undefined) return this.#session.fail(error)
    this.#lost ??= error
    this.#onLost?.(error, recordCount)
  }

  async #room(signal: AbortSignal | undefined): Promise<void> {
    this.#sender.wake()
    const { maxBlockMs } = this.#options
    const room = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      const message = `the buffer of ${this.#options.bufferBytes} bytes was full for ${maxBlockMs} ms`
      room.reject(new KafkaError('TIMED_OUT', message))
    }, maxBlockMs)
    this.#accumulator.room().then(room.resolve, room.reject)
    try {
      await abortable(room.promise, signal)
    } finally {
      clearTimeout(timer)
    }
  }

  #encode(record: ProducerRecord<K, V>): RecordFields {
    const { topic, key = null, value, timestamp = Date.now() } = record
    const fields: RecordFields = {
      timestamp,
      key: key === null ? null : this.#serialize(this.#key, key, topic, 'key'),
      value: value === null ? null : this.#serialize(this.#value, value, topic, 'value'),
      headers: encodeHeaders(record.headers),
    }
    const size = BatchBuilder.recordSizeMax(fields)
    if (size > this.#options.requestBytesMax)
      throw new KafkaError(
        'MESSAGE_TOO_LARGE',
        `a record of ${size} bytes is above requestBytesMax (${this.#options.requestBytesMax})`,
        { topic },
      )
    return fields
  }

  #serialize<T>(serializer: Serializer<T>, value: T, topic: string, part: 'key' | 'value'): Uint8Array {
    try {
      return serializer.serialize(value, topic)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new KafkaError(
        'SERIALIZATION_FAILED',
        `the ${part} of a record for '${topic}' cannot be serialized: ${reason}`,
        {
          cause: error,
          topic,
        },
      )
    }
  }

  #assertPlain(): void {
    if (this.#session !== undefined)
      throw new KafkaError(
        'INVALID_STATE',
        'a transactional producer writes in transactions alone: beginTransaction first',
      )
  }

  #assertOpen(): void {
    if (this.#closed) throw new KafkaError('CLOSED', 'the producer is closed')
  }
}
