/** Where the partitions of a topic go that are new: to the nodes that an administrator named, or to those that lead the fewest. */
import { type CatalogChange, LeaderSpread } from '@millrace/storage'
import type { ClusterImage } from './cluster-image.ts'

export interface NewPartitions {
  readonly topicId: string
  readonly from: number
  readonly to: number
  /** The node of each, by its number in the topic; absent where nobody named one. */
  readonly nodeOf: (partition: number) => number | undefined
}

export class LeaderPlacement {
  readonly #image: ClusterImage
  readonly #nodeIds: readonly number[]
  /** Partitions that are being written: topics that are made together are spread as well. */
  readonly #underWay = new Map<number, number>()

  constructor(image: ClusterImage, nodeIds: readonly number[]) {
    this.#image = image
    this.#nodeIds = nodeIds
  }

  get nodeIds(): ReadonlySet<number> {
    return new Set(this.#nodeIds)
  }

  /** What is written with the partitions. A node that is alone leads everything, and says so nowhere. */
  changesFor({ topicId, from, to, nodeOf }: NewPartitions): CatalogChange[] {
    if (this.#nodeIds.length === 1) return []
    const { placements } = this.#image
    const known = [...placements.ofTopic(topicId)]
    const spread = new LeaderSpread(this.#nodeIds, known, this.#loadBeside(known))
    const changes = Array.from({ length: to - from }, (_, i): CatalogChange => {
      const partition = from + i
      const chosen = nodeOf(partition)
      if (chosen !== undefined) spread.add(topicId, chosen)
      const nodeId = chosen ?? spread.next(topicId)
      return { kind: 'setLeader', placement: { topicId, partition, nodeId, leaderEpoch: 0, handover: '' } }
    })
    this.#count(changes, 1)
    return changes
  }

  /** They were written, or will not be. */
  written(changes: readonly CatalogChange[]): void {
    this.#count(changes, -1)
  }

  #count(changes: readonly CatalogChange[], by: number): void {
    for (const change of changes) {
      if (change.kind !== 'setLeader') continue
      const { nodeId } = change.placement
      this.#underWay.set(nodeId, (this.#underWay.get(nodeId) ?? 0) + by)
    }
  }

  #loadBeside(known: readonly { readonly nodeId: number }[]): ReadonlyMap<number, number> {
    const load = new Map(this.#image.placements.counts)
    for (const [nodeId, count] of this.#underWay) load.set(nodeId, (load.get(nodeId) ?? 0) + count)
    for (const { nodeId } of known) load.set(nodeId, (load.get(nodeId) ?? 0) - 1)
    return load
  }
}
