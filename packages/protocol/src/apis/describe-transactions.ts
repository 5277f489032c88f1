import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int16, int32, long, string, struct } from '../schema/field.ts'

/** Describes transactions. */
export const DescribeTransactions = api({
  name: 'DescribeTransactions',
  key: 65,
  versions: [0, 0],
  flexible: 0,
  request: { transactionalIds: array(string()) },
  response: {
    throttleTimeMs: int32(),
    transactionStates: array(
      struct({
        errorCode: int16(),
        transactionalId: string(),
        transactionState: string(),
        transactionTimeoutMs: int32(),
        transactionStartTimeMs: long(),
        producerId: long(),
        producerEpoch: int16(),
        topics: array(struct({ topic: string(), partitions: array(int32()) })),
      }),
    ),
  },
})

export interface DescribeTransactionsRequest extends Infer<typeof DescribeTransactions.request> {}
export interface DescribeTransactionsResponse extends Infer<typeof DescribeTransactions.response> {}
export interface DescribeTransactionsRequestInput extends InferInput<typeof DescribeTransactions.request> {}
export interface DescribeTransactionsResponseInput extends InferInput<typeof DescribeTransactions.response> {}
