import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, bool, int16, int32, sentence, string, struct } from '../schema/field.ts'

/** Starts or cancels replica moves. */
export const AlterPartitionReassignments = api({
  name: 'AlterPartitionReassignments',
  key: 45,
  versions: [0, 1],
  flexible: 0,
  request: {
    timeoutMs: int32().default(60000),
    allowReplicationFactorChange: bool().since(1).default(true),
    topics: array(
      struct({
        name: string(),
        partitions: array(struct({ partitionIndex: int32(), replicas: array(int32()).nullable().default(null) })),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32(),
    allowReplicationFactorChange: bool().since(1).default(true).ignorable(),
    errorCode: int16(),
    errorMessage: sentence().nullable(),
    responses: array(
      struct({
        name: string(),
        partitions: array(struct({ partitionIndex: int32(), errorCode: int16(), errorMessage: sentence().nullable() })),
      }),
    ),
  },
})

export interface AlterPartitionReassignmentsRequest extends Infer<typeof AlterPartitionReassignments.request> {}
export interface AlterPartitionReassignmentsResponse extends Infer<typeof AlterPartitionReassignments.response> {}
export interface AlterPartitionReassignmentsRequestInput
  extends InferInput<typeof AlterPartitionReassignments.request> {}
export interface AlterPartitionReassignmentsResponseInput
  extends InferInput<typeof AlterPartitionReassignments.response> {}
