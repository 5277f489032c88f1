import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int16, int32, sentence, string, struct } from '../schema/field.ts'

/** Lists running replica moves. */
export const ListPartitionReassignments = api({
  name: 'ListPartitionReassignments',
  key: 46,
  versions: [0, 0],
  flexible: 0,
  request: {
    timeoutMs: int32().default(60000),
    topics: array(struct({ name: string(), partitionIndexes: array(int32()) }))
      .nullable()
      .default(null),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: sentence().nullable(),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            replicas: array(int32()),
            addingReplicas: array(int32()),
            removingReplicas: array(int32()),
          }),
        ),
      }),
    ),
  },
})

export interface ListPartitionReassignmentsRequest extends Infer<typeof ListPartitionReassignments.request> {}
export interface ListPartitionReassignmentsResponse extends Infer<typeof ListPartitionReassignments.response> {}
export interface ListPartitionReassignmentsRequestInput extends InferInput<typeof ListPartitionReassignments.request> {}
export interface ListPartitionReassignmentsResponseInput
  extends InferInput<typeof ListPartitionReassignments.response> {}
