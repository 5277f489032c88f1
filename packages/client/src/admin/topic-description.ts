import { DescribeTopicPartitions, errorName, Metadata, ZERO_UUID } from '@millrace/protocol'
import type { CallOptions } from '../client-options.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { metadataRequest } from '../cluster/metadata.ts'
import { KafkaError, wireError } from '../errors.ts'
import type { Connection } from '../network/connection.ts'
import { askForItems, type Outcomes } from './outcomes.ts'

export interface TopicListing {
  readonly name: string
  /** Undefined with brokers that do not know topic ids. */
  readonly id: string | undefined
  readonly isInternal: boolean
  readonly partitionCount: number
}

export interface PartitionDescription {
  readonly partition: number
  /** -1 while there is none. */
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly inSyncReplicas: readonly number[]
  readonly offlineReplicas: readonly number[]
  /** Null with brokers that do not keep them (KIP-966). */
  readonly eligibleLeaderReplicas: readonly number[] | null
  readonly lastKnownEligibleLeaderReplicas: readonly number[] | null
}

export interface TopicDescription {
  readonly name: string
  readonly id: string | undefined
  readonly isInternal: boolean
  readonly partitions: readonly PartitionDescription[]
}

const idOf = (topicId: string): string | undefined => (topicId === ZERO_UUID ? undefined : topicId)

export async function listTopics(
  cluster: Cluster,
  includeInternal: boolean,
  call: CallOptions,
): Promise<TopicListing[]> {
  const { topics } = await cluster.request(Metadata, metadataRequest(null, false), call)
  return topics
    .filter(({ errorCode, isInternal }) => errorCode === 0 && (includeInternal || !isInternal))
    .map(({ name, topicId, isInternal, partitions }) => ({
      name: name ?? '',
      id: idOf(topicId),
      isInternal,
      partitionCount: partitions.length,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

export function describeTopics(
  cluster: Cluster,
  names: readonly string[],
  call: CallOptions,
): Promise<Outcomes<TopicDescription>> {
  return askForItems(cluster, call, {
    items: [...new Set(names)],
    keyOf: name => name,
    connect: () => cluster.any(call.signal),
    ask: (connection, items) =>
      connection.ranges?.get(DescribeTopicPartitions.key) === undefined
        ? describeByMetadata(connection, items)
        : describePaged(connection, items),
  })
}

async function describeByMetadata(
  connection: Connection,
  names: readonly string[],
): Promise<Outcomes<TopicDescription>> {
  const { topics } = await connection.request(Metadata, metadataRequest(names, false))
  return new Map(
    topics.map((topic): [string, TopicDescription | KafkaError] => {
      const name = topic.name ?? ''
      if (topic.errorCode !== 0) return [name, wireError(topic.errorCode, `topic '${name}'`, { topic: name })]
      const partitions = topic.partitions.map(partition => describePartition(partition)).sort(byNumber)
      return [name, { name, id: idOf(topic.topicId), isInternal: topic.isInternal, partitions }]
    }),
  )
}

/** More pages than a million partitions take: a cursor that does not end is a broken broker. */
const PAGES_MAX = 10_000

async function describePaged(connection: Connection, names: readonly string[]): Promise<Outcomes<TopicDescription>> {
  const found: Outcomes<TopicDescription> = new Map()
  // The broker sorts, and a cursor stands for a place in that order.
  const topics = [...names].sort().map(name => ({ name }))
  let cursor: { readonly topicName: string; readonly partitionIndex: number } | null = null
  for (let page = 0; page < PAGES_MAX; page++) {
    const answer: ReturnType<typeof DescribeTopicPartitions.response.decode> = await connection.request(
      DescribeTopicPartitions,
      { topics, cursor },
    )
    for (const topic of answer.topics) addPage(found, topic)
    cursor = answer.nextCursor
    if (cursor === null) return found
  }
  throw new KafkaError('MALFORMED_RESPONSE', `${connection.broker} describes partitions without an end`)
}

type TopicPage = ReturnType<typeof DescribeTopicPartitions.response.decode>['topics'][number]

function addPage(found: Outcomes<TopicDescription>, topic: TopicPage): void {
  const name = topic.name ?? ''
  if (topic.errorCode !== 0) {
    found.set(name, wireError(topic.errorCode, `topic '${name}'`, { topic: name }))
    return
  }
  const before = found.get(name)
  const earlier = before === undefined || before instanceof KafkaError ? [] : before.partitions
  const partitions = [...earlier, ...topic.partitions.map(partition => describePartition(partition))].sort(byNumber)
  found.set(name, { name, id: idOf(topic.topicId), isInternal: topic.isInternal, partitions })
}

interface WirePartition {
  readonly errorCode: number
  readonly partitionIndex: number
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly replicaNodes: readonly number[]
  readonly isrNodes: readonly number[]
  readonly offlineReplicas: readonly number[]
  readonly eligibleLeaderReplicas?: readonly number[] | null
  readonly lastKnownElr?: readonly number[] | null
}

function describePartition(partition: WirePartition): PartitionDescription {
  const hasLeader = errorName(partition.errorCode) !== 'LEADER_NOT_AVAILABLE'
  return {
    partition: partition.partitionIndex,
    leaderId: hasLeader ? partition.leaderId : -1,
    leaderEpoch: partition.leaderEpoch,
    replicas: partition.replicaNodes,
    inSyncReplicas: partition.isrNodes,
    offlineReplicas: partition.offlineReplicas,
    eligibleLeaderReplicas: partition.eligibleLeaderReplicas ?? null,
    lastKnownEligibleLeaderReplicas: partition.lastKnownElr ?? null,
  }
}

const byNumber = (a: PartitionDescription, b: PartitionDescription): number => a.partition - b.partition
