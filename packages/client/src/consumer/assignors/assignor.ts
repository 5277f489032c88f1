import type { TopicPartition } from '../../record.ts'

/** What one member of the group told the leader. */
export interface MemberSubscription {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly topics: readonly string[]
  /** What it holds, in its own view; empty with an eager assignor, which gives everything up first. */
  readonly ownedPartitions: readonly TopicPartition[]
  /** The generation in which it got those; -1 if unknown. */
  readonly generationId: number
  readonly userData: Buffer | null
}

export interface AssignorInput {
  /** How many partitions each subscribed topic has; a topic that does not exist is absent. */
  readonly partitionCounts: ReadonlyMap<string, number>
  readonly members: readonly MemberSubscription[]
}

export type Assignment = ReadonlyMap<string, readonly TopicPartition[]>

/** What a member's assignor puts into its subscription beside the topics. */
export interface OwnState {
  readonly partitions: readonly TopicPartition[]
  readonly generationId: number
}

/**
 * Shares the partitions of a group among its members. The group's leader runs it; all members must offer an assignor of that name.
 *
 * `cooperative`: members keep what they have while the group rebalances and give up only what moves (KIP-429).
 */
export interface Assignor {
  readonly name: string
  readonly protocol: 'eager' | 'cooperative'
  /** By member id; every member that subscribes appears, with an empty list if there is nothing for it. */
  assign(input: AssignorInput): Assignment
  userData?(own: OwnState): Uint8Array | null
}

/** Static members sort by instance id, the others by member id, so that a restart does not move partitions. */
export function byMember(a: MemberSubscription, b: MemberSubscription): number {
  if (a.groupInstanceId !== null && b.groupInstanceId !== null) return compareText(a.groupInstanceId, b.groupInstanceId)
  if (a.groupInstanceId !== null) return -1
  if (b.groupInstanceId !== null) return 1
  return compareText(a.memberId, b.memberId)
}

export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export const comparePartitions = (a: TopicPartition, b: TopicPartition): number =>
  compareText(a.topic, b.topic) || a.partition - b.partition

/** The topics that exist and have a subscriber, sorted. */
export function subscribedTopics({ partitionCounts, members }: AssignorInput): readonly string[] {
  const topics = new Set(members.flatMap(({ topics }) => topics))
  return [...topics].filter(topic => partitionCounts.has(topic)).sort(compareText)
}
