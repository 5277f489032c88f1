/** A partition's leader and replicas as clients are told of them. A partition has one replica: its leader's. */
import { errorCode } from '@millrace/protocol'
import type { ClusterImage } from './cluster-image.ts'
import type { Topic } from './topic.ts'

export interface DescribedPartition {
  readonly errorCode: number
  readonly partitionIndex: number
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly replicaNodes: readonly number[]
  readonly isrNodes: readonly number[]
  readonly offlineReplicas: readonly number[]
}

const NOBODY: readonly number[] = []

/** Answers for each partition of a topic. `isReachable`: the node can be named to clients. */
export class PartitionDescriber {
  readonly #image: ClusterImage
  readonly #ownId: number
  readonly #reachable: ReadonlySet<number>
  readonly #lists = new Map<number, readonly number[]>()

  constructor(image: ClusterImage, ownId: number, reachable: Iterable<number>) {
    this.#image = image
    this.#ownId = ownId
    this.#reachable = new Set(reachable)
  }

  describe(topic: Topic, partitionIndex: number): DescribedPartition {
    const leader = this.#image.leaderOf(topic, partitionIndex)
    const nodeId = leader?.nodeId ?? this.#ownId
    const nodes = this.#listOf(nodeId)
    if (leader === undefined || !this.#reachable.has(nodeId)) {
      const nobody = { leaderId: -1, leaderEpoch: leader?.leaderEpoch ?? -1, isrNodes: NOBODY, offlineReplicas: nodes }
      return { errorCode: errorCode('LEADER_NOT_AVAILABLE'), partitionIndex, replicaNodes: nodes, ...nobody }
    }
    const { leaderEpoch } = leader
    const all = { replicaNodes: nodes, isrNodes: nodes, offlineReplicas: NOBODY }
    return { errorCode: 0, partitionIndex, leaderId: nodeId, leaderEpoch, ...all }
  }

  #listOf(nodeId: number): readonly number[] {
    let list = this.#lists.get(nodeId)
    if (list === undefined) this.#lists.set(nodeId, (list = [nodeId]))
    return list
  }
}
