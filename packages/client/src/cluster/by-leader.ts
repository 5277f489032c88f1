import type { CallOptions } from '../client-options.ts'
import { KafkaError } from '../errors.ts'
import type { Connection } from '../network/connection.ts'
import { type TopicPartition, topicPartitionKey } from '../record.ts'
import type { Cluster } from './cluster.ts'

/** What each partition came to, by `topic-partition`. */
export type PartitionOutcomes<A> = Map<string, A | KafkaError>

/**
 * Asks the leaders of many partitions at once, one request a broker, and asks again for those that moved or were not ready. A partition that fails for good
 * has its error for an outcome; what cannot be had within the time throws.
 */
export async function askLeaders<Q extends TopicPartition, A>(
  cluster: Cluster,
  queries: readonly Q[],
  call: CallOptions,
  ask: (connection: Connection, queries: readonly Q[]) => Promise<PartitionOutcomes<A>>,
): Promise<PartitionOutcomes<A>> {
  const outcomes: PartitionOutcomes<A> = new Map()
  let left = queries
  await cluster.retry(call, async () => {
    const asked = await Promise.allSettled(
      [...(await groupByLeader(cluster, left, outcomes))].map(async ([leader, own]) =>
        ask(await cluster.node(leader), own),
      ),
    )
    let again: unknown
    for (const result of asked) {
      if (result.status === 'rejected') {
        again ??= result.reason
        continue
      }
      for (const [key, outcome] of result.value) {
        outcomes.set(key, outcome)
        if (!(outcome instanceof KafkaError) || !outcome.retriable) continue
        if (outcome.stalesMetadata) cluster.metadata.invalidate()
        again ??= outcome
      }
    }
    left = left.filter(({ topic, partition }) => {
      const outcome = outcomes.get(topicPartitionKey(topic, partition))
      return outcome === undefined || (outcome instanceof KafkaError && outcome.retriable)
    })
    if (again !== undefined && left.length > 0) throw again
  })
  return outcomes
}

/** Partitions of topics that do not exist fail at once: asking again is the caller's decision. */
async function groupByLeader<Q extends TopicPartition, A>(
  cluster: Cluster,
  queries: readonly Q[],
  outcomes: PartitionOutcomes<A>,
): Promise<Map<number, Q[]>> {
  const topics = [...new Set(queries.map(({ topic }) => topic))]
  if (cluster.metadata.isStale || topics.some(topic => cluster.metadata.peek(topic) === undefined))
    await cluster.metadata.refresh(topics)
  const groups = new Map<number, Q[]>()
  for (const query of queries) {
    const { topic, partition } = query
    try {
      const { leaderId } = await cluster.leader(topic, partition)
      const group = groups.get(leaderId)
      if (group === undefined) groups.set(leaderId, [query])
      else group.push(query)
    } catch (error) {
      const isGone = error instanceof KafkaError && error.code === 'UNKNOWN_TOPIC_OR_PARTITION'
      if (!isGone || !wasJustAsked(cluster, topic)) throw error
      outcomes.set(
        topicPartitionKey(topic, partition),
        new KafkaError(error.code, error.message, { topic, partition, retriable: false }),
      )
    }
  }
  return groups
}

const wasJustAsked = (cluster: Cluster, topic: string): boolean =>
  cluster.metadata.peek(topic) !== undefined || cluster.metadata.errorOf(topic) !== undefined

/** Queries in the shape of most requests: partitions under their topics. */
export function byTopic<Q extends TopicPartition>(queries: readonly Q[]): Map<string, Q[]> {
  const topics = new Map<string, Q[]>()
  for (const query of queries) {
    const own = topics.get(query.topic)
    if (own === undefined) topics.set(query.topic, [query])
    else own.push(query)
  }
  return topics
}
