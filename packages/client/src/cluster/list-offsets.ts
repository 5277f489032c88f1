import { ListOffsets, OffsetForLeaderEpoch } from '@millrace/protocol'
import type { CallOptions } from '../client-options.ts'
import { wireError } from '../errors.ts'
import { type TopicPartition, topicPartitionKey } from '../record.ts'
import { askLeaders, byTopic, type PartitionOutcomes } from './by-leader.ts'
import type { Cluster } from './cluster.ts'

/** `committed` ends at the last stable offset, before the first open transaction. */
export type Isolation = 'read_uncommitted' | 'read_committed'

export const isolationLevel = (isolation: Isolation): 0 | 1 => (isolation === 'read_committed' ? 1 : 0)

/** Kafka's special times. */
export const LATEST = -1
export const EARLIEST = -2

export interface OffsetQuery extends TopicPartition {
  /** Milliseconds since 1970, or one of Kafka's special times. */
  readonly timestamp: number
  readonly currentLeaderEpoch?: number | undefined
}

export interface FoundOffset {
  /** -1 when no record is that young. */
  readonly offset: number
  /** Of the record at that offset; -1 for special positions. */
  readonly timestamp: number
  readonly leaderEpoch: number
}

export function listOffsets(
  cluster: Cluster,
  queries: readonly OffsetQuery[],
  isolation: Isolation,
  call: CallOptions = {},
): Promise<PartitionOutcomes<FoundOffset>> {
  return askLeaders(cluster, queries, call, async (connection, own) => {
    const topics = [...byTopic(own)].map(([name, partitions]) => ({
      name,
      partitions: partitions.map(({ partition, timestamp, currentLeaderEpoch = -1 }) => ({
        partitionIndex: partition,
        currentLeaderEpoch,
        timestamp,
      })),
    }))
    const body = {
      replicaId: -1,
      isolationLevel: isolationLevel(isolation),
      topics,
      timeoutMs: cluster.options.requestTimeoutMs,
    }
    const answer = await connection.request(ListOffsets, body, { signal: call.signal })
    const outcomes: PartitionOutcomes<FoundOffset> = new Map()
    for (const { name: topic, partitions } of answer.topics)
      for (const { partitionIndex: partition, errorCode, offset, timestamp, leaderEpoch } of partitions)
        outcomes.set(
          topicPartitionKey(topic, partition),
          errorCode === 0
            ? { offset, timestamp, leaderEpoch }
            : wireError(errorCode, `offsets of ${topic}-${partition}`, { topic, partition }),
        )
    return outcomes
  })
}

export interface EpochQuery extends TopicPartition {
  readonly currentLeaderEpoch: number
  readonly leaderEpoch: number
}

export interface EpochEnd {
  /** -1 when the leader knows nothing about it. */
  readonly leaderEpoch: number
  readonly endOffset: number
}

/** Where the asked leader epochs end (KIP-320). */
export function leaderEpochEnds(
  cluster: Cluster,
  queries: readonly EpochQuery[],
  call: CallOptions = {},
): Promise<PartitionOutcomes<EpochEnd>> {
  return askLeaders(cluster, queries, call, async (connection, own) => {
    const topics = [...byTopic(own)].map(([topic, partitions]) => ({
      topic,
      partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => ({
        partition,
        currentLeaderEpoch,
        leaderEpoch,
      })),
    }))
    const answer = await connection.request(OffsetForLeaderEpoch, { replicaId: -1, topics }, { signal: call.signal })
    const outcomes: PartitionOutcomes<EpochEnd> = new Map()
    for (const { topic, partitions } of answer.topics)
      for (const { partition, errorCode, leaderEpoch, endOffset } of partitions)
        outcomes.set(
          topicPartitionKey(topic, partition),
          errorCode === 0
            ? { leaderEpoch, endOffset }
            : wireError(errorCode, `epochs of ${topic}-${partition}`, { topic, partition }),
        )
    return outcomes
  })
}
