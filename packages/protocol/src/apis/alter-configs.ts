import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, bool, int8, int16, int32, sentence, string, struct } from '../schema/field.ts'

/** Replaces all of a resource's configuration; the older form. */
export const AlterConfigs = api({
  name: 'AlterConfigs',
  key: 33,
  versions: [0, 2],
  flexible: 2,
  request: {
    resources: array(
      struct({
        resourceType: int8(),
        resourceName: string(),
        configs: array(struct({ name: string(), value: string().nullable() })),
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

export interface AlterConfigsRequest extends Infer<typeof AlterConfigs.request> {}
export interface AlterConfigsResponse extends Infer<typeof AlterConfigs.response> {}
export interface AlterConfigsRequestInput extends InferInput<typeof AlterConfigs.request> {}
export interface AlterConfigsResponseInput extends InferInput<typeof AlterConfigs.response> {}
