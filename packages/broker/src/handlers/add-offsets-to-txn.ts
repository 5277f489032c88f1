import { AddOffsetsToTxn } from '@millrace/protocol'
import { handler } from '../server/handler.ts'
import { codeOf, errorOf, fencedAs, mayWriteTransactions } from './transaction-replies.ts'

const FENCED_SINCE = 2

export const addOffsetsToTxn = handler(AddOffsetsToTxn, async (services, request, cx) => {
  const { transactionalId, producerId, producerEpoch, groupId } = request
  if (!mayWriteTransactions(cx, transactionalId))
    return { throttleTimeMs: 0, errorCode: codeOf('TRANSACTIONAL_ID_AUTHORIZATION_FAILED') }
  if (!cx.mayDo('READ', 'GROUP', groupId)) return { throttleTimeMs: 0, errorCode: codeOf('GROUP_AUTHORIZATION_FAILED') }
  const reply = await services.transactions.askPatiently(transactionalId, (id, now) => ({
    kind: 'addOffsets',
    now,
    request: id,
    producerId,
    producerEpoch,
    groupId,
    transactionVersion: 0,
  }))
  return {
    throttleTimeMs: 0,
    errorCode: reply.kind === 'added' ? 0 : codeOf(fencedAs(errorOf(reply), cx, FENCED_SINCE)),
  }
})
