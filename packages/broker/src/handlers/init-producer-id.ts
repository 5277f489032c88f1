import {
  type ErrorName,
  errorCode,
  InitProducerId,
  type InitProducerIdRequest,
  type InitProducerIdResponseInput,
} from '@millrace/protocol'
import { CatalogError } from '@millrace/storage'
import { CLUSTER } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'
import { errorOf, fencedAs, mayWriteTransactions } from './transaction-replies.ts'

const FENCED_SINCE = 4

export const initProducerId = handler(InitProducerId, async (services, request, cx) => {
  const { transactionalId, producerId, producerEpoch } = request
  if (transactionalId !== null && !mayWriteTransactions(cx, transactionalId))
    return refused('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  if (transactionalId === null && !mayWriteIdempotently(services, cx)) return refused('CLUSTER_AUTHORIZATION_FAILED')
  if ((producerId === -1) !== (producerEpoch === -1)) return refused('INVALID_REQUEST')
  if (transactionalId !== null) return transactional(services, transactionalId, request, cx)
  // KIP-360 bumps the epoch of a transactional producer here. One without transactions gets a new id, as from Kafka: it raises its epoch by itself.
  try {
    return { errorCode: 0, producerId: await services.producerIds.take(), producerEpoch: 0 }
  } catch (error) {
    // Clients try again after this one.
    if (error instanceof CatalogError) return refused('COORDINATOR_LOAD_IN_PROGRESS')
    throw error
  }
})

async function transactional(
  services: Services,
  transactionalId: string,
  { transactionTimeoutMs, producerId, producerEpoch }: InitProducerIdRequest,
  cx: RequestContext,
): Promise<InitProducerIdResponseInput> {
  const reply = await services.transactions.ask(transactionalId, (id, now) => ({
    kind: 'init',
    now,
    request: id,
    timeoutMs: transactionTimeoutMs,
    expected: producerId === -1 ? null : { producerId, producerEpoch },
    freshProducerId: -1,
  }))
  if (reply.kind === 'initialized')
    return { errorCode: 0, producerId: reply.producerId, producerEpoch: reply.producerEpoch }
  return refused(fencedAs(errorOf(reply), cx, FENCED_SINCE))
}

/** KIP-679: who may write to any topic may do so idempotently. */
function mayWriteIdempotently(services: Services, cx: RequestContext): boolean {
  if (cx.mayDo('IDEMPOTENT_WRITE', 'CLUSTER', CLUSTER)) return true
  for (const { name } of services.image.topics()) if (cx.mayDo('WRITE', 'TOPIC', name)) return true
  return false
}

const refused = (error: ErrorName): InitProducerIdResponseInput => ({
  errorCode: errorCode(error),
  producerId: -1,
  producerEpoch: -1,
})
