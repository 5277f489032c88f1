import type { CallOptions } from '../client-options.ts'
import { Cluster } from '../cluster/cluster.ts'
import { fetchOffsets, type GroupMember, type PartitionOffset } from '../cluster/group-offsets.ts'
import { EARLIEST, LATEST } from '../cluster/list-offsets.ts'
import { Refresher } from '../cluster/refresher.ts'
import { delay, Wakeup } from '../delay.ts'
import { KafkaError } from '../errors.ts'
import type { ConsumerRecord, TopicPartition } from '../record.ts'
import { type Deserializer, serdes } from '../serdes.ts'
import { Commits } from './commits.ts'
import { asBatch, type ConsumerBatch, type Deserializers, oneByOne } from './consumer-batch.ts'
import {
  type ConsumerOptions,
  type RebalanceListener,
  type ResolvedConsumerOptions,
  resolveConsumerOptions,
} from './consumer-options.ts'
import { Fetcher } from './fetcher.ts'
import { GroupSession } from './group-session.ts'
import { PollLoop } from './poll-loop.ts'
import { Positions } from './positions.ts'
import { Subscription } from './subscription.ts'

export interface ReadOptions {
  /** Ends the loop, without an error. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Reads records from topics, alone (`assign`) or as a member of a group (`subscribe`).
 *
 * Offsets are committed automatically, unless `autoCommit` is off, and only for records that the program is done with: a record is done when the loop asks for the
 * next one. A record that the loop broke off at is read again by whoever comes next, so break off after `commit()` if it was done.
 *
 * @example
 * ```ts
 * await producer.send({ topic: 'orders', key: 'o-2', value: 'two pears' })
 * await using consumer = new Consumer({ bootstrap, groupId: 'kitchen', offsetReset: 'earliest', value: serdes.string })
 * consumer.subscribe(['orders'])
 * for await (const { key, value, offset } of consumer) {
 *   console.log(offset, key?.toString(), value)
 *   break
 * }
 * ```
 */
export class Consumer<K = Buffer, V = Buffer> implements AsyncDisposable {
  readonly #options: ResolvedConsumerOptions
  readonly #cluster: Cluster
  readonly #subscription = new Subscription()
  readonly #wakeup = new Wakeup()
  readonly #refresher: Refresher
  readonly #positions: Positions
  readonly #fetcher: Fetcher
  readonly #commits: Commits
  readonly #session: GroupSession | undefined
  readonly #loop: PollLoop
  readonly #deserializers: Deserializers<K, V>
  #closing: Promise<void> | undefined

  constructor(options: ConsumerOptions<K, V>) {
    const resolved = resolveConsumerOptions(options)
    this.#options = resolved
    this.#deserializers = {
      key: options.key ?? (serdes.bytes as Deserializer<unknown> as Deserializer<K>),
      value: options.value ?? (serdes.bytes as Deserializer<unknown> as Deserializer<V>),
    }
    const notify = (): void => this.#wakeup.notify()
    const subscription = this.#subscription
    const cluster = new Cluster(resolved)
    this.#cluster = cluster
    this.#refresher = new Refresher(cluster, notify)
    this.#positions = new Positions(cluster, subscription, resolved, notify)
    this.#fetcher = new Fetcher(cluster, subscription, resolved, {
      refresher: this.#refresher,
      onArrival: notify,
      onOutOfRange: partition => this.#positions.resetByPolicy(partition, 'the offset is outside of the log'),
    })
    this.#commits = new Commits(cluster, subscription, resolved, () => this.groupMember)
    const { groupId } = resolved
    const hooks = { beforeRevoke: () => this.#commits.beforeRevoke(), onNews: notify }
    this.#session =
      groupId === undefined ? undefined : new GroupSession(cluster, { ...resolved, groupId }, subscription, hooks)
    this.#loop = new PollLoop({
      cluster,
      subscription,
      fetcher: this.#fetcher,
      positions: this.#positions,
      commits: this.#commits,
      session: this.#session,
      refresher: this.#refresher,
      wakeup: this.#wakeup,
    })
    cluster.watch(notify)
  }

  /**
   * Joins the group for these topics, or for all that a pattern matches as a whole name, now and later. The group is joined when reading begins. Replaces
   * an earlier subscription.
   *
   * @example
   * ```ts
   * await using consumer = new Consumer({ bootstrap, groupId: 'audit' })
   * consumer.subscribe(/orders-.+/, {
   *   onAssigned: partitions => console.log('reading', partitions),
   *   onRevoked: async () => consumer.commit(),
   * })
   * ```
   */
  subscribe(topics: readonly string[] | RegExp, listener: RebalanceListener = {}): void {
    if (this.#options.groupId === undefined)
      throw new KafkaError('INVALID_STATE', 'a subscription needs a group: give a groupId, or assign partitions')
    const wish =
      topics instanceof RegExp
        ? ({ kind: 'pattern', pattern: topics } as const)
        : ({ kind: 'topics', topics: [...new Set(topics)] } as const)
    this.#subscription.want(wish, listener)
    this.#cluster.metadata.invalidate()
    this.#wakeup.notify()
  }

  /**
   * Reads these partitions, without a group's say. Positions come from the group's commits if there is a `groupId`, else from `offsetReset`.
   *
   * @example
   * ```ts
   * await using consumer = new Consumer({ bootstrap })
   * consumer.assign([{ topic: 'orders', partition: 0 }])
   * consumer.seekToBeginning()
   * for await (const batch of consumer.batches()) {
   *   console.log(batch.records.length, 'records up to', batch.lastOffset)
   *   break
   * }
   * ```
   */
  assign(partitions: Iterable<TopicPartition>): void {
    this.#subscription.want({ kind: 'assigned' })
    this.#subscription.assign(partitions)
    this.#wakeup.notify()
  }

  /** Gives all partitions up and leaves the group. */
  async unsubscribe(): Promise<void> {
    if (this.#subscription.isByGroup) await this.#session!.leave('the consumer unsubscribed')
    this.#subscription.want({ kind: 'none' })
    this.#subscription.assign([])
  }

  /** What this consumer reads at the moment. */
  get assignment(): readonly TopicPartition[] {
    return this.#subscription.partitions.map(({ topic, partition }) => ({ topic, partition }))
  }

  /** Who this consumer is within its group, for committing elsewhere (KIP-447). */
  get groupMember(): GroupMember {
    const { groupId = '', groupInstanceId } = this.#options
    if (this.#session !== undefined && this.#subscription.isByGroup) return this.#session.member
    return {
      groupId,
      generationId: -1,
      memberId: '',
      groupInstanceId: this.#session === undefined ? groupInstanceId : null,
    }
  }

  /** Record by record. See `batches` for the faster way. */
  [Symbol.asyncIterator](): AsyncGenerator<ConsumerRecord<K, V>, void, undefined> {
    return this.records()
  }

  /** As iterating over the consumer itself, with a signal that ends the loop. */
  async *records({ signal }: ReadOptions = {}): AsyncGenerator<ConsumerRecord<K, V>, void, undefined> {
    for (;;) {
      const handed = await this.#loop.next(this.#options.batchRecordsMax, signal)
      if (handed === undefined) return
      yield* oneByOne(handed, this.#deserializers, () => signal?.aborted === true || this.#session?.isLost === true)
      if (signal?.aborted === true) return
    }
  }

  /**
   * Batch by batch: up to `batchRecordsMax` records of one partition at a time. While the program works on one, the next are fetched.
   *
   * Throws what cannot be retried: `NO_OFFSET`, `OFFSET_OUT_OF_RANGE`, `DESERIALIZATION_FAILED`, `CORRUPT_MESSAGE`, `TOPIC_AUTHORIZATION_FAILED`,
   * `FENCED_INSTANCE_ID` and the like. The loop may be begun again after that, at the record where it ended.
   */
  async *batches({ signal }: ReadOptions = {}): AsyncGenerator<ConsumerBatch<K, V>, void, undefined> {
    for (;;) {
      const handed = await this.#loop.next(this.#options.batchRecordsMax, signal)
      if (handed === undefined) return
      yield asBatch(handed, this.#deserializers)
      if (signal?.aborted === true) return
    }
  }

  /**
   * Commits the given offsets, or the positions of all partitions: everything that was handed over, the present record too. Commits are made one after the other;
   * whoever does not await one has an asynchronous commit.
   *
   * Rejects with `REBALANCE_IN_PROGRESS`, `ILLEGAL_GENERATION` or `UNKNOWN_MEMBER_ID` when the partitions are no longer this member's.
   *
   * @example
   * ```ts
   * await using consumer = new Consumer({ bootstrap, groupId: 'ledger', autoCommit: false, offsetReset: 'earliest' })
   * consumer.subscribe(['orders'])
   * for await (const batch of consumer.batches()) {
   *   console.log('booked', batch.records.length)
   *   await consumer.commit()
   *   break
   * }
   * ```
   */
  commit(offsets?: Iterable<PartitionOffset>, call: CallOptions = {}): Promise<void> {
    return this.#commits.commit(offsets, call)
  }

  /** What the group has committed, by `topic-partition`; absent where there is nothing. */
  committed(
    partitions: readonly TopicPartition[] = this.assignment,
    call: CallOptions = {},
  ): Promise<Map<string, PartitionOffset>> {
    const { groupId } = this.#options
    if (groupId === undefined)
      throw new KafkaError('INVALID_STATE', 'offsets are committed for a group: give a groupId')
    return fetchOffsets(this.#cluster, groupId, partitions, { requireStable: true, ...call })
  }

  /** The offset of the next record to be handed over; waits until it is known. */
  position(partition: TopicPartition, call: CallOptions = {}): Promise<number> {
    return this.#positions.known(this.#subscription.expect(partition), call)
  }

  /** How many records are left to read, as of the last fetch. Undefined before the first. */
  lag(partition: TopicPartition): number | undefined {
    const { position, highWatermark, lastStableOffset } = this.#subscription.expect(partition)
    const end = this.#options.isolation === 'read_committed' ? lastStableOffset : highWatermark
    return position < 0 || end < 0 ? undefined : Math.max(0, end - position)
  }

  /** Goes on at another offset. What was fetched ahead is dropped. */
  seek(partition: TopicPartition, offset: number): void {
    if (!Number.isSafeInteger(offset) || offset < 0)
      throw new KafkaError('INVALID_ARGUMENT', `${offset} is not an offset`)
    this.#subscription.expect(partition).seek(offset)
    this.#wakeup.notify()
  }

  /** The given partitions, or all. */
  seekToBeginning(partitions?: Iterable<TopicPartition>): void {
    for (const own of this.#subscription.select(partitions)) own.reset(EARLIEST)
    this.#wakeup.notify()
  }

  /** The given partitions, or all: only what is written from now on is read. */
  seekToEnd(partitions?: Iterable<TopicPartition>): void {
    for (const own of this.#subscription.select(partitions)) own.reset(LATEST)
    this.#wakeup.notify()
  }

  /**
   * Back to what the group has committed, or to what `offsetReset` says: everything that was handed over since is handed over again. For the given partitions, or all.
   *
   * @example
   * ```ts
   * await using consumer = new Consumer({ bootstrap, groupId: 'kitchen', autoCommit: false, offsetReset: 'earliest' })
   * consumer.assign([{ topic: 'orders', partition: 0 }])
   * for await (const { offset } of consumer) {
   *   console.log('was not able to work on', offset)
   *   consumer.seekToCommitted()
   *   break
   * }
   * ```
   */
  seekToCommitted(partitions?: Iterable<TopicPartition>): void {
    for (const own of this.#subscription.select(partitions)) own.forget()
    this.#wakeup.notify()
  }

  /** To the first record of that time or later (milliseconds since 1970), or to the end if there is none. */
  seekToTime(timestampMs: number, partitions?: Iterable<TopicPartition>): void {
    for (const own of this.#subscription.select(partitions)) own.reset(timestampMs)
    this.#wakeup.notify()
  }

  /** Hands nothing over from these partitions, or from all, until `resume`. The group is not told. */
  pause(partitions?: Iterable<TopicPartition>): void {
    for (const own of this.#subscription.select(partitions)) own.paused = true
  }

  resume(partitions?: Iterable<TopicPartition>): void {
    for (const own of this.#subscription.select(partitions)) own.paused = false
    this.#wakeup.notify()
  }

  get paused(): readonly TopicPartition[] {
    return this.#subscription.partitions.filter(p => p.paused).map(({ topic, partition }) => ({ topic, partition }))
  }

  /** Commits what is done (with `autoCommit`), leaves the group and lets go of all connections; gives up on the first two after `timeoutMs`, default 30000. */
  close({ timeoutMs = 30_000 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#loop.close()
    this.#refresher.close()
    const gaveUp = new AbortController()
    try {
      await Promise.race([this.#farewell(), delay(timeoutMs, gaveUp.signal).catch(() => {})])
    } finally {
      gaveUp.abort()
      this.#fetcher.close()
      this.#cluster.close()
    }
  }

  async #farewell(): Promise<void> {
    if (this.#subscription.isByGroup) await this.#session!.leave('the consumer was closed')
    else if (this.#options.autoCommit) await this.#commits.beforeRevoke()
  }
}
