/**
 * Finds out where to read from: the committed offset, else what the reset policy says; and after a change of leader whether the position still lies in the same
 * log (KIP-320).
 */
import type { CallOptions } from '../client-options.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { fetchOffsets } from '../cluster/group-offsets.ts'
import { EARLIEST, type FoundOffset, LATEST, leaderEpochEnds, listOffsets } from '../cluster/list-offsets.ts'
import { delay } from '../delay.ts'
import { KafkaError } from '../errors.ts'
import { topicPartitionKey } from '../record.ts'
import type { AssignedPartition } from './assigned-partition.ts'
import type { ResolvedConsumerOptions } from './consumer-options.ts'
import type { Subscription } from './subscription.ts'

export class Positions {
  readonly #cluster: Cluster
  readonly #subscription: Subscription
  readonly #options: ResolvedConsumerOptions
  readonly #onChange: () => void
  readonly #errors: KafkaError[] = []
  #running: Promise<void> | undefined

  constructor(cluster: Cluster, subscription: Subscription, options: ResolvedConsumerOptions, onChange: () => void) {
    this.#cluster = cluster
    this.#subscription = subscription
    this.#options = options
    this.#onChange = onChange
  }

  /** Works on whatever is unknown, in the background. */
  pump(): void {
    if (this.#running !== undefined || !this.#subscription.partitions.some(p => p.phase !== 'ready')) return
    this.#running = this.#resolveAll()
      .catch(error => this.#failed(error))
      .finally(() => {
        this.#running = undefined
        this.#onChange()
      })
  }

  throwError(): void {
    const error = this.#errors.shift()
    if (error !== undefined) throw error
  }

  /** Resolves when the partition has a position. */
  async known(
    partition: AssignedPartition,
    { timeoutMs = this.#options.apiTimeoutMs, signal }: CallOptions,
  ): Promise<number> {
    const deadline = performance.now() + timeoutMs
    while (partition.phase === 'unknown' || partition.phase === 'reset') {
      if (performance.now() >= deadline)
        throw new KafkaError(
          'TIMED_OUT',
          `no position for ${partition.topic}-${partition.partition} within ${timeoutMs} ms`,
        )
      signal?.throwIfAborted()
      this.pump()
      await this.#running
      this.throwError()
    }
    return partition.position
  }

  /** Puts the partition where the policy says. Gives an error instead if the policy is `none`. */
  resetByPolicy(partition: AssignedPartition, reason: string): KafkaError | undefined {
    const { offsetReset } = this.#options
    if (offsetReset === 'none') {
      const { topic, partition: number, fetchOffset: offset } = partition
      const code = partition.position < 0 ? 'NO_OFFSET' : 'OFFSET_OUT_OF_RANGE'
      return new KafkaError(code, `${topic}-${number}: ${reason}, and offsetReset is none`, {
        topic,
        partition: number,
        offset,
      })
    }
    if (offsetReset === 'earliest') partition.reset(EARLIEST)
    else if (offsetReset === 'latest') partition.reset(LATEST)
    else partition.reset(Date.now() - offsetReset.byDurationMs)
    return undefined
  }

  async #failed(error: unknown): Promise<void> {
    if (!(error instanceof KafkaError) || !error.retriable)
      this.#errors.push(
        error instanceof KafkaError ? error : new KafkaError('INVALID_STATE', String(error), { cause: error }),
      )
    else await delay(this.#options.retryBackoffMs)
  }

  async #resolveAll(): Promise<void> {
    await this.#findCommitted(this.#in('unknown'))
    await Promise.all([this.#reset(this.#in('reset')), this.#validate(this.#in('validate'))])
  }

  #in(phase: AssignedPartition['phase']): readonly AssignedPartition[] {
    return this.#subscription.partitions.filter(p => p.phase === phase)
  }

  async #findCommitted(partitions: readonly AssignedPartition[]): Promise<void> {
    if (partitions.length === 0) return
    const { groupId } = this.#options
    const asked = snapshot(partitions)
    const committed =
      groupId === undefined
        ? undefined
        : await fetchOffsets(this.#cluster, groupId, partitions, { requireStable: true })
    for (const { own, generation } of asked) {
      if (own.generation !== generation) continue
      const found = committed?.get(topicPartitionKey(own.topic, own.partition))
      if (found !== undefined) {
        own.seek(found.offset, found.leaderEpoch)
        own.committed = found.offset
      } else this.#note(own, this.resetByPolicy(own, 'there is no committed offset'))
    }
  }

  async #reset(partitions: readonly AssignedPartition[]): Promise<void> {
    if (partitions.length === 0) return
    const asked = snapshot(partitions)
    const queries = partitions.map(({ topic, partition, resetTo }) => ({ topic, partition, timestamp: resetTo }))
    const outcomes = await listOffsets(this.#cluster, queries, this.#options.isolation)
    for (const { own, generation } of asked) {
      const outcome = outcomes.get(topicPartitionKey(own.topic, own.partition))
      if (own.generation === generation) this.#settleReset(own, outcome)
    }
    await this.#pauseForMissing([...outcomes.values()])
  }

  #settleReset(own: AssignedPartition, outcome: FoundOffset | KafkaError | undefined): void {
    if (outcome === undefined) return
    if (outcome instanceof KafkaError) {
      if (outcome.code !== 'UNKNOWN_TOPIC_OR_PARTITION') this.#errors.push(outcome)
      return
    }
    // No record is as young as that: begin with the next one.
    if (outcome.offset < 0) own.reset(LATEST)
    else own.seek(outcome.offset, outcome.leaderEpoch)
  }

  async #validate(partitions: readonly AssignedPartition[]): Promise<void> {
    if (partitions.length === 0) return
    const asked = snapshot(partitions)
    const queries = partitions.map(({ topic, partition, leaderEpoch, positionEpoch }) => ({
      topic,
      partition,
      currentLeaderEpoch: leaderEpoch,
      leaderEpoch: positionEpoch,
    }))
    const outcomes = await leaderEpochEnds(this.#cluster, queries)
    for (const { own, generation } of asked) {
      const outcome = outcomes.get(topicPartitionKey(own.topic, own.partition))
      if (own.generation !== generation || outcome === undefined) continue
      if (outcome instanceof KafkaError) {
        if (outcome.code !== 'UNKNOWN_TOPIC_OR_PARTITION') this.#errors.push(outcome)
      } else if (outcome.leaderEpoch < 0)
        this.#note(own, this.resetByPolicy(own, 'the log no longer knows the epoch of the position'))
      else if (outcome.endOffset < own.position) this.#truncated(own, outcome.endOffset, outcome.leaderEpoch)
      else own.rewind()
    }
    await this.#pauseForMissing([...outcomes.values()])
  }

  #truncated(own: AssignedPartition, endOffset: number, leaderEpoch: number): void {
    const { topic, partition, position } = own
    const message = `${topic}-${partition} lost its records from ${endOffset} on; the position was ${position}`
    this.#options.logger.warn(message)
    own.seek(endOffset, leaderEpoch)
    if (this.#options.offsetReset === 'none')
      this.#errors.push(new KafkaError('LOG_TRUNCATED', message, { topic, partition, offset: endOffset }))
  }

  /** A topic that is not there may be created yet: asked again, but not at once. */
  async #pauseForMissing(outcomes: readonly unknown[]): Promise<void> {
    if (!outcomes.some(outcome => outcome instanceof KafkaError)) return
    this.#cluster.metadata.invalidate()
    await delay(this.#options.retryBackoffMs)
  }

  /** The position stays unknown after an error: the program may seek. */
  #note(own: AssignedPartition, error: KafkaError | undefined): void {
    if (error === undefined) return
    own.retryAt = performance.now()
    this.#errors.push(error)
  }
}

const snapshot = (partitions: readonly AssignedPartition[]) =>
  partitions.map(own => ({ own, generation: own.generation }))
