/** A partition's leader and replicas as clients are told of them. A partition has one replica: its leader's. */
import { type EncodedArray, encodeMetadataPartitions, errorCode } from '@millrace/protocol'
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
  readonly #nodes: string
  readonly #lists = new Map<number, readonly number[]>()

  constructor(image: ClusterImage, ownId: number, reachable: Iterable<number>) {
    this.#image = image
    this.#ownId = ownId
    this.#reachable = new Set(reachable)
    this.#nodes = [...this.#reachable].join(' ')
  }

  /** All of a topic for an answer of Metadata. */
  describeAll(topic: Topic, version: number): readonly DescribedPartition[] | EncodedArray {
    const { kept } = this.#image
    const form = `${version} ${this.#nodes}`
    const found = kept.find(form, topic.id)
    if (found !== undefined) return found
    const partitions = this.#fresh(topic)
    // Errors are counted when they are sent, and those who have no leader hardly stay so.
    if (partitions.some(({ errorCode: code }) => code !== 0)) return partitions
    const encoded = encodeMetadataPartitions(partitions, version)
    kept.keep(form, topic.id, encoded)
    return encoded
  }

  #fresh(topic: Topic): readonly DescribedPartition[] {
    return topic.partitions.map((_, index) => this.describe(topic, index))
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
