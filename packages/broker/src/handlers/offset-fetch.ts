import type { FetchedTopic } from '@millrace/coordinator'
import {
  type ErrorName,
  OffsetFetch,
  type OffsetFetchRequest,
  type OffsetFetchResponseInput,
  ZERO_UUID,
} from '@millrace/protocol'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'
import { codeOf, refuseGroup } from './group-replies.ts'

type GroupRequest = OffsetFetchRequest['groups'][number]
type GroupAnswer = OffsetFetchResponseInput['groups'][number]
type TopicAnswer = GroupAnswer['topics'][number]

const GROUPS_SINCE = 8
const TOPIC_IDS_SINCE = 10
/** Below this version an error of the whole group has to be told for each partition. */
const GROUP_ERROR_SINCE = 2

export const offsetFetch = handler(OffsetFetch, (services, request, cx) => {
  const { requireStable } = request
  if (cx.version >= GROUPS_SINCE)
    return { groups: request.groups.map(group => answerGroup(services, { group, requireStable }, cx)) }
  const topics =
    request.topics?.map(t => ({ name: t.name, topicId: ZERO_UUID, partitionIndexes: t.partitionIndexes })) ?? null
  const group = { groupId: request.groupId, memberId: null, memberEpoch: -1, topics }
  const answer = answerGroup(services, { group, requireStable }, cx)
  if (answer.errorCode !== 0 && cx.version < GROUP_ERROR_SINCE)
    return { topics: (topics ?? []).map(t => refuseTopic(t, answer.errorCode ?? 0)), groups: [] }
  return {
    errorCode: answer.errorCode,
    topics: answer.topics.map(t => ({ name: t.name ?? '', partitions: t.partitions })),
    groups: [],
  }
})

interface Asked {
  readonly group: GroupRequest
  readonly requireStable: boolean
}

function answerGroup(services: Services, { group, requireStable }: Asked, cx: RequestContext): GroupAnswer {
  const { groupId } = group
  const unauthorized = refuseGroup(services, cx, 'DESCRIBE', groupId)
  if (unauthorized !== undefined) return { groupId, topics: [], errorCode: codeOf(unauthorized) }
  if (group.topics === null) {
    const all = services.groups.fetchOffsets(groupId, null, requireStable)
    const shown = all.filter(({ topic }) => cx.mayDo('DESCRIBE', 'TOPIC', topic))
    return { groupId, topics: shown.flatMap(t => answerStored(services, t, cx) ?? []), errorCode: 0 }
  }
  const fetch = (topic: string, partitions: readonly number[]) =>
    services.groups.fetchOffsets(groupId, [{ topic, partitions }], requireStable)[0]!
  return { groupId, topics: group.topics.map(asked => answerAsked(services, asked, fetch, cx)), errorCode: 0 }
}

type TopicRequest = NonNullable<GroupRequest['topics']>[number]

type FetchOne = (topic: string, partitions: readonly number[]) => FetchedTopic

function answerAsked(services: Services, asked: TopicRequest, fetch: FetchOne, cx: RequestContext): TopicAnswer {
  const byId = cx.version >= TOPIC_IDS_SINCE
  const name = byId ? services.image.topicById(asked.topicId)?.name : asked.name
  if (name === undefined) return refuseTopic(asked, codeOf('UNKNOWN_TOPIC_ID'))
  const error: ErrorName | undefined = cx.mayDo('DESCRIBE', 'TOPIC', name) ? undefined : 'TOPIC_AUTHORIZATION_FAILED'
  if (error !== undefined) return refuseTopic(asked, codeOf(error))
  return { name, topicId: asked.topicId, partitions: partitionsOf(fetch(name, asked.partitionIndexes), cx) }
}

/** By id, only topics that there still are can be named. */
function answerStored(services: Services, stored: FetchedTopic, cx: RequestContext): TopicAnswer | undefined {
  const topicId = services.image.topic(stored.topic)?.id
  if (topicId === undefined && cx.version >= TOPIC_IDS_SINCE) return undefined
  return { name: stored.topic, topicId, partitions: partitionsOf(stored, cx) }
}

function partitionsOf(stored: FetchedTopic, cx: RequestContext): TopicAnswer['partitions'] {
  return stored.partitions.map(p => ({
    partitionIndex: p.partition,
    committedOffset: p.offset,
    committedLeaderEpoch: cx.version >= 5 ? p.leaderEpoch : -1,
    metadata: p.metadata,
    errorCode: codeOf(p.error),
  }))
}

function refuseTopic(asked: TopicRequest, code: number): TopicAnswer & { name: string } {
  const partitions = asked.partitionIndexes.map(partitionIndex => ({
    partitionIndex,
    committedOffset: -1,
    metadata: '',
    errorCode: code,
  }))
  return { name: asked.name, topicId: asked.topicId, partitions }
}
