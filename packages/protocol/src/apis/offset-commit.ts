import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int16, int32, long, string, struct, uuid } from '../schema/field.ts'

/** Stores the positions of a group. */
export const OffsetCommit = api({
  name: 'OffsetCommit',
  key: 8,
  versions: [2, 10],
  flexible: 8,
  request: {
    groupId: string(),
    generationIdOrMemberEpoch: int32().since(1).default(-1).ignorable(),
    memberId: string().since(1).ignorable(),
    groupInstanceId: string().since(7).nullable().default(null),
    retentionTimeMs: long().since(2).until(4).default(-1).ignorable(),
    topics: array(
      struct({
        name: string().until(9).ignorable(),
        topicId: uuid().since(10).ignorable(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            committedOffset: long(),
            committedLeaderEpoch: int32().since(6).default(-1).ignorable(),
            committedMetadata: string().nullable(),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32().since(3).ignorable(),
    topics: array(
      struct({
        name: string().until(9).ignorable(),
        topicId: uuid().since(10).ignorable(),
        partitions: array(struct({ partitionIndex: int32(), errorCode: int16() })),
      }),
    ),
  },
})

export interface OffsetCommitRequest extends Infer<typeof OffsetCommit.request> {}
export interface OffsetCommitResponse extends Infer<typeof OffsetCommit.response> {}
export interface OffsetCommitRequestInput extends InferInput<typeof OffsetCommit.request> {}
export interface OffsetCommitResponseInput extends InferInput<typeof OffsetCommit.response> {}
