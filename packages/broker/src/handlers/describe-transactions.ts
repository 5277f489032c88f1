import { describeTransaction, type TransactionDescription } from '@millrace/coordinator'
import {
  DescribeTransactions,
  type DescribeTransactionsResponseInput,
  type ErrorName,
  errorCode,
} from '@millrace/protocol'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'

type Described = DescribeTransactionsResponseInput['transactionStates'][number]

export const describeTransactions = handler(DescribeTransactions, (services, { transactionalIds }, cx) => ({
  throttleTimeMs: 0,
  transactionStates: [...new Set(transactionalIds)].map(id => describe(services, id, cx)),
}))

function describe(services: Services, transactionalId: string, cx: RequestContext): Described {
  if (!cx.mayDo('DESCRIBE', 'TRANSACTIONAL_ID', transactionalId))
    return refused(transactionalId, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  if (transactionalId === '') return refused(transactionalId, 'INVALID_REQUEST')
  if (!services.coordinators.isOwn(transactionalId)) return refused(transactionalId, 'NOT_COORDINATOR')
  if (services.transactions.isUnreadable(transactionalId)) return refused(transactionalId, 'UNKNOWN_SERVER_ERROR')
  const state = services.transactions.stateOf(transactionalId)
  const described = state && describeTransaction(state)
  if (described === undefined) return refused(transactionalId, 'TRANSACTIONAL_ID_NOT_FOUND')
  return {
    errorCode: 0,
    transactionalId,
    transactionState: described.state,
    transactionTimeoutMs: described.timeoutMs,
    transactionStartTimeMs: described.startTimestampMs,
    producerId: described.producerId,
    producerEpoch: described.producerEpoch,
    topics: topicsOf(described, cx),
  }
}

function topicsOf({ partitions }: TransactionDescription, cx: RequestContext): Described['topics'] {
  return [...partitions]
    .filter(([topic]) => cx.mayDo('DESCRIBE', 'TOPIC', topic))
    .map(([topic, indexes]) => ({ topic, partitions: [...indexes] }))
}

const refused = (transactionalId: string, error: ErrorName): Described => ({
  errorCode: errorCode(error),
  transactionalId,
  transactionState: '',
  transactionTimeoutMs: 0,
  transactionStartTimeMs: 0,
  producerId: 0,
  producerEpoch: 0,
  topics: [],
})
