/**
 * Brings the end of a decided transaction to its partitions and groups, and does not give up: what cannot be written now is tried again for as long as the
 * broker runs, and by the next start. Only what is gone for ever (a deleted topic, a producer that has a newer epoch there) needs no marker any more.
 */
import type { Logger, TimerWheel } from '@millrace/base'
import type { TopicPartition, WriteMarkers } from '@millrace/coordinator'
import type { AppendOutcome, LogEngine, MarkerEntry, TransactionMarker } from '@millrace/storage'
import type { ClusterImage } from '../../metadata/cluster-image.ts'
import type { GroupCoordinator } from '../groups/group-coordinator.ts'

export interface MarkerServices {
  readonly image: Pick<ClusterImage, 'topic'>
  readonly logs: Pick<LogEngine, 'append'>
  readonly groups: Pick<GroupCoordinator, 'endTransaction' | 'pendingTransactions'>
  readonly timers: TimerWheel
  readonly logger: Logger
}

export interface WrittenMarkers {
  readonly partitions: readonly TopicPartition[]
  readonly groups: readonly string[]
}

/** Kafka tries every second what a partition refused. */
const RETRY_MS = 1_000

export class MarkerWriter {
  readonly #services: MarkerServices
  #closed = false

  constructor(services: MarkerServices) {
    this.#services = services
  }

  /** Calls `written` with whatever has its marker, once or several times, until all of it has. */
  write(effect: WriteMarkers, written: (markers: WrittenMarkers) => void): void {
    const partitions = [...effect.partitions].flatMap(([topic, indexes]) =>
      [...indexes].map(partition => ({ topic, partition })),
    )
    void this.#attempt(effect, { partitions, groups: [...effect.groups] }, written)
  }

  close(): void {
    this.#closed = true
  }

  async #attempt(
    effect: WriteMarkers,
    wanted: WrittenMarkers,
    written: (markers: WrittenMarkers) => void,
  ): Promise<void> {
    if (this.#closed) return
    const [partitions, groups] = await Promise.all([
      this.#markPartitions(effect, wanted.partitions),
      this.#markGroups(effect, wanted.groups),
    ])
    if (this.#closed) return
    const isAnyDone = partitions.done.length + groups.done.length > 0
    if (isAnyDone) written({ partitions: partitions.done, groups: groups.done })
    if (partitions.left.length + groups.left.length === 0) return
    const left = { partitions: partitions.left, groups: groups.left }
    this.#services.timers.arm(RETRY_MS, () => void this.#attempt(effect, left, written))
  }

  async #markPartitions(effect: WriteMarkers, wanted: readonly TopicPartition[]): Promise<Split<TopicPartition>> {
    const split: Split<TopicPartition> = { done: [], left: [] }
    const marker = markerOf(effect)
    const entries: MarkerEntry[] = []
    const places: TopicPartition[] = []
    for (const place of wanted) {
      const topic = this.#services.image.topic(place.topic)
      const partition = topic?.partitions[place.partition]
      if (partition !== undefined) {
        entries.push({ partition, marker })
        places.push(place)
      } else if (topic === undefined || place.partition >= topic.partitions.length) split.done.push(place)
      else split.left.push(place)
    }
    if (entries.length === 0) return split
    const outcomes = await this.#append(entries)
    for (const [i, place] of places.entries())
      (this.#isDone(effect, place, outcomes?.[i]) ? split.done : split.left).push(place)
    return split
  }

  async #append(entries: readonly MarkerEntry[]): Promise<readonly AppendOutcome[] | undefined> {
    try {
      return await this.#services.logs.append(entries)
    } catch (error) {
      this.#services.logger.error('transaction markers could not be written and will be tried again', { error })
      return undefined
    }
  }

  #isDone(effect: WriteMarkers, { topic, partition }: TopicPartition, outcome: AppendOutcome | undefined): boolean {
    if (outcome === undefined) return false
    if (outcome.kind !== 'refused' || outcome.error === 'UNKNOWN_TOPIC_OR_PARTITION') return true
    const isFenced = outcome.error === 'INVALID_PRODUCER_EPOCH' || outcome.error === 'TRANSACTION_COORDINATOR_FENCED'
    const { transactionalId } = effect
    this.#services.logger.warn('a transaction marker was refused', {
      transactionalId,
      partition: `${topic}-${partition}`,
      error: outcome.error,
      reason: outcome.message,
    })
    return isFenced
  }

  async #markGroups({ producerId, committed }: WriteMarkers, wanted: readonly string[]): Promise<Split<string>> {
    const split: Split<string> = { done: [], left: [] }
    await Promise.all(
      wanted.map(async groupId => {
        const isEnded = await this.#services.groups.endTransaction(groupId, producerId, committed)
        ;(isEnded ? split.done : split.left).push(groupId)
      }),
    )
    return split
  }
}

interface Split<T> {
  readonly done: T[]
  readonly left: T[]
}

const markerOf = (effect: WriteMarkers): TransactionMarker => ({
  producerId: effect.producerId,
  producerEpoch: effect.producerEpoch,
  coordinatorEpoch: effect.coordinatorEpoch,
  commit: effect.committed,
  transactionVersion: effect.transactionVersion,
})
