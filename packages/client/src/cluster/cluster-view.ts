import { type MetadataResponse, ZERO_UUID } from '@millrace/protocol'

/** What is known of the cluster, as plain data: brokers, topics and who leads what. */

export interface BrokerNode {
  readonly id: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

export interface PartitionView {
  readonly partition: number
  /** -1 when there is none at the moment. */
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly inSyncReplicas: readonly number[]
  readonly offlineReplicas: readonly number[]
}

export interface TopicView {
  readonly name: string
  /** Undefined with brokers that do not know topic ids. */
  readonly id: string | undefined
  readonly isInternal: boolean
  /** By partition number. */
  readonly partitions: readonly PartitionView[]
}

export type MetadataTopic = MetadataResponse['topics'][number]

/** A leader of an older epoch than the one that is known is news from a broker that lags behind: the known one stays (KIP-320). */
export function topicView(topic: MetadataTopic, known: TopicView | undefined): TopicView {
  const id = topic.topicId === ZERO_UUID ? undefined : topic.topicId
  const sameTopic = known !== undefined && known.id === id
  const partitions = topic.partitions
    .map((p): PartitionView => {
      const before = sameTopic ? known.partitions[p.partitionIndex] : undefined
      if (before !== undefined && p.leaderEpoch >= 0 && p.leaderEpoch < before.leaderEpoch) return before
      return {
        partition: p.partitionIndex,
        leaderId: p.leaderId,
        leaderEpoch: p.leaderEpoch,
        replicas: p.replicaNodes,
        inSyncReplicas: p.isrNodes,
        offlineReplicas: p.offlineReplicas,
      }
    })
    .sort((a, b) => a.partition - b.partition)
  return { name: topic.name ?? '', id, isInternal: topic.isInternal, partitions }
}
