import { isListed, TRANSACTION_STATUS_CODES } from '@millrace/coordinator'
import { errorCode, ListTransactions } from '@millrace/protocol'
import { matchingIds } from '../runtime/transactions/id-pattern.ts'
import { handler } from '../server/handler.ts'

export const listTransactions = handler(ListTransactions, (services, request, cx) => {
  const unknownStateFilters = request.stateFilters.filter(name => !(name in TRANSACTION_STATUS_CODES))
  const filter = {
    states: new Set(request.stateFilters),
    producerIds: new Set(request.producerIdFilters),
    durationMs: request.durationFilter,
  }
  const now = services.clock.now()
  const listed = services.transactions.states().filter(state => isListed(state, filter, now))
  const byPattern = idsBy(
    request.transactionalIdPattern,
    listed.map(({ transactionalId }) => transactionalId),
  )
  if (byPattern === undefined)
    return {
      throttleTimeMs: 0,
      errorCode: errorCode('INVALID_REGULAR_EXPRESSION'),
      unknownStateFilters: [],
      transactionStates: [],
    }
  const transactionStates = listed
    .filter(({ transactionalId }) => byPattern.has(transactionalId))
    .filter(({ transactionalId }) => cx.mayDo('DESCRIBE', 'TRANSACTIONAL_ID', transactionalId))
    .flatMap(state =>
      state.kind === 'Dead'
        ? []
        : { transactionalId: state.transactionalId, producerId: state.producerId, transactionState: state.kind },
    )
  return { throttleTimeMs: 0, errorCode: 0, unknownStateFilters, transactionStates }
})

function idsBy(pattern: string | null, ids: readonly string[]): ReadonlySet<string> | undefined {
  if (pattern === null || pattern === '') return new Set(ids)
  const matching = matchingIds(pattern, ids)
  return matching && new Set(matching)
}
