/** Who leads which partition, as far as the catalog has been heard. */
import { type CatalogChange, type LeaderTerm, NO_NODE, type StoredPlacement, type TopicLayout } from '@millrace/storage'

export interface PartitionLeader {
  readonly nodeId: number
  readonly leaderEpoch: number
}

export class Placements {
  readonly #nodeIds: readonly number[]
  readonly #ownId: number
  readonly #byTopic = new Map<string, Map<number, StoredPlacement>>()
  readonly #counts = new Map<number, number>()

  constructor(nodeIds: readonly number[], ownId: number) {
    this.#nodeIds = nodeIds
    this.#ownId = ownId
  }

  load(placements: readonly StoredPlacement[]): void {
    for (const placement of placements) this.#put(placement)
  }

  apply(change: CatalogChange): void {
    if (change.kind === 'deleteTopic') this.#forget(change.topicId)
    else if (change.kind === 'setLeader') {
      const { topicId, partition, nodeId } = change.placement
      const target = this.of(topicId, partition)?.targetNodeId ?? NO_NODE
      this.#put({ ...change.placement, targetNodeId: target === nodeId ? NO_NODE : target })
    } else if (change.kind === 'setMoveTarget') {
      const { topicId, partition, targetNodeId } = change
      const known = this.of(topicId, partition)
      if (known !== undefined) this.#put({ ...known, targetNodeId })
    }
  }

  ofTopic(topicId: string): Iterable<StoredPlacement> {
    return this.#byTopic.get(topicId)?.values() ?? []
  }

  of(topicId: string, partition: number): StoredPlacement | undefined {
    return this.#byTopic.get(topicId)?.get(partition)
  }

  /** A node that is alone leads everything. */
  isOwn(topicId: string, partition: number): boolean {
    return this.#nodeIds.length === 1 || this.of(topicId, partition)?.nodeId === this.#ownId
  }

  /** How many partitions each node leads. */
  get counts(): ReadonlyMap<number, number> {
    return this.#counts
  }

  *all(): Generator<StoredPlacement> {
    for (const ofTopic of this.#byTopic.values()) yield* ofTopic.values()
  }

  /** What the engine is to know of it beside the topic. */
  layoutOf(topicId: string): Pick<TopicLayout, 'led' | 'terms'> {
    const terms: ReadonlyMap<number, LeaderTerm> | undefined = this.#byTopic.get(topicId)
    if (this.#nodeIds.length === 1) return terms === undefined ? {} : { terms }
    const own = [...(this.#byTopic.get(topicId)?.values() ?? [])].filter(({ nodeId }) => nodeId === this.#ownId)
    return { led: new Set(own.map(({ partition }) => partition)), ...(terms !== undefined && { terms }) }
  }

  #put(placement: StoredPlacement): void {
    let ofTopic = this.#byTopic.get(placement.topicId)
    if (ofTopic === undefined) this.#byTopic.set(placement.topicId, (ofTopic = new Map()))
    const before = ofTopic.get(placement.partition)
    if (before !== undefined) this.#count(before.nodeId, -1)
    this.#count(placement.nodeId, 1)
    ofTopic.set(placement.partition, placement)
  }

  #forget(topicId: string): void {
    for (const { nodeId } of this.#byTopic.get(topicId)?.values() ?? []) this.#count(nodeId, -1)
    this.#byTopic.delete(topicId)
  }

  #count(nodeId: number, change: number): void {
    this.#counts.set(nodeId, (this.#counts.get(nodeId) ?? 0) + change)
  }
}
