/**
 * One transaction after the other, each with some batches of a group's partitions.
 *
 *   idle ──first batch──▶ open ──records, time, stop, partitions go──▶ committed ──▶ idle
 *                          │ partitions lost, anything failed             ▲
 *                          ▼                                              │
 *                       ended somehow ──▶ positions back to the commits ──┘
 *
 * The invariant: what the open transaction read lies in partitions that are assigned, and since the last commit of the group. So the offsets to commit are the consumer's
 * positions, and whoever has the partitions next begins where the outcome of this transaction says.
 */
import type { Logger } from '@millrace/base'
import { type Backoff, backoffMs } from '../cluster/retry.ts'
import type { Consumer } from '../consumer/consumer.ts'
import type { ConsumerBatch } from '../consumer/consumer-batch.ts'
import { delay } from '../delay.ts'
import { KafkaError, type KafkaErrorCode } from '../errors.ts'
import type { Producer } from '../producer/producer.ts'
import type { Transaction } from '../producer/transaction.ts'
import { type TopicPartition, topicPartitionKey } from '../record.ts'
import type { TransformResult } from './run-exactly-once.ts'

export interface ExactlyOnceLoopOptions<K, V, OutK, OutV> extends Backoff {
  readonly consumer: Consumer<K, V>
  readonly producer: Producer<OutK, OutV>
  readonly topics: readonly string[] | RegExp
  readonly transform: (
    batch: ConsumerBatch<K, V>,
    transaction: Transaction<OutK, OutV>,
  ) => TransformResult<OutK, OutV> | Promise<TransformResult<OutK, OutV>>
  readonly transactionRecordsMax: number
  readonly transactionMs: number
  readonly retryTimeoutMs: number
  readonly logger: Logger
  readonly onAborted: ((error: unknown) => void) | undefined
  readonly signal: AbortSignal | undefined
}

/** Not retriable as such, but over once the transaction is aborted: the group has moved on, or a broker has lost track of the producer. */
const passing: ReadonlySet<string> = new Set<KafkaErrorCode>([
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'BROKER_NOT_AVAILABLE',
])

export class ExactlyOnceLoop<K, V, OutK, OutV> {
  readonly #options: ExactlyOnceLoopOptions<K, V, OutK, OutV>
  #transaction: Transaction<OutK, OutV> | undefined
  /** What the open transaction has read from. */
  readonly #partitions = new Map<string, TopicPartition>()
  /** Since when nothing was committed for failures (monotonic ms), and how many there were. */
  #failingSince: number | undefined
  #failures = 0

  constructor(options: ExactlyOnceLoopOptions<K, V, OutK, OutV>) {
    this.#options = options
  }

  async run(): Promise<void> {
    const { consumer, topics } = this.#options
    consumer.subscribe(topics, {
      onRevoked: () => this.#guarded(() => this.#commit()),
      onLost: () =>
        this.#guarded(() =>
          Promise.reject(new KafkaError('UNKNOWN_MEMBER_ID', 'the partitions went to another member')),
        ),
    })
    // Whoever had the id before leaves nothing open behind, before anything is read; and a cluster that is not there is told at once.
    await this.#options.producer.initTransactions(this.#call).catch(error => {
      if (!this.#isStopped) throw error
    })
    while (!this.#isStopped) await this.#guarded(() => this.#next())
  }

  get #isStopped(): boolean {
    return this.#options.signal?.aborted === true
  }

  get #call() {
    return { signal: this.#options.signal }
  }

  /** Reads and writes until it is time to commit, and commits. Waits for the first batch outside of a transaction. */
  async #next(): Promise<void> {
    const { consumer, signal, transactionRecordsMax, transactionMs } = this.#options
    const timeIsUp = new AbortController()
    const ends = signal === undefined ? [timeIsUp.signal] : [timeIsUp.signal, signal]
    let timer: NodeJS.Timeout | undefined
    let recordCount = 0
    try {
      for await (const batch of consumer.batches({ signal: AbortSignal.any(ends) })) {
        timer ??= setTimeout(() => timeIsUp.abort(), transactionMs)
        await this.#work(batch)
        recordCount += batch.records.length
        if (recordCount >= transactionRecordsMax) break
      }
    } finally {
      clearTimeout(timer)
    }
    await this.#commit()
  }

  async #work(batch: ConsumerBatch<K, V>): Promise<void> {
    const { producer, transform } = this.#options
    const { topic, partition } = batch
    this.#transaction ??= await producer.beginTransaction(this.#call)
    const transaction = this.#transaction
    const records = await transform(batch, transaction)
    for (const record of records ?? []) if (!transaction.write(record)) await transaction.drained()
    this.#partitions.set(topicPartitionKey(topic, partition), { topic, partition })
  }

  async #commit(): Promise<void> {
    const { consumer } = this.#options
    const transaction = this.#transaction
    if (transaction === undefined) return
    const member = consumer.groupMember
    // A group lets a commit of nobody in particular pass: it would not be fenced.
    if (member.generationId < 0)
      throw new KafkaError('UNKNOWN_MEMBER_ID', `this is no member of '${member.groupId}' now`)
    const offsets = await Promise.all(
      [...this.#partitions.values()].map(async at => ({ ...at, offset: await consumer.position(at) })),
    )
    await transaction.sendOffsets(offsets, member)
    await transaction.commit()
    this.#transaction = undefined
    this.#partitions.clear()
    this.#failingSince = undefined
    this.#failures = 0
  }

  /** What fails in passing is undone, to be done again. Throws what does not pass. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      try {
        await this.#undo(error)
      } finally {
        this.#transaction = undefined
        this.#partitions.clear()
      }
    }
  }

  async #undo(error: unknown): Promise<void> {
    const { consumer, logger, onAborted } = this.#options
    if (this.#isStopped && error === this.#options.signal?.reason) return this.#end()
    if (!isPassing(error)) {
      await this.#end().catch(() => {})
      throw error
    }
    await this.#endInTime(error)
    logger.debug('a transaction is done again', { error })
    onAborted?.(error)
    consumer.seekToCommitted()
    if (this.#failures > 1) await this.#pause()
  }

  /** Tells the outcome: a commit that was not answered stays a commit. */
  async #end(): Promise<void> {
    await this.#transaction?.finish()
  }

  async #endInTime(error: unknown): Promise<void> {
    this.#failingSince ??= performance.now()
    for (;;) {
      if (performance.now() - this.#failingSince > this.#options.retryTimeoutMs) throw error
      this.#failures++
      try {
        return await this.#end()
      } catch (ending) {
        if (!(ending instanceof KafkaError && ending.retriable)) throw ending
        if (this.#isStopped) throw ending
        await this.#pause()
      }
    }
  }

  async #pause(): Promise<void> {
    // The signal ends the pause; what it means is for the loop.
    await delay(backoffMs(this.#options, this.#failures), this.#options.signal).catch(() => {})
  }
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof KafkaError)) return false
  if (error.code === 'TRANSACTION_ABORTABLE' && error.cause instanceof KafkaError) return isPassing(error.cause)
  return error.retriable || error.category === 'abortable' || passing.has(error.code)
}
