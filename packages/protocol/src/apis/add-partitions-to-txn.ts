import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, bool, int16, int32, long, string, struct } from '../schema/field.ts'

/** Puts partitions into a transaction; from version 4 between brokers, batched and verify-only (KIP-890). */
export const AddPartitionsToTxn = api({
  name: 'AddPartitionsToTxn',
  key: 24,
  versions: [0, 5],
  flexible: 3,
  request: {
    transactions: array(
      struct({
        transactionalId: string().since(4),
        producerId: long().since(4),
        producerEpoch: int16().since(4),
        verifyOnly: bool().since(4).default(false),
        topics: array(struct({ name: string(), partitions: array(int32()) })).since(4),
      }),
    ).since(4),
    v3AndBelowTransactionalId: string().until(3),
    v3AndBelowProducerId: long().until(3),
    v3AndBelowProducerEpoch: int16().until(3),
    v3AndBelowTopics: array(struct({ name: string(), partitions: array(int32()) })).until(3),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16().since(4).ignorable(),
    resultsByTransaction: array(
      struct({
        transactionalId: string().since(4),
        topicResults: array(
          struct({
            name: string(),
            resultsByPartition: array(struct({ partitionIndex: int32(), partitionErrorCode: int16() })),
          }),
        ).since(4),
      }),
    ).since(4),
    resultsByTopicV3AndBelow: array(
      struct({
        name: string(),
        resultsByPartition: array(struct({ partitionIndex: int32(), partitionErrorCode: int16() })),
      }),
    ).until(3),
  },
})

export interface AddPartitionsToTxnRequest extends Infer<typeof AddPartitionsToTxn.request> {}
export interface AddPartitionsToTxnResponse extends Infer<typeof AddPartitionsToTxn.response> {}
export interface AddPartitionsToTxnRequestInput extends InferInput<typeof AddPartitionsToTxn.request> {}
export interface AddPartitionsToTxnResponseInput extends InferInput<typeof AddPartitionsToTxn.response> {}
