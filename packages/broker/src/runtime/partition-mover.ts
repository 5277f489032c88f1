/**
 * Hands partitions over that are to be led elsewhere (AlterPartitionReassignments). Whoever leads one does it: it lets go of the partition, and then one write
 * of the catalog names the next leader and what that one has to know. Until then the partition is ours, whatever happens; from then on it is the other's.
 */
import type { Logger, TimerWheel } from '@millrace/base'
import {
  type Catalog,
  type CatalogChange,
  CatalogError,
  type LogEngine,
  NO_NODE,
  StorageError,
} from '@millrace/storage'
import type { ClusterImage } from '../metadata/cluster-image.ts'
import type { Topic } from '../metadata/topic.ts'
import type { Peers } from './peers.ts'

export interface MoverServices {
  readonly nodeId: number
  readonly image: ClusterImage
  readonly catalog: Catalog
  readonly logs: LogEngine
  readonly peers: Peers
  readonly timers: TimerWheel
  readonly logger: Logger
}

/** Where the target is not there, or the partition is not open yet. */
const RETRY_MS = 1_000

export class PartitionMover {
  readonly #services: MoverServices
  readonly #moving = new Set<string>()
  #isClosed = false

  constructor(services: MoverServices) {
    this.#services = services
  }

  /** Takes up what was asked for before this start. */
  start(): void {
    for (const { topicId, partition } of this.#services.image.placements.all()) this.#consider(topicId, partition)
  }

  apply(changes: readonly CatalogChange[]): void {
    for (const change of changes)
      if (change.kind === 'setMoveTarget') this.#consider(change.topicId, change.partition)
      else if (change.kind === 'setLeader') this.#consider(change.placement.topicId, change.placement.partition)
  }

  close(): void {
    this.#isClosed = true
  }

  #consider(topicId: string, partition: number): void {
    const key = `${topicId}/${partition}`
    if (this.#targetOf(topicId, partition) === undefined || this.#moving.has(key)) return
    this.#moving.add(key)
    void this.#move(topicId, partition)
      .catch((error: unknown) => {
        this.#services.logger.error('a partition could not be handed over and will be tried again', {
          topicId,
          partition,
          error,
        })
        return false
      })
      .then(isDone => {
        this.#moving.delete(key)
        if (!isDone && !this.#isClosed) this.#services.timers.arm(RETRY_MS, () => this.#consider(topicId, partition))
      })
  }

  /** Undefined where there is nothing to do for this node. */
  #targetOf(topicId: string, partition: number): number | undefined {
    const placement = this.#services.image.placements.of(topicId, partition)
    const isOurs = placement?.nodeId === this.#services.nodeId
    if (this.#isClosed || !isOurs || placement.targetNodeId === NO_NODE) return undefined
    return placement.targetNodeId === this.#services.nodeId ? undefined : placement.targetNodeId
  }

  /** Answers false where it has to be tried again. */
  async #move(topicId: string, partition: number): Promise<boolean> {
    const { image, logs, peers } = this.#services
    await image.settled().catch(() => {})
    const target = this.#targetOf(topicId, partition)
    const topic = image.topicById(topicId)
    if (target === undefined || topic === undefined) return true
    const log = logs.partition(topicId, partition)
    const isThere = [...peers.others()].some(({ nodeId }) => nodeId === target)
    if (log === undefined || !isThere) return false
    const released = logs.release(log)
    // The log is out of service from the call on, and nobody is to be sent to it.
    image.opened(topicId, partition)
    try {
      return await this.#handOver(topic, partition, { target, handover: await released })
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      return this.#callOff(topic, partition, error)
    }
  }

  /** Its log cannot be handed over, now or later: its disk is at fault, or it is in memory. */
  async #callOff({ id: topicId, name }: Topic, partition: number, fault: StorageError): Promise<boolean> {
    const { image, catalog, logger } = this.#services
    image.opened(topicId, partition)
    logger.warn('partition cannot be moved', { partition: `${name}-${partition}`, reason: fault.message })
    await catalog.write([{ kind: 'setMoveTarget', topicId, partition, targetNodeId: NO_NODE }])
    return true
  }

  async #handOver(
    topic: Topic,
    partition: number,
    { target, handover }: { readonly target: number; readonly handover: string },
  ): Promise<boolean> {
    const { image, catalog, logger } = this.#services
    const leaderEpoch = image.placements.of(topic.id, partition)!.leaderEpoch + 1
    const placement = { topicId: topic.id, partition, nodeId: target, leaderEpoch, handover }
    try {
      await catalog.write([{ kind: 'setLeader', placement }])
      logger.info('partition handed over', { partition: `${topic.name}-${partition}`, to: target, leaderEpoch })
      return true
    } catch (error) {
      if (!(error instanceof CatalogError)) throw error
      await image.takeBack(topic, partition, handover)
      logger.warn('partition stays, its new leader could not be written', {
        partition: `${topic.name}-${partition}`,
        error,
      })
      return error.code === 'NOT_FOUND'
    }
  }
}
