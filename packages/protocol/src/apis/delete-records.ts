import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int16, int32, long, position, string, struct } from '../schema/field.ts'

/** Moves the start of partition logs forward. */
export const DeleteRecords = api({
  name: 'DeleteRecords',
  key: 21,
  versions: [0, 2],
  flexible: 2,
  request: {
    topics: array(
      struct({ name: string(), partitions: array(struct({ partitionIndex: int32(), offset: position() })) }),
    ),
    timeoutMs: int32(),
  },
  response: {
    throttleTimeMs: int32(),
    topics: array(
      struct({
        name: string(),
        partitions: array(struct({ partitionIndex: int32(), lowWatermark: long(), errorCode: int16() })),
      }),
    ),
  },
})

export interface DeleteRecordsRequest extends Infer<typeof DeleteRecords.request> {}
export interface DeleteRecordsResponse extends Infer<typeof DeleteRecords.response> {}
export interface DeleteRecordsRequestInput extends InferInput<typeof DeleteRecords.request> {}
export interface DeleteRecordsResponseInput extends InferInput<typeof DeleteRecords.response> {}
