import { EndTxn } from '@millrace/protocol'
import { handler } from '../server/handler.ts'
import { codeOf, errorOf, fencedAs, mayWriteTransactions } from './transaction-replies.ts'

const FENCED_SINCE = 2
/** Clients of this version and up use the epoch that the answer names (KIP-890). */
const EPOCH_BUMPED_SINCE = 5

export const endTxn = handler(EndTxn, async (services, request, cx) => {
  const { transactionalId, producerId, producerEpoch, committed } = request
  if (!mayWriteTransactions(cx, transactionalId))
    return { throttleTimeMs: 0, errorCode: codeOf('TRANSACTIONAL_ID_AUTHORIZATION_FAILED') }
  const reply = await services.transactions.ask(transactionalId, (id, now) => ({
    kind: 'end',
    now,
    request: id,
    producerId,
    producerEpoch,
    committed,
    transactionVersion: cx.version >= EPOCH_BUMPED_SINCE ? 2 : 0,
    freshProducerId: -1,
  }))
  if (reply.kind === 'ended')
    return { throttleTimeMs: 0, errorCode: 0, producerId: reply.producerId, producerEpoch: reply.producerEpoch }
  return { throttleTimeMs: 0, errorCode: codeOf(fencedAs(errorOf(reply), cx, FENCED_SINCE)) }
})
