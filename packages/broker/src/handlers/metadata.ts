import {
  type ErrorName,
  errorCode,
  Metadata,
  type MetadataRequest,
  type MetadataResponseInput,
  ZERO_UUID,
} from '@millrace/protocol'
import { PartitionDescriber } from '../metadata/describe-partition.ts'
import { refuseTopicName, type Topic } from '../metadata/topic.ts'
import { isRefusal, PARTITIONS_PER_REQUEST_MAX } from '../metadata/topic-admin.ts'
import { authorizedOperations, CLUSTER, OPERATIONS_NOT_ASKED } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'

type TopicAnswer = MetadataResponseInput['topics'][number]

export const metadata = handler(Metadata, async (services, request, cx) => {
  const topics = await answerTopics(services, request, cx)
  const brokers = services.brokers(cx.connection.listener)
  return {
    brokers,
    clusterId: services.image.clusterId,
    controllerId: brokers[0]?.nodeId ?? services.config.nodeId,
    topics,
    ...(request.includeClusterAuthorizedOperations && {
      clusterAuthorizedOperations: authorizedOperations(cx, 'CLUSTER', CLUSTER),
    }),
  }
})

async function answerTopics(services: Services, given: MetadataRequest, cx: RequestContext): Promise<TopicAnswer[]> {
  const request = withBoundedCreation(services, given)
  const { image, config } = services
  const nodeIds = services.brokers(cx.connection.listener).map(({ nodeId }) => nodeId)
  const partitions = new PartitionDescriber(image, config.nodeId, nodeIds)
  const answerOf = (topic: Topic): TopicAnswer => describe(partitions, topic, request, cx)
  // Version 0 has no null and asks for all with an empty list.
  if (request.topics === null || (cx.version === 0 && request.topics.length === 0))
    return [...services.image.topics()].filter(topic => cx.mayDo('DESCRIBE', 'TOPIC', topic.name)).map(answerOf)
  // Versions 10 and 11 have the field of an id and no meaning for it; their answers cannot carry a null name. Kafka refuses such a request whole.
  if (cx.version < 12 && request.topics.some(({ name, topicId }) => name === null || topicId !== ZERO_UUID))
    return request.topics.map(({ name, topicId }) => refused('INVALID_REQUEST', name ?? '', topicId))
  const answers: TopicAnswer[] = []
  const asked = new Set<string>()
  for (const { name, topicId } of request.topics) {
    const key = topicId === ZERO_UUID ? (name ?? '') : topicId
    if (asked.has(key)) continue
    asked.add(key)
    // Java leaves the name of a topic that it asks for by id empty, others send null.
    if (name === null || topicId !== ZERO_UUID) answers.push(byId(services, topicId, cx, answerOf))
    else answers.push(await byName(services, name, request, cx, answerOf))
  }
  return answers
}

/** A request that names more missing topics than an administrator may make at once makes none of them, as Kafka's controller has it. */
function withBoundedCreation(services: Services, request: MetadataRequest): MetadataRequest {
  const missing = (request.topics ?? []).filter(({ name }) => name !== null && services.image.topic(name) === undefined)
  if (missing.length * services.config.numPartitions <= PARTITIONS_PER_REQUEST_MAX) return request
  return { ...request, allowAutoTopicCreation: false }
}

function byId(
  services: Services,
  topicId: string,
  cx: RequestContext,
  answerOf: (topic: Topic) => TopicAnswer,
): TopicAnswer {
  const topic = services.image.topicById(topicId)
  if (topic === undefined || !cx.mayDo('DESCRIBE', 'TOPIC', topic.name))
    return refused('UNKNOWN_TOPIC_ID', null, topicId)
  return answerOf(topic)
}

async function byName(
  services: Services,
  name: string,
  request: MetadataRequest,
  cx: RequestContext,
  answerOf: (topic: Topic) => TopicAnswer,
): Promise<TopicAnswer> {
  if (!cx.mayDo('DESCRIBE', 'TOPIC', name)) return refused('TOPIC_AUTHORIZATION_FAILED', name)
  const topic = services.image.topic(name)
  if (topic !== undefined) return answerOf(topic)
  const answer = await missing(services, name, request, cx, answerOf)
  return answer.errorCode === 0 ? answer : { ...answer, topicAuthorizedOperations: operationsOf(name, request, cx) }
}

async function missing(
  services: Services,
  name: string,
  request: MetadataRequest,
  cx: RequestContext,
  answerOf: (topic: Topic) => TopicAnswer,
): Promise<TopicAnswer> {
  if (refuseTopicName(name) !== undefined) return refused('INVALID_TOPIC_EXCEPTION', name)
  if (!request.allowAutoTopicCreation || !services.config.autoCreateTopicsEnable)
    return refused('UNKNOWN_TOPIC_OR_PARTITION', name)
  if (!cx.mayDo('CREATE', 'CLUSTER', CLUSTER) && !cx.mayDo('CREATE', 'TOPIC', name))
    return refused('TOPIC_AUTHORIZATION_FAILED', name)
  const made = await services.topics.createAutomatically(name)
  return isRefusal(made)
    ? refused(made.error === 'TOPIC_ALREADY_EXISTS' ? 'LEADER_NOT_AVAILABLE' : made.error, name)
    : answerOf(made)
}

function describe(
  partitions: PartitionDescriber,
  topic: Topic,
  request: MetadataRequest,
  cx: RequestContext,
): TopicAnswer {
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.isInternal,
    partitions: partitions.describeAll(topic, cx.version),
    topicAuthorizedOperations: operationsOf(topic.name, request, cx),
  }
}

const operationsOf = (name: string, request: MetadataRequest, cx: RequestContext): number =>
  request.includeTopicAuthorizedOperations ? authorizedOperations(cx, 'TOPIC', name) : OPERATIONS_NOT_ASKED

const refused = (error: ErrorName, name: string | null, topicId: string = ZERO_UUID): TopicAnswer => ({
  errorCode: errorCode(error),
  name,
  topicId,
  partitions: [],
})
