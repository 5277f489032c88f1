import type { CallOptions } from '../client-options.ts'
import type { GroupMember, PartitionOffset } from '../cluster/group-offsets.ts'
import { abortable } from '../delay.ts'
import { KafkaError } from '../errors.ts'
import type { ProducerRecord, RecordMetadata } from '../record.ts'
import type { TransactionSession } from './transaction-session.ts'

/** What a transaction needs of its producer. */
export interface TransactionPort<K, V> {
  send(record: ProducerRecord<K, V>): Promise<RecordMetadata>
  write(record: ProducerRecord<K, V>): boolean
  drained(): Promise<void>
  /** Resolves when all that was handed over has been delivered or lost. */
  settled(): Promise<void>
  /** Until the returned function is called nothing lingers. */
  hurry(): () => void
}

type State =
  | 'open'
  /** The outcome is decided and maybe not told yet. */
  | 'committing'
  | 'aborting'
  | 'committed'
  | 'aborted'

type Outcome = 'commit' | 'abort'

const ignore = (): void => {}

/**
 * Records of several partitions, and the offsets of groups, that become visible together or not at all to whoever reads with `read_committed`. Made by
 * `producer.beginTransaction`.
 *
 * It is aborted when it goes out of scope (`await using`) without having been committed. When a record or the offsets could not be sent it cannot be committed any more: `commit`, and
 * whatever else is sent, rejects with `TRANSACTION_ABORTABLE`, whose `cause` says why.
 *
 * @example
 * ```ts
 * await using producer = new Producer({ bootstrap, transactionalId: 'till-1' })
 * await using transaction = await producer.beginTransaction()
 * transaction.send({ topic: 'orders', key: 'o-3', value: 'three figs' })
 * transaction.send({ topic: 'letters', key: 'o-3', value: 'we have your order' })
 * await transaction.commit()
 * ```
 */
export class Transaction<K = Uint8Array | string, V = Uint8Array | string> implements AsyncDisposable {
  readonly #port: TransactionPort<K, V>
  readonly #session: TransactionSession
  #state: State = 'open'
  /** The end that is under way; whoever wants the same waits for it. */
  #ending: { readonly outcome: Outcome; readonly done: Promise<void> } | undefined
  #unsettledCount = 0
  #onSettled: (() => void) | undefined

  constructor(port: TransactionPort<K, V>, session: TransactionSession) {
    this.#port = port
    this.#session = session
  }

  /** Whether its outcome is still to be decided. */
  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Whether its outcome is known. */
  get isEnded(): boolean {
    return this.#state === 'committed' || this.#state === 'aborted'
  }

  /**
   * As `producer.send`. It need not be awaited, since `commit` waits for it and tells of its failure. A signal ends the wait alone: the record stays in the transaction.
   *
   * @example
   * ```ts
   * await using producer = new Producer({ bootstrap, transactionalId: 'till-2' })
   * await using transaction = await producer.beginTransaction()
   * const { offset } = await transaction.send({ topic: 'orders', value: 'four figs' })
   * await transaction.commit()
   * console.log(offset)
   * ```
   */
  send(
    record: ProducerRecord<K, V>,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<RecordMetadata> {
    if (!this.#isTaking) return this.#refuse('take more')
    const seen = abortable(this.#take(record), signal)
    seen.catch(ignore)
    return seen
  }

  /** As `producer.sendBatch`: where all of them went, in the order given. A signal that ends it before all were handed over fails the transaction. */
  sendBatch(
    records: Iterable<ProducerRecord<K, V>>,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<RecordMetadata[]> {
    if (!this.#isTaking) return this.#refuse('take more')
    const seen = abortable(
      this.#track(() => this.#takeAll(records, options.signal)),
      options.signal,
    )
    seen.catch(ignore)
    return seen
  }

  /** As `producer.write`: no promise for a record; false when the buffer is full, and then `await drained()`. */
  write(record: ProducerRecord<K, V>): boolean {
    if (!this.#isTaking) throw this.#refusal('take more')
    this.#assertWhole()
    try {
      return this.#port.write(record)
    } catch (error) {
      this.#fail(error)
      throw error
    }
  }

  /** Resolves when the buffer has room again. */
  drained(): Promise<void> {
    return this.#port.drained()
  }

  /**
   * Makes the offsets part of the transaction: the group moves on if and only if it is committed. `member` is `consumer.groupMember` of the consumer that read up to there; a
   * member that the group has given up is refused with `ILLEGAL_GENERATION`, `UNKNOWN_MEMBER_ID` or `FENCED_INSTANCE_ID` (KIP-447), and the transaction has to be aborted.
   *
   * @example
   * ```ts
   * await using consumer = new Consumer({ bootstrap, groupId: 'kitchen', autoCommit: false, isolation: 'read_committed' })
   * await using producer = new Producer({ bootstrap, transactionalId: 'kitchen-1' })
   * await producer.transaction(async transaction => {
   *   transaction.send({ topic: 'letters', value: 'up to 1' })
   *   await transaction.sendOffsets([{ topic: 'orders', partition: 0, offset: 1 }], consumer.groupMember)
   * })
   * ```
   */
  sendOffsets(offsets: Iterable<PartitionOffset>, member: GroupMember, call: CallOptions = {}): Promise<void> {
    if (!this.#isTaking) return this.#refuse('take more')
    const sent = this.#track(async () => {
      this.#assertWhole()
      await this.#session.sendOffsets(member, [...offsets], call)
    })
    sent.catch(ignore)
    return sent
  }

  /**
   * Waits for everything that was sent, and makes it visible.
   *
   * Rejects with `TRANSACTION_ABORTABLE` when something was not sent: `abort`, and begin anew. With a `retriable` error the cluster has not answered in time and may or may not
   * have committed: call `commit` again, which never commits twice. With `PRODUCER_FENCED`, `INVALID_PRODUCER_EPOCH` and the like another producer has this transactional id, or
   * the transaction took longer than `transactionTimeoutMs`: give this producer up.
   */
  commit(call: CallOptions = {}): Promise<void> {
    if (this.#state === 'aborting' || this.#state === 'aborted') return this.#refuse('commit')
    return this.#end('commit', call)
  }

  /** Takes everything back. May be called again when it rejects with a `retriable` error. */
  abort(call: CallOptions = {}): Promise<void> {
    if (this.#state === 'committing' || this.#state === 'committed') return this.#refuse('abort')
    return this.#end('abort', call)
  }

  /** Tells the outcome that was decided; aborts if none was. */
  finish(call: CallOptions = {}): Promise<void> {
    return this.#state === 'committing' || this.#state === 'committed' ? this.commit(call) : this.abort(call)
  }

  /** Aborts what was not committed. If the cluster cannot be told it finds out by itself after `transactionTimeoutMs`, and the producer's next transaction tells it before it begins. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ending?.done.catch(ignore)
    if (this.#state === 'open') await this.abort().catch(ignore)
  }

  #take(record: ProducerRecord<K, V>): Promise<RecordMetadata> {
    return this.#track(async () => {
      this.#assertWhole()
      return this.#port.send(record)
    })
  }

  async #takeAll(records: Iterable<ProducerRecord<K, V>>, signal: AbortSignal | undefined): Promise<RecordMetadata[]> {
    const sent: Promise<RecordMetadata>[] = []
    for (const record of records) {
      await abortable(this.#port.drained(), signal)
      const one = this.#take(record)
      one.catch(ignore)
      sent.push(one)
    }
    return Promise.all(sent)
  }

  #end(outcome: Outcome, call: CallOptions): Promise<void> {
    if (this.isEnded) return Promise.resolve()
    if (this.#ending !== undefined) return this.#ending.outcome === outcome ? this.#ending.done : this.#refuse(outcome)
    const done = (outcome === 'commit' ? this.#commit(call) : this.#abort(call)).finally(() => {
      this.#ending = undefined
    })
    this.#ending = { outcome, done }
    return done
  }

  async #commit(call: CallOptions): Promise<void> {
    if (this.#state === 'open') {
      await abortable(this.#allSettled(), call.signal)
      const { failure } = this.#session
      if (failure !== undefined) throw failure
      this.#state = 'committing'
    }
    await this.#session.end(true, call).catch((error: unknown) => this.#refused(error))
    this.#state = 'committed'
  }

  async #abort(call: CallOptions): Promise<void> {
    this.#state = 'aborting'
    this.#session.fail(new KafkaError('TRANSACTION_ABORTABLE', 'the transaction is aborted'))
    await abortable(this.#allSettled(), call.signal)
    await this.#session.end(false, call)
    this.#state = 'aborted'
  }

  /** The coordinator may find that the transaction cannot be committed: then it can still be aborted. */
  #refused(error: unknown): never {
    if (error instanceof KafkaError && error.category === 'abortable') this.#state = 'open'
    throw error
  }

  async #allSettled(): Promise<void> {
    const relax = this.#port.hurry()
    try {
      while (this.#unsettledCount > 0)
        await new Promise<void>(resolve => {
          this.#onSettled = resolve
        })
      await this.#port.settled()
    } finally {
      relax()
    }
  }

  /** Counts what commit has to wait for. What fails here fails the transaction. */
  async #track<T>(work: () => Promise<T>): Promise<T> {
    this.#unsettledCount++
    try {
      return await work()
    } catch (error) {
      this.#fail(error)
      throw error
    } finally {
      if (--this.#unsettledCount === 0) this.#onSettled?.()
    }
  }

  #fail(error: unknown): void {
    if (this.#state !== 'open') return
    this.#session.fail(
      error instanceof KafkaError ? error : new KafkaError('INVALID_STATE', String(error), { cause: error }),
    )
  }

  get #isTaking(): boolean {
    return this.#state === 'open' && this.#ending === undefined
  }

  #assertWhole(): void {
    const { failure } = this.#session
    if (failure !== undefined) throw failure
  }

  #refusal(what: string): KafkaError {
    const stands = this.#state === 'open' ? 'is being committed' : `is ${this.#state}`
    return new KafkaError('INVALID_STATE', `the transaction cannot ${what}: it ${stands}`)
  }

  #refuse(what: string): Promise<never> {
    return Promise.reject(this.#refusal(what))
  }
}
