import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int8, int16, int32, long, position, string, struct } from '../schema/field.ts'

/** Finds offsets by time or by special position. */
export const ListOffsets = api({
  name: 'ListOffsets',
  key: 2,
  versions: [1, 11],
  flexible: 6,
  request: {
    replicaId: int32(),
    isolationLevel: int8().since(2),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            currentLeaderEpoch: int32().since(4).default(-1).ignorable(),
            timestamp: position(),
          }),
        ),
      }),
    ),
    timeoutMs: int32().since(10).ignorable(),
  },
  response: {
    throttleTimeMs: int32().since(2).ignorable(),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            timestamp: long().since(1).default(-1),
            offset: long().since(1).default(-1),
            leaderEpoch: int32().since(4).default(-1),
          }),
        ),
      }),
    ),
  },
})

export interface ListOffsetsRequest extends Infer<typeof ListOffsets.request> {}
export interface ListOffsetsResponse extends Infer<typeof ListOffsets.response> {}
export interface ListOffsetsRequestInput extends InferInput<typeof ListOffsets.request> {}
export interface ListOffsetsResponseInput extends InferInput<typeof ListOffsets.response> {}
