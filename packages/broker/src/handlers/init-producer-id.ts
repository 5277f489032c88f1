import { type ErrorName, errorCode, InitProducerId, type InitProducerIdResponseInput } from '@millrace/protocol'
import { CatalogError } from '@millrace/storage'
import { CLUSTER } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'

export const initProducerId = handler(InitProducerId, async (services, request, cx) => {
  const { transactionalId, producerId, producerEpoch } = request
  if (transactionalId !== null) return transactional(transactionalId, cx)
  if (!mayWriteIdempotently(services, cx)) return refused('CLUSTER_AUTHORIZATION_FAILED')
  if ((producerId === -1) !== (producerEpoch === -1)) return refused('INVALID_REQUEST')
  // KIP-360 bumps the epoch of a transactional producer here. One without transactions gets a new id, as from Kafka: it raises its epoch by itself.
  try {
    return { errorCode: 0, producerId: await services.producerIds.take(), producerEpoch: 0 }
  } catch (error) {
    // Clients try again after this one.
    if (error instanceof CatalogError) return refused('COORDINATOR_LOAD_IN_PROGRESS')
    throw error
  }
})

/** Transactions are not served and their other calls not offered: an error that is final and says what is missing. */
function transactional(transactionalId: string, cx: RequestContext): InitProducerIdResponseInput {
  if (!cx.mayDo('WRITE', 'TRANSACTIONAL_ID', transactionalId)) return refused('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  return refused(transactionalId === '' ? 'INVALID_REQUEST' : 'UNSUPPORTED_VERSION')
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
