import { DeleteGroups, LeaveGroup, ListGroups, OffsetDelete } from '@millrace/protocol'
import type { CallOptions } from '../client-options.ts'
import { byTopic } from '../cluster/by-leader.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { BrokerNode } from '../cluster/cluster-view.ts'
import { commitOffsets, fetchOffsets, type PartitionOffset } from '../cluster/group-offsets.ts'
import { KafkaError, wireError } from '../errors.ts'
import { type TopicPartition, topicPartitionKey } from '../record.ts'
import { describeGroups, type GroupDescription } from './group-description.ts'
import { askBrokers, type Outcomes, settled } from './outcomes.ts'

export interface GroupListing {
  readonly groupId: string
  /** `consumer` for consumers, `connect` for Kafka Connect; empty for a group that only has offsets. */
  readonly protocolType: string
  /** `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty` and `Dead`; empty with old brokers. */
  readonly state: string
  /** `classic`, `consumer`, `share`, `streams`; empty with old brokers. */
  readonly type: string
}

export interface ListGroupsOptions extends CallOptions {
  readonly states?: readonly string[] | undefined
  readonly types?: readonly string[] | undefined
}

/** By member id, or, for a static member, by instance id. */
export type MemberToRemove = { readonly memberId: string } | { readonly groupInstanceId: string }

/** Consumer groups, their members and their committed offsets. */
export class GroupsAdmin {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /**
   * All groups of all brokers, sorted by name.
   *
   * @example
   * ```ts
   * for (const { groupId, state } of await admin.groups.list({ states: ['Stable', 'Empty'] })) console.log(groupId, state)
   * ```
   */
  async list({ states = [], types = [], ...call }: ListGroupsOptions = {}): Promise<GroupListing[]> {
    const answers = await askBrokers(this.#cluster, call, undefined, async connection => {
      const answer = await connection.request(
        ListGroups,
        { statesFilter: states, typesFilter: types },
        { signal: call.signal },
      )
      if (answer.errorCode !== 0) throw wireError(answer.errorCode, 'listing groups')
      return answer.groups
    })
    return [...answers.values()]
      .flat()
      .map(({ groupId, protocolType, groupState, groupType }) => ({
        groupId,
        protocolType,
        state: groupState,
        type: groupType,
      }))
      .sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
  }

  /**
   * State, members and their partitions, of classic groups. Throws `GROUP_ID_NOT_FOUND`.
   *
   * @example
   * ```ts
   * const kitchen = (await admin.groups.describe(['kitchen'])).get('kitchen')
   * console.log(kitchen?.state, kitchen?.members.map(({ clientId, assigned }) => ({ clientId, assigned })))
   * ```
   */
  async describe(groupIds: readonly string[], call: CallOptions = {}): Promise<Map<string, GroupDescription>> {
    return settled(await this.#each(groupIds, groupId => describeGroups(this.#cluster, groupId, call)))
  }

  /**
   * Deletes groups that have no members, with their offsets. Throws `NON_EMPTY_GROUP`, `GROUP_ID_NOT_FOUND`.
   *
   * @example
   * ```ts
   * await admin.groups.alterOffsets('old-group', [{ topic: 'orders', partition: 0, offset: 0 }])
   * await admin.groups.delete(['old-group'])
   * ```
   */
  async delete(groupIds: readonly string[], call: CallOptions = {}): Promise<void> {
    const deleted = await this.#each(groupIds, groupId =>
      this.#cluster.coordinated(groupId, call, async connection => {
        const { results } = await connection.request(DeleteGroups, { groupsNames: [groupId] }, { signal: call.signal })
        const { errorCode, errorMessage } = results[0] ?? { errorCode: -1, errorMessage: null }
        if (errorCode !== 0) throw wireError(errorCode, `group '${groupId}'`, { detail: errorMessage })
      }),
    )
    settled(deleted)
  }

  /**
   * Puts members out of a group; they may join again. Throws `UNKNOWN_MEMBER_ID`.
   *
   * @example
   * ```ts
   * const { members } = (await admin.groups.describe(['kitchen'])).get('kitchen')!
   * await admin.groups.removeMembers('kitchen', members)
   * ```
   */
  async removeMembers(groupId: string, members: readonly MemberToRemove[], call: CallOptions = {}): Promise<void> {
    if (members.length === 0) return
    await this.#cluster.coordinated(groupId, call, async connection => {
      const wanted = members.map(member => ({
        memberId: 'memberId' in member ? member.memberId : '',
        groupInstanceId: 'memberId' in member ? null : member.groupInstanceId,
        reason: 'removed by an administrator',
      }))
      const answer = await connection.request(
        LeaveGroup,
        version => {
          if (version >= 3) return { groupId, memberId: '', members: wanted }
          throw new KafkaError('UNSUPPORTED_VERSION', 'the broker is too old to remove members from outside')
        },
        { signal: call.signal },
      )
      const failed = [answer, ...answer.members].find(({ errorCode }) => errorCode !== 0)
      if (failed !== undefined) throw wireError(failed.errorCode, `members of group '${groupId}'`)
    })
  }

  /**
   * The committed offsets of a group, by `topic-partition`: all, or those of the given partitions.
   *
   * @example
   * ```ts
   * for (const { topic, partition, offset } of (await admin.groups.offsets('kitchen')).values()) console.log(topic, partition, offset)
   * ```
   */
  offsets(
    groupId: string,
    partitions?: readonly TopicPartition[],
    call: CallOptions = {},
  ): Promise<Map<string, PartitionOffset>> {
    return fetchOffsets(this.#cluster, groupId, partitions, call)
  }

  /**
   * Sets committed offsets of a group that has no members. Throws `UNKNOWN_MEMBER_ID` if it has some.
   *
   * @example
   * ```ts
   * await admin.groups.alterOffsets('replay', [{ topic: 'orders', partition: 0, offset: 0 }])
   * ```
   */
  async alterOffsets(groupId: string, offsets: readonly PartitionOffset[], call: CallOptions = {}): Promise<void> {
    const nobody = { groupId, generationId: -1, memberId: '', groupInstanceId: null }
    await this.#cluster.coordinated(groupId, call, connection => commitOffsets(connection, nobody, offsets, call))
  }

  /**
   * Forgets committed offsets. Throws `GROUP_SUBSCRIBED_TO_TOPIC` while a member reads the topic, `GROUP_ID_NOT_FOUND`.
   *
   * @example
   * ```ts
   * await admin.groups.alterOffsets('replay', [{ topic: 'orders', partition: 0, offset: 0 }])
   * await admin.groups.deleteOffsets('replay', [{ topic: 'orders', partition: 0 }])
   * ```
   */
  async deleteOffsets(groupId: string, partitions: readonly TopicPartition[], call: CallOptions = {}): Promise<void> {
    const deleted = await this.#cluster.coordinated(groupId, call, async connection => {
      const topics = [...byTopic(partitions)].map(([name, own]) => ({
        name,
        partitions: own.map(({ partition }) => ({ partitionIndex: partition })),
      }))
      const answer = await connection.request(OffsetDelete, { groupId, topics }, { signal: call.signal })
      if (answer.errorCode !== 0) throw wireError(answer.errorCode, `group '${groupId}'`)
      const outcomes: Outcomes<undefined> = new Map()
      for (const { name: topic, partitions: done } of answer.topics)
        for (const { partitionIndex: partition, errorCode } of done) {
          const what = `offset of ${topic}-${partition} for group '${groupId}'`
          const error = errorCode === 0 ? undefined : wireError(errorCode, what, { topic, partition })
          outcomes.set(topicPartitionKey(topic, partition), error)
        }
      return outcomes
    })
    settled(deleted)
  }

  /**
   * The broker that coordinates a group.
   *
   * @example
   * ```ts
   * const { id, host, port } = await admin.groups.coordinator('kitchen')
   * console.log(`broker ${id} at ${host}:${port}`)
   * ```
   */
  coordinator(groupId: string, call: CallOptions = {}): Promise<BrokerNode> {
    return this.#cluster.retry(call, () => this.#cluster.coordinatorNode(groupId, { signal: call.signal }))
  }

  async #each<T>(groupIds: readonly string[], run: (groupId: string) => Promise<T>): Promise<Outcomes<T>> {
    const outcomes: Outcomes<T> = new Map()
    await Promise.all(
      [...new Set(groupIds)].map(async groupId => {
        try {
          outcomes.set(groupId, await run(groupId))
        } catch (error) {
          if (!(error instanceof KafkaError)) throw error
          outcomes.set(groupId, error)
        }
      }),
    )
    return outcomes
  }
}
