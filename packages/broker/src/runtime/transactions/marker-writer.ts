/**
 * Brings the end of a decided transaction to its partitions and groups, and does not give up: what cannot be written now is tried again for as long as the
 * broker runs, and by the next start. Only what is gone for ever (a deleted topic, a producer that has a newer epoch there) needs no marker any more.
 */
import type { Logger, TimerWheel } from '@millrace/base'
import type { TopicPartition, WriteMarkers } from '@millrace/coordinator'
import type { ErrorName } from '@millrace/protocol'
import type { AppendOutcome, LogEngine, MarkerEntry, TransactionMarker } from '@millrace/storage'
import type { ClusterImage } from '../../metadata/cluster-image.ts'
import type { Coordinators } from '../../metadata/coordinators.ts'
import type { GroupCoordinator } from '../groups/group-coordinator.ts'
import type { Peers } from '../peers.ts'
import { writeRemoteMarkers } from './remote-markers.ts'

export interface MarkerServices {
  readonly image: Pick<ClusterImage, 'topic' | 'leaderOf'>
  readonly logs: Pick<LogEngine, 'append'>
  readonly groups: Pick<GroupCoordinator, 'endTransaction' | 'pendingTransactions'>
  readonly coordinators: Coordinators
  readonly peers: Peers
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
    const { here, there } = this.#byNode(wanted)
    const local = Promise.all([this.#markPartitions(effect, here.partitions), this.#markGroups(effect, here.groups)])
    const remote = [...there].map(([nodeId, others]) => this.#markThere(nodeId, effect, others))
    const outcomes = await Promise.all([local, ...remote])
    if (this.#closed) return
    const done = joined(outcomes, split => split.done)
    const left = joined(outcomes, split => split.left)
    if (done.partitions.length + done.groups.length > 0) written(done)
    if (left.partitions.length + left.groups.length === 0) return
    this.#services.timers.arm(RETRY_MS, () => void this.#attempt(effect, left, written))
  }

  /** What has no leader that is known stays here, where it is found out whether it is gone. */
  #byNode(wanted: WrittenMarkers): { readonly here: Places; readonly there: ReadonlyMap<number, Places> } {
    const { image, coordinators } = this.#services
    const here: Places = { partitions: [], groups: [] }
    const there = new Map<number, Places>()
    const placesOf = (nodeId: number | undefined): Places => {
      if (nodeId === undefined || nodeId === coordinators.ownId) return here
      let places = there.get(nodeId)
      if (places === undefined) there.set(nodeId, (places = { partitions: [], groups: [] }))
      return places
    }
    for (const place of wanted.partitions) {
      const topic = image.topic(place.topic)
      placesOf(topic && image.leaderOf(topic, place.partition)?.nodeId).partitions.push(place)
    }
    for (const groupId of wanted.groups) placesOf(coordinators.nodeOf(groupId)).groups.push(groupId)
    return { here, there }
  }

  async #markThere(nodeId: number, effect: WriteMarkers, wanted: Places): Promise<Outcomes> {
    const outcomes = await writeRemoteMarkers(this.#services.peers, nodeId, effect, wanted)
    const partitions: Split<TopicPartition> = { done: [], left: [] }
    for (const { place, error } of outcomes.partitions) {
      const isDone = error === 'NONE' || this.#isFenced(effect, place, { error, message: `by node ${nodeId}` })
      ;(isDone ? partitions.done : partitions.left).push(place)
    }
    const groups: Split<string> = { done: [], left: [] }
    for (const { groupId, error } of outcomes.groups) (error === 'NONE' ? groups.done : groups.left).push(groupId)
    return [partitions, groups]
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

  #isDone(effect: WriteMarkers, place: TopicPartition, outcome: AppendOutcome | undefined): boolean {
    if (outcome === undefined) return false
    if (outcome.kind !== 'refused' || outcome.error === 'UNKNOWN_TOPIC_OR_PARTITION') return true
    return this.#isFenced(effect, place, outcome)
  }

  /** Whether what refused the marker knows more than we do: then it needs none. */
  #isFenced(
    { transactionalId }: WriteMarkers,
    { topic, partition }: TopicPartition,
    { error, message: reason }: { readonly error: ErrorName; readonly message: string },
  ): boolean {
    // It has moved, or its node is starting: nothing to speak of.
    if (error === 'NOT_LEADER_OR_FOLLOWER') return false
    const at = `${topic}-${partition}`
    this.#services.logger.warn('a transaction marker was refused', { transactionalId, partition: at, error, reason })
    return error === 'INVALID_PRODUCER_EPOCH' || error === 'TRANSACTION_COORDINATOR_FENCED'
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

interface Places {
  readonly partitions: TopicPartition[]
  readonly groups: string[]
}

type Outcomes = readonly [Split<TopicPartition>, Split<string>]

function joined(outcomes: readonly Outcomes[], listOf: <T>(split: Split<T>) => readonly T[]): WrittenMarkers {
  return {
    partitions: outcomes.flatMap(([partitions]) => listOf(partitions)),
    groups: outcomes.flatMap(([, groups]) => listOf(groups)),
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
