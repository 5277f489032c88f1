import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int16, int32, long, string, struct, uuid } from '../schema/field.ts'

/** Stores positions of a group inside a transaction. */
export const TxnOffsetCommit = api({
  name: 'TxnOffsetCommit',
  key: 28,
  versions: [0, 6],
  flexible: 3,
  request: {
    transactionalId: string(),
    groupId: string(),
    producerId: long(),
    producerEpoch: int16(),
    generationIdOrMemberEpoch: int32().since(3).default(-1),
    memberId: string().since(3).default(''),
    groupInstanceId: string().since(3).nullable().default(null),
    topics: array(
      struct({
        name: string().until(5).ignorable(),
        topicId: uuid().since(6).ignorable(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            committedOffset: long(),
            committedLeaderEpoch: int32().since(2).default(-1).ignorable(),
            committedMetadata: string().nullable(),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32(),
    topics: array(
      struct({
        name: string().until(5).ignorable(),
        topicId: uuid().since(6).ignorable(),
        partitions: array(struct({ partitionIndex: int32(), errorCode: int16() })),
      }),
    ),
  },
})

export interface TxnOffsetCommitRequest extends Infer<typeof TxnOffsetCommit.request> {}
export interface TxnOffsetCommitResponse extends Infer<typeof TxnOffsetCommit.response> {}
export interface TxnOffsetCommitRequestInput extends InferInput<typeof TxnOffsetCommit.request> {}
export interface TxnOffsetCommitResponseInput extends InferInput<typeof TxnOffsetCommit.response> {}
