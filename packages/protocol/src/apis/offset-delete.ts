import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int16, int32, string, struct } from '../schema/field.ts'

/** Deletes stored positions of a group. */
export const OffsetDelete = api({
  name: 'OffsetDelete',
  key: 47,
  versions: [0, 0],
  flexible: Infinity,
  request: {
    groupId: string(),
    topics: array(struct({ name: string(), partitions: array(struct({ partitionIndex: int32() })) })),
  },
  response: {
    errorCode: int16(),
    throttleTimeMs: int32().ignorable(),
    topics: array(
      struct({ name: string(), partitions: array(struct({ partitionIndex: int32(), errorCode: int16() })) }),
    ),
  },
})

export interface OffsetDeleteRequest extends Infer<typeof OffsetDelete.request> {}
export interface OffsetDeleteResponse extends Infer<typeof OffsetDelete.response> {}
export interface OffsetDeleteRequestInput extends InferInput<typeof OffsetDelete.request> {}
export interface OffsetDeleteResponseInput extends InferInput<typeof OffsetDelete.response> {}
