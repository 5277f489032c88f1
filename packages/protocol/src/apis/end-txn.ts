import { api, type Infer, type InferInput } from '../schema/api.ts'
import { bool, int16, int32, long, string } from '../schema/field.ts'

/** Commits or aborts a transaction. */
export const EndTxn = api({
  name: 'EndTxn',
  key: 26,
  versions: [0, 5],
  flexible: 3,
  request: { transactionalId: string(), producerId: long(), producerEpoch: int16(), committed: bool() },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    producerId: long().since(5).default(-1).ignorable(),
    producerEpoch: int16().since(5).default(-1).ignorable(),
  },
})

export interface EndTxnRequest extends Infer<typeof EndTxn.request> {}
export interface EndTxnResponse extends Infer<typeof EndTxn.response> {}
export interface EndTxnRequestInput extends InferInput<typeof EndTxn.request> {}
export interface EndTxnResponseInput extends InferInput<typeof EndTxn.response> {}
