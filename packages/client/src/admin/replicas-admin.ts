import { AlterPartitionReassignments, ElectLeaders, ListPartitionReassignments } from '@millrace/protocol'
import type { CallOptions } from '../client-options.ts'
import { byTopic } from '../cluster/by-leader.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { wireError } from '../errors.ts'
import { type TopicPartition, topicPartitionKey } from '../record.ts'
import { askForItems, type Outcomes, settled } from './outcomes.ts'

export interface ElectLeadersOptions extends CallOptions {
  /** Default: all partitions. */
  readonly partitions?: readonly TopicPartition[] | undefined
  /** `unclean` may lose records: a replica that is not in sync may lead. Default `preferred`. */
  readonly election?: 'preferred' | 'unclean' | undefined
}

export interface Reassignment extends TopicPartition {
  /** The brokers that are to hold the partition, the preferred leader first; null cancels a running move. */
  readonly replicas: readonly number[] | null
}

export interface RunningReassignment extends TopicPartition {
  readonly replicas: readonly number[]
  readonly addingReplicas: readonly number[]
  readonly removingReplicas: readonly number[]
}

/** Who leads partitions and where their replicas are. */
export class ReplicasAdmin {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /**
   * Elects leaders and gives the partitions, as `topic-partition`, whose leader changed. A partition that has the right leader is no error.
   *
   * @example
   * ```ts
   * const changed = await admin.replicas.electLeaders({ partitions: [{ topic: 'orders', partition: 0 }] })
   * console.log(changed.length, 'new leaders')
   * ```
   */
  async electLeaders({ partitions, election = 'preferred', ...call }: ElectLeadersOptions = {}): Promise<string[]> {
    const timeoutMs = this.#timeout(call)
    const outcomes = await this.#cluster.retry(call, async () => {
      const connection = await this.#cluster.controller()
      const topicPartitions =
        partitions === undefined
          ? null
          : [...byTopic(partitions)].map(([topic, own]) => ({ topic, partitions: own.map(p => p.partition) }))
      const answer = await connection.request(
        ElectLeaders,
        version => ({ electionType: version >= 1 && election === 'unclean' ? 1 : 0, topicPartitions, timeoutMs }),
        { signal: call.signal },
      )
      if (answer.errorCode !== 0) throw wireError(answer.errorCode, 'electing leaders')
      const found: Outcomes<boolean> = new Map()
      for (const { topic, partitionResult } of answer.replicaElectionResults)
        for (const { partitionId, errorCode, errorMessage } of partitionResult) {
          const error =
            errorCode === 0
              ? undefined
              : wireError(errorCode, `${topic}-${partitionId}`, { detail: errorMessage, topic, partition: partitionId })
          found.set(
            topicPartitionKey(topic, partitionId),
            error?.code === 'ELECTION_NOT_NEEDED' ? false : (error ?? true),
          )
        }
      return found
    })
    this.#cluster.metadata.invalidate()
    return [...settled(outcomes)].filter(([, changed]) => changed).map(([key]) => key)
  }

  /**
   * Starts moving replicas, or cancels moves. Throws `INVALID_REPLICA_ASSIGNMENT`, `NO_REASSIGNMENT_IN_PROGRESS`, `UNKNOWN_TOPIC_OR_PARTITION`.
   *
   * @example
   * ```ts
   * await admin.replicas.reassign([{ topic: 'orders', partition: 0, replicas: [1] }])
   * ```
   */
  async reassign(reassignments: readonly Reassignment[], call: CallOptions = {}): Promise<void> {
    const outcomes = await askForItems<Reassignment, undefined>(this.#cluster, call, {
      items: reassignments,
      keyOf: ({ topic, partition }) => topicPartitionKey(topic, partition),
      ask: async (connection, items) => {
        const topics = [...byTopic(items)].map(([name, own]) => ({
          name,
          partitions: own.map(({ partition, replicas }) => ({ partitionIndex: partition, replicas })),
        }))
        const body = { timeoutMs: this.#timeout(call), topics }
        const answer = await connection.request(AlterPartitionReassignments, body, { signal: call.signal })
        if (answer.errorCode !== 0) throw wireError(answer.errorCode, 'reassigning', { detail: answer.errorMessage })
        const found: Outcomes<undefined> = new Map()
        for (const { name: topic, partitions } of answer.responses)
          for (const { partitionIndex: partition, errorCode, errorMessage: detail } of partitions)
            found.set(
              topicPartitionKey(topic, partition),
              errorCode === 0 ? undefined : wireError(errorCode, `${topic}-${partition}`, { topic, partition, detail }),
            )
        return found
      },
    })
    settled(outcomes)
  }

  /**
   * The moves that are under way, of the given partitions or of all.
   *
   * @example
   * ```ts
   * console.log(await admin.replicas.reassignments())
   * ```
   */
  reassignments(partitions?: readonly TopicPartition[], call: CallOptions = {}): Promise<RunningReassignment[]> {
    const topics =
      partitions === undefined
        ? null
        : [...byTopic(partitions)].map(([name, own]) => ({ name, partitionIndexes: own.map(p => p.partition) }))
    return this.#cluster.retry(call, async () => {
      const connection = await this.#cluster.controller()
      const body = { timeoutMs: this.#timeout(call), topics }
      const answer = await connection.request(ListPartitionReassignments, body, { signal: call.signal })
      if (answer.errorCode !== 0)
        throw wireError(answer.errorCode, 'listing reassignments', { detail: answer.errorMessage })
      return answer.topics.flatMap(({ name: topic, partitions: moving }) =>
        moving.map(({ partitionIndex: partition, replicas, addingReplicas, removingReplicas }) => ({
          topic,
          partition,
          replicas,
          addingReplicas,
          removingReplicas,
        })),
      )
    })
  }

  #timeout({ timeoutMs }: CallOptions): number {
    return timeoutMs ?? this.#cluster.options.requestTimeoutMs
  }
}
