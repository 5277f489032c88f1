import {
  CreatePartitions,
  CreateTopics,
  DeleteRecords,
  DeleteTopics,
  DescribeProducers,
  ZERO_UUID,
} from '@millrace/protocol'
import type { CallOptions } from '../client-options.ts'
import { askLeaders, byTopic, type PartitionOutcomes } from '../cluster/by-leader.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { type KafkaError, wireError } from '../errors.ts'
import { type TopicPartition, topicPartitionKey } from '../record.ts'
import {
  type ActiveProducer,
  type CreatedTopic,
  createdTopic,
  type NewPartitions,
  type NewTopic,
  newTopic,
  type RecordsToDelete,
  type ValidateOptions,
} from './new-topic.ts'
import { askForItems, settled } from './outcomes.ts'
import { describeTopics, listTopics, type TopicDescription, type TopicListing } from './topic-description.ts'

/** Topics, their partitions and what is in them. */
export class TopicsAdmin {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /**
   * The names of all topics, sorted; internal ones only if asked for.
   *
   * @example
   * ```ts
   * for (const { name } of await admin.topics.list()) console.log(name)
   * ```
   */
  list({
    includeInternal = false,
    ...call
  }: CallOptions & { readonly includeInternal?: boolean } = {}): Promise<TopicListing[]> {
    return listTopics(this.#cluster, includeInternal, call)
  }

  /**
   * Partitions, leaders and replicas of topics. Throws `UNKNOWN_TOPIC_OR_PARTITION`.
   *
   * @example
   * ```ts
   * const orders = (await admin.topics.describe(['orders'])).get('orders')
   * console.log(orders?.partitions.map(({ partition, leaderId }) => `${partition} at broker ${leaderId}`))
   * ```
   */
  async describe(names: readonly string[], call: CallOptions = {}): Promise<Map<string, TopicDescription>> {
    return settled(await describeTopics(this.#cluster, names, call))
  }

  /**
   * Creates topics. Throws `TOPIC_ALREADY_EXISTS`, `INVALID_PARTITIONS`, `INVALID_REPLICATION_FACTOR`, `INVALID_CONFIG`, `INVALID_TOPIC_EXCEPTION`.
   *
   * @example
   * ```ts
   * await admin.topics.create([{ name: 'invoices', partitions: 3, configs: { 'retention.ms': 86_400_000 } }])
   * ```
   */
  async create(
    topics: readonly NewTopic[],
    { validateOnly = false, ...call }: ValidateOptions = {},
  ): Promise<Map<string, CreatedTopic>> {
    const created = await askForItems(this.#cluster, call, {
      items: topics,
      keyOf: ({ name }) => name,
      ask: async (connection, items) => {
        const body = { topics: items.map(newTopic), timeoutMs: this.#timeout(call), validateOnly }
        const answer = await connection.request(CreateTopics, body, { signal: call.signal })
        return new Map(answer.topics.map(topic => [topic.name, createdTopic(topic)]))
      },
    })
    return settled(created)
  }

  /**
   * Deletes topics and all that is in them. Throws `UNKNOWN_TOPIC_OR_PARTITION`, `TOPIC_DELETION_DISABLED`.
   *
   * @example
   * ```ts
   * await admin.topics.create([{ name: 'scratch' }])
   * await admin.topics.delete(['scratch'])
   * ```
   */
  async delete(names: readonly string[], call: CallOptions = {}): Promise<void> {
    const deleted = await askForItems<string, undefined>(this.#cluster, call, {
      items: names,
      keyOf: name => name,
      ask: async (connection, items) => {
        const timeoutMs = this.#timeout(call)
        const answer = await connection.request(
          DeleteTopics,
          version =>
            version >= 6
              ? { topics: items.map(name => ({ name, topicId: ZERO_UUID })), topicNames: [], timeoutMs }
              : { topics: [], topicNames: items, timeoutMs },
          { signal: call.signal },
        )
        return new Map(
          answer.responses.map(({ name, errorCode, errorMessage }) => [
            name ?? '',
            failure(errorCode, `topic '${name}'`, { topic: name ?? undefined, detail: errorMessage }),
          ]),
        )
      },
    })
    for (const name of names) this.#cluster.metadata.forget(name)
    settled(deleted)
  }

  /**
   * Raises the number of partitions. Throws `INVALID_PARTITIONS` if there are as many already.
   *
   * @example
   * ```ts
   * await admin.topics.create([{ name: 'visits', partitions: 1 }])
   * await admin.topics.createPartitions([{ topic: 'visits', count: 4 }])
   * ```
   */
  async createPartitions(
    topics: readonly NewPartitions[],
    { validateOnly = false, ...call }: ValidateOptions = {},
  ): Promise<void> {
    const created = await askForItems<NewPartitions, undefined>(this.#cluster, call, {
      items: topics,
      keyOf: ({ topic }) => topic,
      ask: async (connection, items) => {
        const wanted = items.map(({ topic, count, assignments }) => ({
          name: topic,
          count,
          assignments: assignments?.map(brokerIds => ({ brokerIds })) ?? null,
        }))
        const body = { topics: wanted, timeoutMs: this.#timeout(call), validateOnly }
        const answer = await connection.request(CreatePartitions, body, { signal: call.signal })
        return new Map(
          answer.results.map(({ name, errorCode, errorMessage }) => [
            name,
            failure(errorCode, `topic '${name}'`, { topic: name, detail: errorMessage }),
          ]),
        )
      },
    })
    this.#cluster.metadata.invalidate()
    settled(created)
  }

  /**
   * Deletes the records before an offset and gives, by `topic-partition`, the first offset that is left. Throws `OFFSET_OUT_OF_RANGE`, `POLICY_VIOLATION`.
   *
   * @example
   * ```ts
   * await admin.topics.deleteRecords([{ topic: 'letters', partition: 0, beforeOffset: -1 }])
   * ```
   */
  async deleteRecords(records: readonly RecordsToDelete[], call: CallOptions = {}): Promise<Map<string, number>> {
    const deleted = await askLeaders(this.#cluster, records, call, async (connection, own) => {
      const topics = [...byTopic(own)].map(([name, partitions]) => ({
        name,
        partitions: partitions.map(({ partition, beforeOffset }) => ({
          partitionIndex: partition,
          offset: beforeOffset,
        })),
      }))
      const answer = await connection.request(
        DeleteRecords,
        { topics, timeoutMs: this.#timeout(call) },
        { signal: call.signal },
      )
      const outcomes: PartitionOutcomes<number> = new Map()
      for (const { name, partitions } of answer.topics)
        for (const { partitionIndex, errorCode, lowWatermark } of partitions)
          outcomes.set(
            topicPartitionKey(name, partitionIndex),
            failure(errorCode, `${name}-${partitionIndex}`, { topic: name, partition: partitionIndex }) ?? lowWatermark,
          )
      return outcomes
    })
    return settled(deleted)
  }

  /**
   * The idempotent and transactional producers that partitions remember, by `topic-partition`.
   *
   * @example
   * ```ts
   * const producers = await admin.topics.producers([{ topic: 'orders', partition: 0 }])
   * console.log(producers.get('orders-0')?.map(({ producerId }) => producerId))
   * ```
   */
  async producers(
    partitions: readonly TopicPartition[],
    call: CallOptions = {},
  ): Promise<Map<string, ActiveProducer[]>> {
    const described = await askLeaders(this.#cluster, partitions, call, async (connection, own) => {
      const topics = [...byTopic(own)].map(([name, asked]) => ({ name, partitionIndexes: asked.map(p => p.partition) }))
      const answer = await connection.request(DescribeProducers, { topics }, { signal: call.signal })
      const outcomes: PartitionOutcomes<ActiveProducer[]> = new Map()
      for (const { name, partitions: found } of answer.topics)
        for (const { partitionIndex, errorCode, errorMessage, activeProducers } of found) {
          const what = { topic: name, partition: partitionIndex, detail: errorMessage }
          outcomes.set(
            topicPartitionKey(name, partitionIndex),
            failure(errorCode, `${name}-${partitionIndex}`, what) ??
              activeProducers.map(({ currentTxnStartOffset, ...rest }) => ({
                ...rest,
                currentTransactionStartOffset: currentTxnStartOffset,
              })),
          )
        }
      return outcomes
    })
    return settled(described)
  }

  #timeout({ timeoutMs }: CallOptions): number {
    return timeoutMs ?? this.#cluster.options.requestTimeoutMs
  }
}

function failure(errorCode: number, what: string, options: Parameters<typeof wireError>[2]): KafkaError | undefined {
  return errorCode === 0 ? undefined : wireError(errorCode, what, options)
}
