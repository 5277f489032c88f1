/** Gives partitions to nodes: to the one that leads the fewest of the topic, and among those the fewest of all. */
import type { StoredPlacement } from './catalog.ts'

export class LeaderSpread {
  readonly #nodeIds: readonly number[]
  readonly #ofTopic = new Map<string, Map<number, number>>()
  readonly #ofAll: Map<number, number>

  /** `ofAll`: what each node leads beside the placements. */
  constructor(
    nodeIds: readonly number[],
    placements: Iterable<Pick<StoredPlacement, 'topicId' | 'nodeId'>>,
    ofAll: ReadonlyMap<number, number> = new Map(),
  ) {
    this.#nodeIds = nodeIds
    this.#ofAll = new Map(ofAll)
    for (const { topicId, nodeId } of placements) this.add(topicId, nodeId)
  }

  add(topicId: string, nodeId: number): void {
    const counts = this.#countsOf(topicId)
    counts.set(nodeId, (counts.get(nodeId) ?? 0) + 1)
    this.#ofAll.set(nodeId, (this.#ofAll.get(nodeId) ?? 0) + 1)
  }

  /** The next partition's node; it is counted as placed. */
  next(topicId: string): number {
    const counts = this.#countsOf(topicId)
    const load = (nodeId: number): readonly [number, number] => [counts.get(nodeId) ?? 0, this.#ofAll.get(nodeId) ?? 0]
    let chosen = this.#nodeIds[0]!
    for (const nodeId of this.#nodeIds) {
      const [ofTopic, ofAll] = load(nodeId)
      const [leastOfTopic, leastOfAll] = load(chosen)
      if (ofTopic < leastOfTopic || (ofTopic === leastOfTopic && ofAll < leastOfAll)) chosen = nodeId
    }
    this.add(topicId, chosen)
    return chosen
  }

  #countsOf(topicId: string): Map<number, number> {
    let counts = this.#ofTopic.get(topicId)
    if (counts === undefined) this.#ofTopic.set(topicId, (counts = new Map()))
    return counts
  }
}
