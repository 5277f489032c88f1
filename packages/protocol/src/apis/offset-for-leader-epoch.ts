import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int16, int32, long, string, struct } from '../schema/field.ts'

/** Tells where a leader epoch ends (KIP-320). */
export const OffsetForLeaderEpoch = api({
  name: 'OffsetForLeaderEpoch',
  key: 23,
  versions: [2, 4],
  flexible: 4,
  request: {
    replicaId: int32().since(3).default(-2).ignorable(),
    topics: array(
      struct({
        topic: string(),
        partitions: array(
          struct({
            partition: int32(),
            currentLeaderEpoch: int32().since(2).default(-1).ignorable(),
            leaderEpoch: int32(),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32().since(2).ignorable(),
    topics: array(
      struct({
        topic: string(),
        partitions: array(
          struct({
            errorCode: int16(),
            partition: int32(),
            leaderEpoch: int32().since(1).default(-1).ignorable(),
            endOffset: long().default(-1),
          }),
        ),
      }),
    ),
  },
})

export interface OffsetForLeaderEpochRequest extends Infer<typeof OffsetForLeaderEpoch.request> {}
export interface OffsetForLeaderEpochResponse extends Infer<typeof OffsetForLeaderEpoch.response> {}
export interface OffsetForLeaderEpochRequestInput extends InferInput<typeof OffsetForLeaderEpoch.request> {}
export interface OffsetForLeaderEpochResponseInput extends InferInput<typeof OffsetForLeaderEpoch.response> {}
