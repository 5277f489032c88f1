import { type ErrorName, OffsetCommit, type OffsetCommitResponseInput } from '@millrace/protocol'
import { handler } from '../server/handler.ts'
import { answerAll, answerEach, offsetToCommit, topicToCommit } from './committed-topics.ts'
import { answerByGroup, type ErrorOf, errorsOf, refuseGroup } from './group-replies.ts'

type TopicAnswer = OffsetCommitResponseInput['topics'][number]

const TOPIC_IDS_SINCE = 10
const GROUP_ID_NOT_FOUND_SINCE = 9

export const offsetCommit = handler(OffsetCommit, (services, request, cx) => {
  const unauthorized = refuseGroup(services, cx, 'READ', request.groupId)
  if (unauthorized !== undefined) return { topics: request.topics.map(asked => answerAll(asked, unauthorized)) }
  const known = request.topics.map(asked => topicToCommit(services, asked, cx.version >= TOPIC_IDS_SINCE, cx))
  const offsets = request.topics.flatMap((asked, i) => {
    const topic = known[i]!
    return typeof topic === 'string' ? [] : asked.partitions.map(p => offsetToCommit(topic, p))
  })
  if (offsets.length === 0 && request.topics.length > 0)
    return { topics: request.topics.map((asked, i) => answerAll(asked, known[i] as ErrorName)) }
  const answer = (errorOf: ErrorOf): OffsetCommitResponseInput => ({
    topics: request.topics.map((asked, i): TopicAnswer => {
      const topic = known[i]!
      if (typeof topic === 'string') return answerAll(asked, topic)
      return answerEach(asked, partition => errorOf(topic.name, partition))
    }),
  })
  return answerByGroup(
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
    {
      committed: ({ partitions }) => answer(errorsOf(partitions)),
      commitRefused: ({ error }) => answer(() => error),
    },
  )
})
