import type { CommitTransaction, OffsetToCommit } from '@millrace/coordinator'
import {
  type ErrorName,
  TxnOffsetCommit,
  type TxnOffsetCommitRequest,
  type TxnOffsetCommitResponseInput,
} from '@millrace/protocol'
import type { Topic } from '../metadata/topic.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'
import { answerAll, answerEach, offsetToCommit, topicToCommit } from './committed-topics.ts'
import { answerByGroup, type ErrorOf, errorsOf } from './group-replies.ts'
import { mayWriteTransactions, refusedWrite } from './transaction-replies.ts'

type TopicRequest = TxnOffsetCommitRequest['topics'][number]
type TopicAnswer = TxnOffsetCommitResponseInput['topics'][number]
type Errors = ErrorName | ErrorOf

const ABORTABLE_SINCE = 4
/** From here on the group comes into the transaction with its offsets (KIP-890). */
const IMPLICIT_SINCE = 5
const TOPIC_IDS_SINCE = 6

export const txnOffsetCommit = handler(TxnOffsetCommit, async (services, request, cx) => {
  const refused = refuseRequest(services, request, cx)
  if (refused !== undefined)
    return { throttleTimeMs: 0, topics: request.topics.map(asked => answerAll(asked, refused)) }
  const known = request.topics.map(asked => topicToCommit(services, asked, cx.version >= TOPIC_IDS_SINCE, cx))
  const offsets = request.topics.flatMap((asked, i) => {
    const topic = known[i]!
    return typeof topic === 'string' ? [] : offsetsOf(asked, topic)
  })
  const errors = offsets.length === 0 ? errorsOf([]) : await commit(services, request, offsets, cx)
  const topics = request.topics.map((asked, i): TopicAnswer => {
    const topic = known[i]!
    if (typeof topic === 'string') return answerAll(asked, topic)
    return answerEach(asked, partition => {
      if (!(partition in topic.partitions)) return 'UNKNOWN_TOPIC_OR_PARTITION'
      return typeof errors === 'string' ? errors : errors(topic.name, partition)
    })
  })
  return { throttleTimeMs: 0, topics }
})

function refuseRequest(
  { coordinators }: Services,
  { transactionalId, groupId }: TxnOffsetCommitRequest,
  cx: RequestContext,
): ErrorName | undefined {
  if (!mayWriteTransactions(cx, transactionalId)) return 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
  if (!cx.mayDo('READ', 'GROUP', groupId)) return 'GROUP_AUTHORIZATION_FAILED'
  return coordinators.isOwn(groupId) ? undefined : 'NOT_COORDINATOR'
}

/** The coordinator is asked first, perhaps again and again; should the transaction end before the group has the offsets, the group knows by the guard. */
function commit(
  services: Services,
  request: TxnOffsetCommitRequest,
  offsets: readonly OffsetToCommit[],
  cx: RequestContext,
): Promise<Errors> {
  const { groupId, producerId } = request
  if (groupId === '') return Promise.resolve('INVALID_GROUP_ID')
  return services.groups.guarded(groupId, producerId, async take => {
    let guard = take()
    const error = await refusedByCoordinator(services, request, cx, () => {
      guard = take()
    })
    return error ?? stored(services, request, { offsets, transaction: { producerId, guard } }, cx)
  })
}

async function refusedByCoordinator(
  services: Services,
  { transactionalId, producerId, producerEpoch, groupId }: TxnOffsetCommitRequest,
  cx: RequestContext,
  onAsk: () => void,
): Promise<ErrorName | undefined> {
  const isImplicit = cx.version >= IMPLICIT_SINCE
  if (!isImplicit && !services.config.transactionPartitionVerificationEnable) return undefined
  const question = { transactionalId, producerId, producerEpoch, isImplicit, partitions: [], groupId }
  const [error = 'NONE'] = await services.gate.ask(question, onAsk)
  if (error === 'NONE') return undefined
  return refusedWrite(error, {
    abortable: cx.version >= ABORTABLE_SINCE,
    concurrent: isImplicit,
    retriable: 'COORDINATOR_NOT_AVAILABLE',
  })
}

async function stored(
  services: Services,
  request: TxnOffsetCommitRequest,
  { offsets, transaction }: { readonly offsets: readonly OffsetToCommit[]; readonly transaction: CommitTransaction },
  cx: RequestContext,
): Promise<Errors> {
  return answerByGroup<'committed' | 'commitRefused', Errors>(
    { services, cx },
    request.groupId,
    (id, now, { transactions }) => ({
      kind: 'commit',
      now,
      request: id,
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      generation: request.generationIdOrMemberEpoch,
      transaction,
      supportsGroupIdNotFound: cx.version >= TOPIC_IDS_SINCE,
      retentionTimeMs: -1,
      offsets,
      transactions,
    }),
    {
      committed: ({ partitions }) => errorsOf(partitions),
      commitRefused: ({ error }) =>
        error === 'TRANSACTION_ABORTABLE' && cx.version < ABORTABLE_SINCE ? 'INVALID_TXN_STATE' : error,
    },
  )
}

function offsetsOf(asked: TopicRequest, topic: Topic): OffsetToCommit[] {
  return asked.partitions
    .filter(({ partitionIndex }) => partitionIndex in topic.partitions)
    .map(p => offsetToCommit(topic, p))
}
