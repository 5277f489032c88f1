/**
 * What a transactional id is in the middle of: who it is, and how its transaction stands.
 *
 *   new ──init──▶ idle ──begin──▶ open ──end(commit)──▶ idle
 *                                  │ fail                ▲
 *                                  ▼                     │
 *                               failed ───end(abort)─────┘
 *
 *   any ── fenced, forbidden ──▶ broken: every call gives the error
 *
 * An end that is not answered leaves it where it is, and may be told again as often as it takes: a decision is taken once in an epoch.
 */
import type { CallOptions } from '../client-options.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { GroupMember, PartitionOffset } from '../cluster/group-offsets.ts'
import { KafkaError, type KafkaErrorCode } from '../errors.ts'
import { type TopicPartition, topicPartitionKey } from '../record.ts'
import type { ProducerIdentity } from './producer-batch.ts'
import { type TransactionProtocol, TransactionRequests } from './transaction-requests.ts'

export interface TransactionSessionOptions {
  readonly transactionalId: string
  readonly transactionTimeoutMs: number
  /** How long partitions are tried to be added. */
  readonly deliveryTimeoutMs: number
}

export interface TransactionSessionHooks {
  /** Partitions may be written to that could not before. */
  readonly onAdmitted: () => void
  /** The transaction cannot be committed any more: nothing more of it is to be sent. */
  readonly onFailed: (error: KafkaError) => void
}

/** From whichever broker: this producer is no longer the one that has the id, or may not have it. */
const breaking: ReadonlySet<string> = new Set<KafkaErrorCode>([
  'PRODUCER_FENCED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
])

export class TransactionSession {
  readonly transactionalId: string
  readonly #options: TransactionSessionOptions
  readonly #requests: TransactionRequests
  readonly #hooks: TransactionSessionHooks
  #identity: ProducerIdentity | undefined
  #protocol: TransactionProtocol = 'classic'
  #broken: KafkaError | undefined
  #isOpen = false
  #failure: KafkaError | undefined
  /** Whether the cluster may know of the transaction. */
  #isTold = false
  /** Whether sequences of this epoch were lost, so that the broker would refuse what follows them. */
  #needsNewEpoch = false
  readonly #added = new Set<string>()
  readonly #wanted = new Map<string, TopicPartition>()
  #adding: Promise<void> | undefined
  #stop = new AbortController()

  constructor(cluster: Cluster, options: TransactionSessionOptions, hooks: TransactionSessionHooks) {
    this.transactionalId = options.transactionalId
    this.#options = options
    this.#requests = new TransactionRequests(cluster, options.transactionalId)
    this.#hooks = hooks
  }

  /** What is written in the open transaction is written as. */
  get identity(): ProducerIdentity | undefined {
    return this.#isOpen ? this.#identity : undefined
  }

  get protocol(): TransactionProtocol {
    return this.#protocol
  }

  /** Why the open transaction can only be aborted. */
  get failure(): KafkaError | undefined {
    return this.#broken ?? this.#failure
  }

  /** Takes the id over, once: whoever had it before can no longer write. */
  async init(call: CallOptions): Promise<void> {
    this.#assertWhole()
    this.#identity ??= await this.#breaking(() =>
      this.#requests.init(this.#options.transactionTimeoutMs, undefined, call),
    )
  }

  async begin(call: CallOptions): Promise<void> {
    this.#assertWhole()
    await this.init(call)
    if (this.#needsNewEpoch) {
      const { transactionTimeoutMs } = this.#options
      this.#identity = await this.#breaking(() => this.#requests.init(transactionTimeoutMs, this.#identity, call))
      this.#needsNewEpoch = false
    }
    this.#protocol = await this.#requests.protocol(call)
    this.#stop = new AbortController()
    this.#failure = undefined
    this.#isTold = false
    this.#isOpen = true
  }

  /** Whether a batch may go to the partition now; if not, `onAdmitted` is called when it may. */
  admits(topic: string, partition: number): boolean {
    if (this.failure !== undefined || !this.#isOpen) return false
    const key = topicPartitionKey(topic, partition)
    this.#isTold = true
    if (this.#protocol === 'epochs' || this.#added.has(key)) return true
    this.#wanted.set(key, { topic, partition })
    this.#adding ??= this.#addWanted().finally(() => {
      this.#adding = undefined
    })
    return false
  }

  /** A record, or the offsets, did not get into the transaction. */
  fail(error: KafkaError): void {
    if (!this.#isOpen) return
    if (breaking.has(error.code)) this.#broken ??= error
    if (this.#failure !== undefined) return
    const message = `the transaction of '${this.transactionalId}' has to be aborted: ${error.message}`
    const { topic, partition } = error
    this.#failure = new KafkaError('TRANSACTION_ABORTABLE', message, { cause: error, topic, partition })
    this.#stop.abort(this.#failure)
    this.#hooks.onFailed(this.#failure)
  }

  /** A batch that had a sequence was given up. */
  sequenceLost(): void {
    this.#needsNewEpoch = true
  }

  async sendOffsets(member: GroupMember, offsets: readonly PartitionOffset[], call: CallOptions): Promise<void> {
    if (offsets.length === 0) return
    const identity = this.#identity!
    const protocol = this.#protocol
    this.#isTold = true
    try {
      if (protocol === 'classic') await this.#requests.addOffsets(identity, member.groupId, call)
      await this.#requests.commitOffsets(identity, member, offsets, { ...call, protocol })
    } catch (error) {
      this.fail(asKafkaError(error))
      throw error
    }
  }

  /** Everything that was sent has landed. Rejects with a retriable error when the outcome could not be told in time; then `end` may be called again. */
  async end(committed: boolean, call: CallOptions): Promise<void> {
    this.#assertWhole()
    await this.#adding
    if (this.#isTold) {
      const protocol = this.#protocol
      const identity = await this.#breaking(() => this.#requests.end(this.#identity!, committed, { ...call, protocol }))
      if (protocol === 'epochs') this.#needsNewEpoch = false
      this.#identity = identity
    }
    this.#isOpen = false
    this.#added.clear()
    this.#wanted.clear()
  }

  async #addWanted(): Promise<void> {
    // Whatever the sender asks for in the same turn goes into one request.
    await Promise.resolve()
    while (this.#wanted.size > 0 && this.failure === undefined) {
      const asked = [...this.#wanted]
      this.#wanted.clear()
      try {
        await this.#requests.addPartitions(
          this.#identity!,
          asked.map(([, partition]) => partition),
          {
            timeoutMs: this.#options.deliveryTimeoutMs,
            signal: this.#stop.signal,
          },
        )
      } catch (error) {
        if (error !== this.#failure) this.fail(asKafkaError(error))
        return
      }
      for (const [key] of asked) this.#added.add(key)
      this.#hooks.onAdmitted()
    }
  }

  /** For what the transaction's coordinator says: what does not pass, and is not about this transaction alone, is about this producer. */
  async #breaking<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (error) {
      if (error instanceof KafkaError && !error.retriable && error.code !== 'CLOSED') this.#refused(error)
      throw error
    }
  }

  #refused(error: KafkaError): void {
    if (error.category === 'abortable') this.fail(error)
    else this.#broken ??= error
  }

  #assertWhole(): void {
    if (this.#broken !== undefined) throw this.#broken
  }
}

const asKafkaError = (error: unknown): KafkaError =>
  error instanceof KafkaError ? error : new KafkaError('INVALID_STATE', String(error), { cause: error })
