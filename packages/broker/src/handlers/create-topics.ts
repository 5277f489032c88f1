import {
  CreateTopics,
  type CreateTopicsRequest,
  type CreateTopicsResponseInput,
  type ErrorName,
  errorCode,
} from '@millrace/protocol'
import { describeTopicConfig } from '../config/describe-configs.ts'
import {
  isRefusal,
  type NewTopic,
  PARTITIONS_PER_REQUEST_MAX,
  TOO_MANY_PARTITIONS,
  withoutNulls,
} from '../metadata/topic-admin.ts'
import { CLUSTER } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'

type TopicRequest = CreateTopicsRequest['topics'][number]
type TopicAnswer = CreateTopicsResponseInput['topics'][number]

export const createTopics = handler(CreateTopics, async (services, request, cx) => {
  const partitions = request.topics.reduce(
    (sum, { numPartitions, assignments }) => sum + Math.max(1, numPartitions, assignments.length),
    0,
  )
  if (partitions > PARTITIONS_PER_REQUEST_MAX)
    return { topics: request.topics.map(({ name }) => refused(name, 'POLICY_VIOLATION', TOO_MANY_PARTITIONS)) }
  const counts = new Map<string, number>()
  for (const { name } of request.topics) counts.set(name, (counts.get(name) ?? 0) + 1)
  // Together, so that all of them are one commit.
  const topics: (TopicAnswer | Promise<TopicAnswer>)[] = []
  for (const asked of request.topics) {
    const times = counts.get(asked.name)
    if (times === undefined) continue
    if (times === 1) topics.push(answer(services, asked, request.validateOnly, cx))
    else {
      counts.delete(asked.name)
      topics.push(refused(asked.name, 'INVALID_REQUEST', 'Duplicate topic name.'))
    }
  }
  return { topics: await Promise.all(topics) }
})

async function answer(
  services: Services,
  asked: TopicRequest,
  validateOnly: boolean,
  cx: RequestContext,
): Promise<TopicAnswer> {
  const { name } = asked
  if (!cx.mayDo('CREATE', 'CLUSTER', CLUSTER) && !cx.mayDo('CREATE', 'TOPIC', name))
    return refused(name, 'TOPIC_AUTHORIZATION_FAILED', null)
  const wanted = newTopicOf(asked)
  if ('error' in wanted) return refused(name, wanted.error, wanted.message)
  const made = validateOnly ? services.topics.plan(wanted) : await services.topics.create(wanted)
  if (isRefusal(made)) return refused(name, made.error, made.message)
  const configs = describeTopicConfig(withoutNulls(wanted.configs), services.config)
  return {
    name,
    topicId: made.id,
    errorCode: 0,
    errorMessage: null,
    numPartitions: 'partitions' in made ? made.partitions.length : made.partitionCount,
    replicationFactor: 1,
    configs: configs.map(c => ({
      name: c.name,
      value: c.value,
      readOnly: c.isReadOnly,
      configSource: c.source,
      isSensitive: c.isSensitive,
    })),
  }
}

function newTopicOf(asked: TopicRequest): NewTopic | { readonly error: ErrorName; readonly message: string } {
  const assignments = new Map<number, readonly number[]>()
  for (const { partitionIndex, brokerIds } of asked.assignments) {
    if (assignments.has(partitionIndex))
      return {
        error: 'INVALID_REPLICA_ASSIGNMENT',
        message: `Found multiple manual partition assignments for partition ${partitionIndex}`,
      }
    assignments.set(partitionIndex, brokerIds)
  }
  return {
    name: asked.name,
    partitionCount: asked.numPartitions,
    replicationFactor: asked.replicationFactor,
    assignments,
    configs: new Map(asked.configs.map(({ name, value }) => [name, value])),
  }
}

const refused = (name: string, error: ErrorName, errorMessage: string | null): TopicAnswer => ({
  name,
  errorCode: errorCode(error),
  errorMessage,
  configs: [],
})
