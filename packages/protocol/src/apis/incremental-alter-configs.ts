import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, bool, int8, int16, int32, sentence, string, struct } from '../schema/field.ts'

/** Sets, deletes, appends to and subtracts from single configuration entries. */
export const IncrementalAlterConfigs = api({
  name: 'IncrementalAlterConfigs',
  key: 44,
  versions: [0, 1],
  flexible: 1,
  request: {
    resources: array(
      struct({
        resourceType: int8(),
        resourceName: string(),
        configs: array(struct({ name: string(), configOperation: int8(), value: string().nullable() })),
      }),
    ),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    responses: array(
      struct({ errorCode: int16(), errorMessage: sentence().nullable(), resourceType: int8(), resourceName: string() }),
    ),
  },
})

export interface IncrementalAlterConfigsRequest extends Infer<typeof IncrementalAlterConfigs.request> {}
export interface IncrementalAlterConfigsResponse extends Infer<typeof IncrementalAlterConfigs.response> {}
export interface IncrementalAlterConfigsRequestInput extends InferInput<typeof IncrementalAlterConfigs.request> {}
export interface IncrementalAlterConfigsResponseInput extends InferInput<typeof IncrementalAlterConfigs.response> {}
