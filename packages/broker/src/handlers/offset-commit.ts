import type { OffsetToCommit } from '@millrace/coordinator'
import {
  type ErrorName,
  OffsetCommit,
  type OffsetCommitRequest,
  type OffsetCommitResponseInput,
} from '@millrace/protocol'
import type { Topic } from '../metadata/topic.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'
import { askGroup, codeOf, refuseGroup } from './group-replies.ts'

type TopicRequest = OffsetCommitRequest['topics'][number]
type TopicAnswer = OffsetCommitResponseInput['topics'][number]

const TOPIC_IDS_SINCE = 10
const GROUP_ID_NOT_FOUND_SINCE = 9

export const offsetCommit = handler(OffsetCommit, async (services, request, cx) => {
  const unauthorized = refuseGroup(cx, 'READ', request.groupId)
  if (unauthorized !== undefined) return { topics: request.topics.map(asked => answerAll(asked, unauthorized)) }
  const known = request.topics.map(asked => resolve(services, asked, cx))
  const offsets = request.topics.flatMap((asked, i) => {
    const topic = known[i]!
    return typeof topic === 'string' ? [] : offsetsOf(asked, topic)
  })
  if (offsets.length === 0 && request.topics.length > 0)
    return { topics: request.topics.map((asked, i) => answerAll(asked, known[i] as ErrorName)) }
  const reply = await askGroup(
    { services, cx },
    request.groupId,
    (id, now, { transactions }) => ({
      kind: 'commit',
      now,
      request: id,
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      generation: request.generationIdOrMemberEpoch,
      transaction: null,
      transactions,
      supportsGroupIdNotFound: cx.version >= GROUP_ID_NOT_FOUND_SINCE,
      retentionTimeMs: request.retentionTimeMs,
      offsets,
    }),
    'committed',
    'commitRefused',
  )
  const partitions = reply.kind === 'committed' ? reply.partitions : []
  const whole = reply.kind === 'committed' ? 'NONE' : reply.error
  const errors = new Map(partitions.map(p => [`${p.topic}:${p.partition}`, p.error]))
  const topics = request.topics.map((asked, i): TopicAnswer => {
    const topic = known[i]!
    if (typeof topic === 'string') return answerAll(asked, topic)
    return answerEach(asked, partition => errors.get(`${topic.name}:${partition}`) ?? whole)
  })
  return { topics }
})

function resolve(services: Services, asked: TopicRequest, cx: RequestContext): Topic | ErrorName {
  const byId = cx.version >= TOPIC_IDS_SINCE
  const topic = byId ? services.image.topicById(asked.topicId) : services.image.topic(asked.name)
  if (topic === undefined) return byId ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
  return cx.mayDo('READ', 'TOPIC', topic.name) ? topic : 'TOPIC_AUTHORIZATION_FAILED'
}

function offsetsOf(asked: TopicRequest, topic: Topic): OffsetToCommit[] {
  return asked.partitions.map(p => ({
    topic: topic.name,
    topicId: topic.id,
    partition: p.partitionIndex,
    offset: p.committedOffset,
    leaderEpoch: p.committedLeaderEpoch,
    metadata: p.committedMetadata,
  }))
}

function answerEach(asked: TopicRequest, errorOf: (partition: number) => ErrorName): TopicAnswer {
  return {
    name: asked.name,
    topicId: asked.topicId,
    partitions: asked.partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode: codeOf(errorOf(partitionIndex)),
    })),
  }
}

const answerAll = (asked: TopicRequest, error: ErrorName): TopicAnswer => answerEach(asked, () => error)
