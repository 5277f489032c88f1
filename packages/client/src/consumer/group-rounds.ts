/** The requests of a classic group, each as one step: join and sync (a round), heartbeat, leave. */
import { errorName, Heartbeat, JoinGroup, type JoinGroupResponse, LeaveGroup, SyncGroup } from '@millrace/protocol'
import type { Cluster } from '../cluster/cluster.ts'
import type { GroupMember } from '../cluster/group-offsets.ts'
import { type KafkaError, wireError } from '../errors.ts'
import type { Connection } from '../network/connection.ts'
import type { TopicPartition } from '../record.ts'
import type { Assignor } from './assignors/assignor.ts'
import { assignorOf } from './assignors/by-name.ts'
import type { ResolvedConsumerOptions } from './consumer-options.ts'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './subscription-codec.ts'

/** What a member offers when it joins. */
export interface JoinOffer {
  readonly topics: readonly string[]
  readonly owned: readonly TopicPartition[]
  readonly ownedGenerationId: number
  readonly memberId: string
  readonly reason: string
}

/** The round that a member got through. */
export interface Round {
  readonly member: GroupMember
  readonly assignor: Assignor
  readonly assigned: readonly TopicPartition[]
  /** Only for the leader: the partition counts that the assignment was made from, of all topics of the group. */
  readonly partitionCounts: ReadonlyMap<string, number> | undefined
}

/** How much longer than the rebalance timeout a broker may hold back the answer to a join. */
const JOIN_SLACK_MS = 5000

export class GroupRounds {
  readonly #cluster: Cluster
  readonly #options: ResolvedConsumerOptions
  readonly #groupId: string

  constructor(cluster: Cluster, options: ResolvedConsumerOptions, groupId: string) {
    this.#cluster = cluster
    this.#options = options
    this.#groupId = groupId
  }

  /** One try. Throws what the caller has to act upon: `MEMBER_ID_REQUIRED` never. */
  async join(offer: JoinOffer, onMemberId: (memberId: string) => void): Promise<Round> {
    const connection = await this.#cluster.coordinator(this.#groupId, 'coordinator')
    let joined = await this.#join(connection, offer, offer.memberId)
    if (errorName(joined.errorCode) === 'MEMBER_ID_REQUIRED') {
      onMemberId(joined.memberId)
      joined = await this.#join(connection, offer, joined.memberId)
    }
    if (joined.errorCode !== 0) throw this.#error(joined.errorCode, 'joining')
    onMemberId(joined.memberId)
    return this.#sync(connection, joined)
  }

  async heartbeat({ groupId, generationId, memberId, groupInstanceId }: GroupMember): Promise<void> {
    const connection = await this.#cluster.coordinator(groupId, 'coordinator')
    const { errorCode } = await connection.request(
      Heartbeat,
      { groupId, generationId, memberId, groupInstanceId },
      { timeoutMs: this.#options.sessionTimeoutMs },
    )
    if (errorCode !== 0) throw this.#error(errorCode, 'heartbeat')
  }

  async leave(memberId: string, reason: string): Promise<void> {
    const groupId = this.#groupId
    const connection = await this.#cluster.coordinator(groupId, 'default')
    const answer = await connection.request(LeaveGroup, version =>
      version >= 3
        ? { groupId, memberId: '', members: [{ memberId, groupInstanceId: null, reason }] }
        : { groupId, memberId, members: [] },
    )
    if (answer.errorCode !== 0) throw this.#error(answer.errorCode, 'leaving')
  }

  #join(connection: Connection, offer: JoinOffer, memberId: string): Promise<JoinGroupResponse> {
    const { assignors, sessionTimeoutMs, maxPollIntervalMs, groupInstanceId, rackId } = this.#options
    const isCooperative = assignors.every(({ protocol }) => protocol === 'cooperative')
    const had = { partitions: offer.owned, generationId: offer.ownedGenerationId }
    const owned = isCooperative ? had : { partitions: [], generationId: offer.ownedGenerationId }
    const protocols = assignors.map(assignor => ({
      name: assignor.name,
      metadata: encodeSubscription({ topics: offer.topics, userData: assignor.userData?.(had) ?? null, owned, rackId }),
    }))
    const body = {
      groupId: this.#groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs: maxPollIntervalMs,
      memberId,
      groupInstanceId,
      protocolType: 'consumer',
      protocols,
      reason: offer.reason,
    }
    return connection.request(JoinGroup, body, {
      timeoutMs: Math.max(this.#options.requestTimeoutMs, maxPollIntervalMs + JOIN_SLACK_MS),
    })
  }

  async #sync(connection: Connection, joined: JoinGroupResponse): Promise<Round> {
    const { generationId, memberId, protocolName } = joined
    const { groupInstanceId } = this.#options
    const assignor = this.#options.assignors.find(({ name }) => name === protocolName) ?? assignorOf('range')
    const plan = joined.leader === memberId ? await this.#plan(joined, assignor) : undefined
    const answer = await connection.request(
      SyncGroup,
      {
        groupId: this.#groupId,
        generationId,
        memberId,
        groupInstanceId,
        protocolType: 'consumer',
        protocolName: assignor.name,
        assignments: plan?.assignments ?? [],
      },
      { timeoutMs: this.#options.maxPollIntervalMs + JOIN_SLACK_MS },
    )
    if (answer.errorCode !== 0) throw this.#error(answer.errorCode, 'syncing')
    return {
      member: { groupId: this.#groupId, generationId, memberId, groupInstanceId },
      assignor,
      assigned: decodeAssignment(answer.assignment),
      partitionCounts: plan?.partitionCounts,
    }
  }

  /** The leader's work: shares the partitions of all topics that anybody subscribes to. */
  async #plan(joined: JoinGroupResponse, assignor: Assignor) {
    const members = joined.members.map(decodeSubscription)
    const topics = [...new Set(members.flatMap(member => member.topics))]
    const { metadata } = this.#cluster
    await this.#cluster.retry({}, () => metadata.refresh(topics))
    const partitionCounts = new Map<string, number>()
    for (const topic of topics) {
      const view = metadata.peek(topic)
      if (view !== undefined) partitionCounts.set(topic, view.partitions.length)
    }
    // A restarted static leader is told to leave the assignment as it is (KIP-814).
    const assignment = joined.skipAssignment ? new Map() : assignor.assign({ partitionCounts, members })
    const assignments = [...assignment].map(([memberId, partitions]) => ({
      memberId,
      assignment: encodeAssignment(partitions),
    }))
    return { assignments, partitionCounts: new Map(topics.map(topic => [topic, partitionCounts.get(topic) ?? 0])) }
  }

  #error(errorCode: number, step: string): KafkaError {
    return wireError(errorCode, `${step} group '${this.#groupId}'`)
  }
}
