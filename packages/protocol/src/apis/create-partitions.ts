import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, bool, int16, int32, sentence, string, struct } from '../schema/field.ts'

/** Raises partition counts. */
export const CreatePartitions = api({
  name: 'CreatePartitions',
  key: 37,
  versions: [0, 3],
  flexible: 2,
  request: {
    topics: array(
      struct({ name: string(), count: int32(), assignments: array(struct({ brokerIds: array(int32()) })).nullable() }),
    ),
    timeoutMs: int32(),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    results: array(struct({ name: string(), errorCode: int16(), errorMessage: sentence().nullable().default(null) })),
  },
})

export interface CreatePartitionsRequest extends Infer<typeof CreatePartitions.request> {}
export interface CreatePartitionsResponse extends Infer<typeof CreatePartitions.response> {}
export interface CreatePartitionsRequestInput extends InferInput<typeof CreatePartitions.request> {}
export interface CreatePartitionsResponseInput extends InferInput<typeof CreatePartitions.response> {}
