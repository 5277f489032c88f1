import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int16, int32, long, sentence, string, struct } from '../schema/field.ts'

/** Lists the active producers of partitions. */
export const DescribeProducers = api({
  name: 'DescribeProducers',
  key: 61,
  versions: [0, 0],
  flexible: 0,
  request: { topics: array(struct({ name: string(), partitionIndexes: array(int32()) })) },
  response: {
    throttleTimeMs: int32(),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            errorMessage: sentence().nullable().default(null),
            activeProducers: array(
              struct({
                producerId: long(),
                producerEpoch: int32(),
                lastSequence: int32().default(-1),
                lastTimestamp: long().default(-1),
                coordinatorEpoch: int32(),
                currentTxnStartOffset: long().default(-1),
              }),
            ),
          }),
        ),
      }),
    ),
  },
})

export interface DescribeProducersRequest extends Infer<typeof DescribeProducers.request> {}
export interface DescribeProducersResponse extends Infer<typeof DescribeProducers.response> {}
export interface DescribeProducersRequestInput extends InferInput<typeof DescribeProducers.request> {}
export interface DescribeProducersResponseInput extends InferInput<typeof DescribeProducers.response> {}
