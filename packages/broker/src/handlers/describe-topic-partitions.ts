import {
  DescribeTopicPartitions,
  type DescribeTopicPartitionsRequest,
  type DescribeTopicPartitionsResponseInput,
  type ErrorName,
  errorCode,
} from '@millrace/protocol'
import { PartitionDescriber } from '../metadata/describe-partition.ts'
import { refuseTopicName } from '../metadata/topic.ts'
import { authorizedOperations, OPERATIONS_NOT_ASKED } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'

type TopicAnswer = DescribeTopicPartitionsResponseInput['topics'][number]
type PartitionAnswer = TopicAnswer['partitions'][number]
interface Cursor {
  readonly topicName: string
  readonly partitionIndex: number
}

export const describeTopicPartitions = handler(DescribeTopicPartitions, (services, request, cx) => {
  const { cursor } = request
  const names = orderedNames(services, request, cx)
  const isBadCursor =
    cursor !== null && (cursor.partitionIndex < 0 || (request.topics.length > 0 && names[0] !== cursor.topicName))
  if (isBadCursor) return { topics: request.topics.map(({ name }) => refused(name, 'INVALID_REQUEST')) }
  const page = new Page(services, request, cx)
  for (const name of names) if (!page.add(name)) break
  return { topics: page.topics, nextCursor: page.nextCursor }
})

/** By name, each once, from the cursor's topic on: pages follow one another whatever comes and goes meanwhile. */
function orderedNames(
  { image }: Services,
  { topics, cursor }: DescribeTopicPartitionsRequest,
  cx: RequestContext,
): readonly string[] {
  const wanted =
    topics.length === 0
      ? image.topicNames().filter(name => cx.mayDo('DESCRIBE', 'TOPIC', name))
      : [...new Set(topics.map(({ name }) => name))].sort()
  return cursor === null ? wanted : wanted.filter(name => name >= cursor.topicName)
}

/** Fills up with partitions until there are as many as one answer may hold. */
class Page {
  readonly topics: TopicAnswer[] = []
  nextCursor: Cursor | null = null
  readonly #services: Services
  readonly #cx: RequestContext
  readonly #cursor: Cursor | null
  readonly #partitions: PartitionDescriber
  #room: number

  constructor(services: Services, request: DescribeTopicPartitionsRequest, cx: RequestContext) {
    this.#services = services
    this.#cx = cx
    this.#cursor = request.cursor
    const { maxRequestPartitionSizeLimit, nodeId } = services.config
    const reachable = services.brokers(cx.connection.listener).map(broker => broker.nodeId)
    this.#partitions = new PartitionDescriber(services.image, nodeId, reachable)
    this.#room = Math.max(1, Math.min(maxRequestPartitionSizeLimit, request.responsePartitionLimit))
  }

  /** Answers false when the page is full, and then `nextCursor` says where the next one begins. */
  add(name: string): boolean {
    if (this.#room === 0) return this.#full(name, 0)
    const { image } = this.#services
    if (!this.#cx.mayDo('DESCRIBE', 'TOPIC', name)) return this.#refused(name, 'TOPIC_AUTHORIZATION_FAILED')
    const topicAuthorizedOperations = authorizedOperations(this.#cx, 'TOPIC', name)
    if (refuseTopicName(name) !== undefined)
      return this.#refused(name, 'INVALID_TOPIC_EXCEPTION', topicAuthorizedOperations)
    const topic = image.topic(name)
    if (topic === undefined) return this.#refused(name, 'UNKNOWN_TOPIC_OR_PARTITION', topicAuthorizedOperations)
    const from = this.#cursor?.topicName === name ? this.#cursor.partitionIndex : 0
    const to = Math.min(topic.partitions.length, from + this.#room)
    const partitions: PartitionAnswer[] = []
    for (let i = from; i < to; i++)
      partitions.push({ ...this.#partitions.describe(topic, i), eligibleLeaderReplicas: [], lastKnownElr: [] })
    this.#room -= partitions.length
    this.topics.push({
      errorCode: 0,
      name,
      topicId: topic.id,
      isInternal: topic.isInternal,
      partitions,
      topicAuthorizedOperations,
    })
    return to >= topic.partitions.length || this.#full(name, to)
  }

  #refused(name: string, error: ErrorName, topicAuthorizedOperations: number = OPERATIONS_NOT_ASKED): true {
    this.topics.push({ ...refused(name, error), topicAuthorizedOperations })
    return true
  }

  #full(topicName: string, partitionIndex: number): false {
    this.nextCursor = { topicName, partitionIndex }
    return false
  }
}

const refused = (name: string, error: ErrorName): TopicAnswer => ({ errorCode: errorCode(error), name, partitions: [] })
