import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int16, int32, long, string, struct } from '../schema/field.ts'

/** Lists transactional ids, filtered by state, producer id, duration and pattern. */
export const ListTransactions = api({
  name: 'ListTransactions',
  key: 66,
  versions: [0, 2],
  flexible: 0,
  request: {
    stateFilters: array(string()),
    producerIdFilters: array(long()),
    durationFilter: long().since(1).default(-1),
    transactionalIdPattern: string().since(2).nullable().default(null),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    unknownStateFilters: array(string()),
    transactionStates: array(struct({ transactionalId: string(), producerId: long(), transactionState: string() })),
  },
})

export interface ListTransactionsRequest extends Infer<typeof ListTransactions.request> {}
export interface ListTransactionsResponse extends Infer<typeof ListTransactions.response> {}
export interface ListTransactionsRequestInput extends InferInput<typeof ListTransactions.request> {}
export interface ListTransactionsResponseInput extends InferInput<typeof ListTransactions.response> {}
