import { api, type Infer, type InferInput } from '../schema/api.ts'
import { bool, int16, int32, long, string } from '../schema/field.ts'

/** Hands out a producer id and epoch. */
export const InitProducerId = api({
  name: 'InitProducerId',
  key: 22,
  versions: [0, 5],
  flexible: 2,
  request: {
    transactionalId: string().nullable(),
    transactionTimeoutMs: int32(),
    producerId: long().since(3).default(-1),
    producerEpoch: int16().since(3).default(-1),
    enable2Pc: bool().since(6).default(false),
    keepPreparedTxn: bool().since(6).default(false),
  },
  response: {
    throttleTimeMs: int32().ignorable(),
    errorCode: int16(),
    producerId: long().default(-1),
    producerEpoch: int16(),
    ongoingTxnProducerId: long().since(6).default(-1),
    ongoingTxnProducerEpoch: int16().since(6).default(-1),
  },
})

export interface InitProducerIdRequest extends Infer<typeof InitProducerId.request> {}
export interface InitProducerIdResponse extends Infer<typeof InitProducerId.response> {}
export interface InitProducerIdRequestInput extends InferInput<typeof InitProducerId.request> {}
export interface InitProducerIdResponseInput extends InferInput<typeof InitProducerId.response> {}
