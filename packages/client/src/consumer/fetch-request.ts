import type { Fetch, InferInput } from '@millrace/protocol'
import { isolationLevel } from '../cluster/list-offsets.ts'
import type { ResolvedConsumerOptions } from './consumer-options.ts'
import type { FetchPartition, FetchPlan } from './fetch-session.ts'

export interface FetchLimits {
  readonly bytesMax: number
  readonly waitMs: number
}

/** The plan of a session in the shape of the request. */
export function fetchRequest(
  plan: FetchPlan,
  options: ResolvedConsumerOptions,
  { bytesMax, waitMs }: FetchLimits,
): InferInput<typeof Fetch.request> {
  const { fetchMinBytes, fetchMaxBytes, isolation, rackId } = options
  return {
    maxWaitMs: waitMs,
    minBytes: fetchMinBytes,
    maxBytes: Math.min(fetchMaxBytes, Math.max(bytesMax, 1)),
    isolationLevel: isolationLevel(isolation),
    sessionId: plan.sessionId,
    sessionEpoch: plan.sessionEpoch,
    topics: group(plan.fetch).map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(p => ({
        partition: p.partition,
        currentLeaderEpoch: p.leaderEpoch,
        fetchOffset: p.fetchOffset,
        partitionMaxBytes: p.maxBytes,
      })),
    })),
    forgottenTopicsData: group(plan.forget).map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(p => p.partition),
    })),
    rackId,
  }
}

function group(partitions: readonly FetchPartition[]) {
  const topics = new Map<string, { topic: string; topicId: string; partitions: FetchPartition[] }>()
  for (const p of partitions) {
    const key = `${p.topicId} ${p.topic}`
    const own = topics.get(key)
    if (own === undefined) topics.set(key, { topic: p.topic, topicId: p.topicId, partitions: [p] })
    else own.partitions.push(p)
  }
  return [...topics.values()]
}
