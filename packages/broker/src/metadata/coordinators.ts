/**
 * Which node coordinates a group or a transactional id: by Kafka's hash to one of fifty partitions (of topics that nobody has here), and from there to a node.
 * All nodes come to the same answer, and with other nodes than at the last start to another one: what a coordinator keeps is in the catalog.
 */
export class Coordinators {
  readonly #nodeIds: readonly number[]
  readonly ownId: number

  /** `nodeIds` rising, the same at every node. */
  constructor(nodeIds: readonly number[], ownId: number) {
    this.#nodeIds = nodeIds
    this.ownId = ownId
  }

  nodeOf(key: string): number {
    return this.#nodeIds.length === 1 ? this.ownId : this.#nodeIds[coordinatorPartition(key) % this.#nodeIds.length]!
  }

  isOwn(key: string): boolean {
    return this.nodeOf(key) === this.ownId
  }
}

/** offsets.topic.num.partitions and transaction.state.log.num.partitions, which are the same by default. */
const PARTITION_COUNT = 50

export function coordinatorPartition(key: string): number {
  // Java's String.hashCode, and Kafka's abs, for which the least int is 0.
  let hash = 0
  for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0
  return (hash === -2_147_483_648 ? 0 : Math.abs(hash)) % PARTITION_COUNT
}
