/** What the handlers of transactions share: who may, and Kafka's errors as each version has them. */
import type { TransactionReply } from '@millrace/coordinator'
import { type ErrorName, errorCode } from '@millrace/protocol'
import type { UnreadableId } from '../runtime/transactions/transaction-coordinator.ts'
import type { RequestContext } from '../server/request-context.ts'

/** Every outcome of a transaction is an error of the protocol by the same name. */
export const codeOf = (error: ErrorName): number => errorCode(error)

/** The error of a reply that is not what was asked for. */
export function errorOf(reply: TransactionReply | UnreadableId): ErrorName {
  if ('error' in reply) return reply.error
  throw new Error(`a transaction answered ${reply.kind} to something else`)
}

export const mayWriteTransactions = (cx: RequestContext, transactionalId: string): boolean =>
  cx.mayDo('WRITE', 'TRANSACTIONAL_ID', transactionalId)

/** KIP-588: clients that do not know PRODUCER_FENCED are told by the error that they have for it. */
export function fencedAs(error: ErrorName, cx: RequestContext, knownSince: number): ErrorName {
  return error === 'PRODUCER_FENCED' && cx.version < knownSince ? 'INVALID_PRODUCER_EPOCH' : error
}

/**
 * What a write of a transaction is answered with when the coordinator does not let it in. KIP-890: TRANSACTION_ABORTABLE has a version of its own, and
 * whatever may pass is an error that older clients try again after.
 */
export function refusedWrite(
  error: ErrorName,
  known: { readonly abortable: boolean; readonly concurrent: boolean; readonly retriable: ErrorName },
): ErrorName {
  switch (error) {
    case 'PRODUCER_FENCED':
      return 'INVALID_PRODUCER_EPOCH'
    case 'TRANSACTION_ABORTABLE':
      return known.abortable ? error : 'INVALID_TXN_STATE'
    case 'CONCURRENT_TRANSACTIONS':
      return known.concurrent ? error : known.retriable
    case 'COORDINATOR_NOT_AVAILABLE':
    case 'NOT_COORDINATOR':
      return known.retriable
    default:
      return error
  }
}
