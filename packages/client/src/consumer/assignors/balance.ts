/**
 * The sticky assignment: everybody keeps what they had as far as that is fair, and fair means that no partition could move to a subscriber of its topic that
 * has at least two partitions fewer.
 *
 * First what is owned is kept, up to the quota where all members subscribe to the same topics; then the rest goes to whoever has least; then partitions move
 * from the rich to the poor until nothing is gained.
 */
import { type TopicPartition, topicPartitionKey } from '../../record.ts'
import {
  type AssignorInput,
  byMember,
  comparePartitions,
  type MemberSubscription,
  type OwnState,
  subscribedTopics,
} from './assignor.ts'

interface Member {
  readonly id: string
  readonly rank: number
  readonly topics: ReadonlySet<string>
  readonly partitions: TopicPartition[]
}

export type OwnedOf = (member: MemberSubscription) => OwnState

export function balance(input: AssignorInput, ownedOf: OwnedOf): Map<string, TopicPartition[]> {
  const sorted = [...input.members].sort(byMember)
  const members = sorted.map(
    ({ memberId, topics }, rank): Member => ({ id: memberId, rank, topics: new Set(topics), partitions: [] }),
  )
  const topics = subscribedTopics(input)
  const all = topics.flatMap(topic =>
    Array.from({ length: input.partitionCounts.get(topic)! }, (_, partition): TopicPartition => ({ topic, partition })),
  )
  const owner = currentOwners(sorted, ownedOf)
  const free = keepOwned(members, all, owner)
  dealOut(members, free)
  level(members)
  for (const { partitions } of members) partitions.sort(comparePartitions)
  return new Map(members.map(({ id, partitions }) => [id, partitions]))
}

/** Who owns what: of several claims the one of the youngest generation counts; two of the same generation cannot both be right, so neither does. */
export function currentOwners(members: readonly MemberSubscription[], ownedOf: OwnedOf): ReadonlyMap<string, string> {
  const claims = new Map<string, { memberId: string | undefined; generationId: number }>()
  for (const member of members) {
    const { partitions, generationId } = ownedOf(member)
    for (const { topic, partition } of partitions) {
      const key = topicPartitionKey(topic, partition)
      const other = claims.get(key)
      if (other === undefined || generationId > other.generationId)
        claims.set(key, { memberId: member.memberId, generationId })
      else if (generationId === other.generationId && other.memberId !== member.memberId)
        claims.set(key, { memberId: undefined, generationId })
    }
  }
  const owners = new Map<string, string>()
  for (const [key, { memberId }] of claims) if (memberId !== undefined) owners.set(key, memberId)
  return owners
}

/** Gives the partitions that nobody keeps. */
function keepOwned(
  members: readonly Member[],
  all: readonly TopicPartition[],
  owner: ReadonlyMap<string, string>,
): TopicPartition[] {
  const byId = new Map(members.map(member => [member.id, member]))
  const alike = members.every(({ topics }) => sameSet(topics, members[0]!.topics))
  const quota = alike ? quotaOf(all.length, members.length) : undefined
  const free: TopicPartition[] = []
  for (const partition of all) {
    const owned = byId.get(owner.get(topicPartitionKey(partition.topic, partition.partition)) ?? '')
    const keeps = owned?.topics.has(partition.topic) === true && (quota === undefined || quota.admits(owned))
    if (keeps) owned.partitions.push(partition)
    else free.push(partition)
  }
  return free
}

/** With equal subscriptions everyone gets `low`, and `extras` of them one more. */
function quotaOf(partitionCount: number, memberCount: number): { admits(member: Member): boolean } {
  const low = Math.floor(partitionCount / memberCount)
  let extras = partitionCount % memberCount
  return {
    admits({ partitions }) {
      if (partitions.length < low) return true
      if (partitions.length > low || extras === 0) return false
      extras--
      return true
    },
  }
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every(value => b.has(value))
}

function dealOut(members: readonly Member[], free: readonly TopicPartition[]): void {
  for (const partition of free) poorest(members, partition.topic)!.partitions.push(partition)
}

function poorest(members: readonly Member[], topic: string): Member | undefined {
  let best: Member | undefined
  for (const member of members) {
    if (!member.topics.has(topic)) continue
    if (best === undefined || member.partitions.length < best.partitions.length) best = member
  }
  return best
}

/** Each move narrows the gap between two members, so the sum of squares falls and the loop ends. */
function level(members: readonly Member[]): void {
  for (let moved = true; moved; ) {
    moved = false
    for (const rich of [...members].sort((a, b) => b.partitions.length - a.partitions.length || a.rank - b.rank)) {
      for (let at = rich.partitions.length - 1; at >= 0; at--) {
        const partition = rich.partitions[at]!
        const poor = poorest(members, partition.topic)!
        if (rich.partitions.length - poor.partitions.length < 2) continue
        rich.partitions.splice(at, 1)
        poor.partitions.push(partition)
        moved = true
      }
    }
  }
}
