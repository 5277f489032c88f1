/** What OffsetCommit and TxnOffsetCommit say of a topic: the same words, within a transaction and without one. */
import type { OffsetToCommit } from '@millrace/coordinator'
import type { ErrorName, OffsetCommitRequest, OffsetCommitResponseInput } from '@millrace/protocol'
import type { Topic } from '../metadata/topic.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'
import { codeOf } from './group-replies.ts'

type TopicRequest = OffsetCommitRequest['topics'][number]
type TopicAnswer = OffsetCommitResponseInput['topics'][number]

/** `byId`: the request's version names topics by their ids. */
export function topicToCommit(
  services: Services,
  asked: TopicRequest,
  byId: boolean,
  cx: RequestContext,
): Topic | ErrorName {
  const topic = byId ? services.image.topicById(asked.topicId) : services.image.topic(asked.name)
  if (topic === undefined) return byId ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
  return cx.mayDo('READ', 'TOPIC', topic.name) ? topic : 'TOPIC_AUTHORIZATION_FAILED'
}

export function offsetToCommit(topic: Topic, asked: TopicRequest['partitions'][number]): OffsetToCommit {
  return {
    topic: topic.name,
    topicId: topic.id,
    partition: asked.partitionIndex,
    offset: asked.committedOffset,
    leaderEpoch: asked.committedLeaderEpoch,
    metadata: asked.committedMetadata,
  }
}

export function answerEach(asked: TopicRequest, errorOf: (partition: number) => ErrorName): TopicAnswer {
  return {
    name: asked.name,
    topicId: asked.topicId,
    partitions: asked.partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode: codeOf(errorOf(partitionIndex)),
    })),
  }
}

export const answerAll = (asked: TopicRequest, error: ErrorName): TopicAnswer => answerEach(asked, () => error)
