import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, bool, int16, int32, long, string, struct, uuid } from '../schema/field.ts'

/** Reads the stored positions of groups. */
export const OffsetFetch = api({
  name: 'OffsetFetch',
  key: 9,
  versions: [1, 10],
  flexible: 6,
  request: {
    groupId: string().until(7),
    topics: array(struct({ name: string().until(7), partitionIndexes: array(int32()).until(7) }))
      .until(7)
      .nullable(2, 7),
    groups: array(
      struct({
        groupId: string().since(8),
        memberId: string().since(9).nullable().default(null).ignorable(),
        memberEpoch: int32().since(9).default(-1).ignorable(),
        topics: array(
          struct({
            name: string().since(8).until(9).ignorable(),
            topicId: uuid().since(10).ignorable(),
            partitionIndexes: array(int32()).since(8),
          }),
        )
          .since(8)
          .nullable(),
      }),
    ).since(8),
    requireStable: bool().since(7).default(false),
  },
  response: {
    throttleTimeMs: int32().since(3).ignorable(),
    topics: array(
      struct({
        name: string().until(7),
        partitions: array(
          struct({
            partitionIndex: int32().until(7),
            committedOffset: long().until(7),
            committedLeaderEpoch: int32().since(5).until(7).default(-1).ignorable(),
            metadata: string().until(7).nullable(0, 7),
            errorCode: int16().until(7),
          }),
        ).until(7),
      }),
    ).until(7),
    errorCode: int16().since(2).until(7).default(0).ignorable(),
    groups: array(
      struct({
        groupId: string().since(8),
        topics: array(
          struct({
            name: string().since(8).until(9).ignorable(),
            topicId: uuid().since(10).ignorable(),
            partitions: array(
              struct({
                partitionIndex: int32().since(8),
                committedOffset: long().since(8),
                committedLeaderEpoch: int32().since(8).default(-1).ignorable(),
                metadata: string().since(8).nullable(),
                errorCode: int16().since(8),
              }),
            ).since(8),
          }),
        ).since(8),
        errorCode: int16().since(8).default(0),
      }),
    ).since(8),
  },
})

export interface OffsetFetchRequest extends Infer<typeof OffsetFetch.request> {}
export interface OffsetFetchResponse extends Infer<typeof OffsetFetch.response> {}
export interface OffsetFetchRequestInput extends InferInput<typeof OffsetFetch.request> {}
export interface OffsetFetchResponseInput extends InferInput<typeof OffsetFetch.response> {}
