/** Committed offsets of groups: what a consumer and an admin do alike. */
import { OffsetCommit, OffsetFetch, ZERO_UUID } from '@millrace/protocol'
import type { CallOptions } from '../client-options.ts'
import { type KafkaError, wireError } from '../errors.ts'
import type { Connection } from '../network/connection.ts'
import { type OffsetAndMetadata, type TopicPartition, topicPartitionKey } from '../record.ts'
import { byTopic } from './by-leader.ts'
import type { Cluster } from './cluster.ts'

export interface PartitionOffset extends TopicPartition, OffsetAndMetadata {}

export interface GroupMember {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
}

/** Commits by name: Kafka's own classic consumer and admin stay below version 10, which has topic ids, too. */
const VERSION_WITH_NAMES = 9

/** Offsets as OffsetCommit and TxnOffsetCommit carry them. */
export const committedTopics = (offsets: readonly PartitionOffset[]) =>
  [...byTopic(offsets)].map(([name, partitions]) => ({
    name,
    topicId: ZERO_UUID,
    partitions: partitions.map(({ partition, offset, leaderEpoch = -1, metadata = '' }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      committedMetadata: metadata,
    })),
  }))

/** One request, not retried. Throws the first error of any partition. */
export async function commitOffsets(
  connection: Connection,
  member: GroupMember,
  offsets: readonly PartitionOffset[],
  call: CallOptions = {},
): Promise<void> {
  const topics = committedTopics(offsets)
  const { groupId, generationId, memberId, groupInstanceId } = member
  const body = { groupId, generationIdOrMemberEpoch: generationId, memberId, groupInstanceId, topics }
  const answer = await connection.request(OffsetCommit, body, { signal: call.signal, versionMax: VERSION_WITH_NAMES })
  for (const { name: topic, partitions } of answer.topics)
    for (const { partitionIndex: partition, errorCode } of partitions)
      if (errorCode !== 0)
        throw wireError(errorCode, `committing ${topic}-${partition} for group '${groupId}'`, { topic, partition })
}

/** The committed offsets of a group, by `topic-partition`; partitions without one are absent. `undefined` asks for all. */
export function fetchOffsets(
  cluster: Cluster,
  groupId: string,
  partitions: readonly TopicPartition[] | undefined,
  { requireStable = false, ...call }: CallOptions & { readonly requireStable?: boolean } = {},
): Promise<Map<string, PartitionOffset>> {
  const topics =
    partitions === undefined
      ? null
      : [...byTopic(partitions)].map(([name, own]) => ({
          name,
          topicId: ZERO_UUID,
          partitionIndexes: own.map(({ partition }) => partition),
        }))
  return cluster.coordinated(groupId, call, async connection => {
    const options = { signal: call.signal, versionMax: VERSION_WITH_NAMES }
    const mayRequireStable = connection.version(OffsetFetch, VERSION_WITH_NAMES) >= 7
    const answer = await connection.request(
      OffsetFetch,
      version => ({
        requireStable: requireStable && mayRequireStable,
        ...(version >= 8
          ? { groupId: '', topics: [], groups: [{ groupId, topics }] }
          : { groupId, topics, groups: [] }),
      }),
      options,
    )
    const group = answer.groups[0] ?? answer
    if (group.errorCode !== 0) throw wireError(group.errorCode, `offsets of group '${groupId}'`)
    return collect(group.topics, groupId)
  })
}

interface FetchedTopic {
  readonly name: string
  readonly partitions: readonly {
    readonly partitionIndex: number
    readonly committedOffset: number
    readonly committedLeaderEpoch: number
    readonly metadata: string | null
    readonly errorCode: number
  }[]
}

function collect(topics: readonly FetchedTopic[], groupId: string): Map<string, PartitionOffset> {
  const found = new Map<string, PartitionOffset>()
  for (const { name: topic, partitions } of topics)
    for (const {
      partitionIndex: partition,
      committedOffset,
      committedLeaderEpoch,
      metadata,
      errorCode,
    } of partitions) {
      if (errorCode !== 0) throw partitionError(errorCode, groupId, { topic, partition })
      if (committedOffset < 0) continue
      found.set(topicPartitionKey(topic, partition), {
        topic,
        partition,
        offset: committedOffset,
        leaderEpoch: committedLeaderEpoch < 0 ? undefined : committedLeaderEpoch,
        metadata: metadata ?? '',
      })
    }
  return found
}

const partitionError = (errorCode: number, groupId: string, { topic, partition }: TopicPartition): KafkaError =>
  wireError(errorCode, `offset of ${topic}-${partition} for group '${groupId}'`, { topic, partition })
