import {
  CreatePartitions,
  type CreatePartitionsRequest,
  type CreatePartitionsResponseInput,
  type ErrorName,
  errorCode,
} from '@millrace/protocol'
import { PARTITIONS_PER_REQUEST_MAX, TOO_MANY_PARTITIONS } from '../metadata/topic-admin.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'

type TopicRequest = CreatePartitionsRequest['topics'][number]
type TopicAnswer = CreatePartitionsResponseInput['results'][number]

export const createPartitions = handler(CreatePartitions, async (services, request, cx) => {
  const added = request.topics.reduce((sum, { name, count }) => {
    const topic = services.image.topic(name)
    return topic === undefined ? sum : sum + Math.max(0, count - topic.partitions.length)
  }, 0)
  if (added > PARTITIONS_PER_REQUEST_MAX)
    return {
      throttleTimeMs: 0,
      results: request.topics.map(({ name }) => refused(name, 'POLICY_VIOLATION', TOO_MANY_PARTITIONS)),
    }
  const byName = new Map<string, TopicRequest | 'repeated'>()
  for (const asked of request.topics) byName.set(asked.name, byName.has(asked.name) ? 'repeated' : asked)
  const results = [...byName].map(([name, asked]) =>
    asked === 'repeated'
      ? refused(name, 'INVALID_REQUEST', 'Duplicate topic name.')
      : answer(services, asked, request.validateOnly, cx),
  )
  return { throttleTimeMs: 0, results: await Promise.all(results) }
})

async function answer(
  services: Services,
  { name, count, assignments }: TopicRequest,
  validateOnly: boolean,
  cx: RequestContext,
): Promise<TopicAnswer> {
  if (!cx.mayDo('ALTER', 'TOPIC', name)) return refused(name, 'TOPIC_AUTHORIZATION_FAILED', null)
  const topic = services.image.topic(name)
  if (topic === undefined) return refused(name, 'UNKNOWN_TOPIC_OR_PARTITION', null)
  const replicas = assignments === null ? undefined : assignments.map(({ brokerIds }) => brokerIds)
  const refusal =
    services.topics.refuseGrowth(topic, count, replicas) ??
    (validateOnly ? undefined : await services.topics.grow(topic, count, replicas))
  return refusal === undefined ? { name, errorCode: 0 } : refused(name, refusal.error, refusal.message)
}

const refused = (name: string, error: ErrorName, errorMessage: string | null): TopicAnswer => ({
  name,
  errorCode: errorCode(error),
  errorMessage,
})
