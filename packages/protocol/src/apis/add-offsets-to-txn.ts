import { api, type Infer, type InferInput } from '../schema/api.ts'
import { int16, int32, long, string } from '../schema/field.ts'

/** Puts the offsets of a group into a transaction. */
export const AddOffsetsToTxn = api({
  name: 'AddOffsetsToTxn',
  key: 25,
  versions: [0, 4],
  flexible: 3,
  request: { transactionalId: string(), producerId: long(), producerEpoch: int16(), groupId: string() },
  response: { throttleTimeMs: int32(), errorCode: int16() },
})

export interface AddOffsetsToTxnRequest extends Infer<typeof AddOffsetsToTxn.request> {}
export interface AddOffsetsToTxnResponse extends Infer<typeof AddOffsetsToTxn.response> {}
export interface AddOffsetsToTxnRequestInput extends InferInput<typeof AddOffsetsToTxn.request> {}
export interface AddOffsetsToTxnResponseInput extends InferInput<typeof AddOffsetsToTxn.response> {}
