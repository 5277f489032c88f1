import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, bool, int8, int16, int32, long, string, struct } from '../schema/field.ts'

/** Ends a transaction in partitions: one control batch each. */
export const WriteTxnMarkers = api({
  name: 'WriteTxnMarkers',
  key: 27,
  versions: [1, 2],
  flexible: 1,
  request: {
    markers: array(
      struct({
        producerId: long(),
        producerEpoch: int16(),
        transactionResult: bool(),
        topics: array(struct({ name: string(), partitionIndexes: array(int32()) })),
        coordinatorEpoch: int32(),
        transactionVersion: int8().since(2).default(0).ignorable(),
      }),
    ),
  },
  response: {
    markers: array(
      struct({
        producerId: long(),
        topics: array(
          struct({ name: string(), partitions: array(struct({ partitionIndex: int32(), errorCode: int16() })) }),
        ),
      }),
    ),
  },
})

export interface WriteTxnMarkersRequest extends Infer<typeof WriteTxnMarkers.request> {}
export interface WriteTxnMarkersResponse extends Infer<typeof WriteTxnMarkers.response> {}
export interface WriteTxnMarkersRequestInput extends InferInput<typeof WriteTxnMarkers.request> {}
export interface WriteTxnMarkersResponseInput extends InferInput<typeof WriteTxnMarkers.response> {}
