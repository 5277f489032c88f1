import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int8, int16, int32, string, struct } from '../schema/field.ts'

/** Lists the names of configuration resources. */
export const ListConfigResources = api({
  name: 'ListConfigResources',
  key: 74,
  versions: [0, 1],
  flexible: 0,
  request: { resourceTypes: array(int8()).since(1) },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    configResources: array(struct({ resourceName: string(), resourceType: int8().since(1).default(16).ignorable() })),
  },
})

export interface ListConfigResourcesRequest extends Infer<typeof ListConfigResources.request> {}
export interface ListConfigResourcesResponse extends Infer<typeof ListConfigResources.response> {}
export interface ListConfigResourcesRequestInput extends InferInput<typeof ListConfigResources.request> {}
export interface ListConfigResourcesResponseInput extends InferInput<typeof ListConfigResources.response> {}
