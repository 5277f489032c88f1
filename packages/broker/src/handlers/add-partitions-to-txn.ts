import type { TopicPartition, TransactionEvent } from '@millrace/coordinator'
import {
  AddPartitionsToTxn,
  type AddPartitionsToTxnRequest,
  type AddPartitionsToTxnResponseInput,
  type ErrorName,
} from '@millrace/protocol'
import { isInternalTopic } from '../metadata/topic.ts'
import { groupOfTopic } from '../runtime/peers.ts'
import { CLUSTER } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'
import { codeOf, errorOf, fencedAs, mayWriteTransactions } from './transaction-replies.ts'

type TransactionRequest = AddPartitionsToTxnRequest['transactions'][number]
type TopicResults = NonNullable<AddPartitionsToTxnResponseInput['resultsByTopicV3AndBelow']>

const FENCED_SINCE = 2
/** From here on it is a call between brokers, of several transactions at once. */
const BATCHED_SINCE = 4

export const addPartitionsToTxn = handler(AddPartitionsToTxn, async (services, request, cx) => {
  if (cx.version < BATCHED_SINCE) {
    const asked = {
      transactionalId: request.v3AndBelowTransactionalId,
      producerId: request.v3AndBelowProducerId,
      producerEpoch: request.v3AndBelowProducerEpoch,
      verifyOnly: false,
      topics: request.v3AndBelowTopics,
    }
    return answerOf({ resultsByTopicV3AndBelow: await resultsOf(services, asked, cx) })
  }
  if (!cx.mayDo('CLUSTER_ACTION', 'CLUSTER', CLUSTER))
    return answerOf({ errorCode: codeOf('CLUSTER_AUTHORIZATION_FAILED') })
  const resultsByTransaction = await Promise.all(
    request.transactions.map(async asked => ({
      transactionalId: asked.transactionalId,
      topicResults: await resultsOf(services, asked, cx),
    })),
  )
  return answerOf({ resultsByTransaction })
})

const answerOf = (answer: Partial<AddPartitionsToTxnResponseInput>): AddPartitionsToTxnResponseInput => ({
  throttleTimeMs: 0,
  resultsByTransaction: [],
  resultsByTopicV3AndBelow: [],
  ...answer,
})

async function resultsOf(services: Services, asked: TransactionRequest, cx: RequestContext): Promise<TopicResults> {
  if (cx.version < BATCHED_SINCE && !mayWriteTransactions(cx, asked.transactionalId))
    return each(asked, () => 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  const groupId = cx.version >= BATCHED_SINCE ? groupOfTopic(asked.topics[0]?.name ?? '') : undefined
  if (groupId !== undefined) return added(services, asked, { partitions: [], groupId }, cx)
  const errors = new Map<string, ErrorName>()
  const partitions = asked.topics.flatMap(({ name, partitions: indexes }) =>
    indexes.map(partition => ({ topic: name, partition })),
  )
  for (const place of partitions) {
    const error = refusePlace(services, place, cx)
    if (error !== undefined) errors.set(keyOf(place), error)
  }
  // All are added, or none.
  if (errors.size > 0) return each(asked, place => errors.get(keyOf(place)) ?? 'OPERATION_NOT_ATTEMPTED')
  return added(services, asked, { partitions, groupId }, cx)
}

function refusePlace(
  services: Services,
  { topic: name, partition }: TopicPartition,
  cx: RequestContext,
): ErrorName | undefined {
  const topic = services.image.topic(name)
  const isAllowed = cx.version >= BATCHED_SINCE || cx.mayDo('WRITE', 'TOPIC', name)
  if (!isAllowed || isInternalTopic(name)) return 'TOPIC_AUTHORIZATION_FAILED'
  return topic === undefined || !(partition in topic.partitions) ? 'UNKNOWN_TOPIC_OR_PARTITION' : undefined
}

interface Joining {
  readonly partitions: readonly TopicPartition[]
  /** Another node asks for a group of its own. */
  readonly groupId: string | undefined
}

async function added(
  services: Services,
  asked: TransactionRequest,
  { partitions, groupId }: Joining,
  cx: RequestContext,
): Promise<TopicResults> {
  const { transactionalId, producerId, producerEpoch } = asked
  const isBatched = cx.version >= BATCHED_SINCE
  const eventOf = (request: number, now: number): TransactionEvent => {
    const producer = { now, request, producerId, producerEpoch }
    if (asked.verifyOnly)
      return { kind: 'verify', ...producer, partitions, groups: groupId === undefined ? [] : [groupId] }
    const transactionVersion = isBatched ? 2 : 0
    return groupId === undefined
      ? { kind: 'addPartitions', ...producer, partitions, transactionVersion }
      : { kind: 'addOffsets', ...producer, groupId, transactionVersion }
  }
  // A broker that asks waits by itself: it has to know when it asked last.
  const reply = isBatched
    ? await services.transactions.ask(transactionalId, eventOf)
    : await services.transactions.askPatiently(transactionalId, eventOf)
  if (reply.kind === 'added') return each(asked, () => 'NONE')
  if (reply.kind !== 'verified') {
    const error = fencedAs(errorOf(reply), cx, FENCED_SINCE)
    return each(asked, () => error)
  }
  const errors = new Map(reply.partitions.map(place => [keyOf(place), place.error]))
  return each(asked, place => reply.groups[0]?.error ?? errors.get(keyOf(place)) ?? 'NONE')
}

function each(asked: TransactionRequest, errorOfPlace: (place: TopicPartition) => ErrorName): TopicResults {
  return asked.topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map(partition => ({
      partitionIndex: partition,
      partitionErrorCode: codeOf(errorOfPlace({ topic: name, partition })),
    })),
  }))
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${partition}:${topic}`
