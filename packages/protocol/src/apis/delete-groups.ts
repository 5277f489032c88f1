import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int16, int32, sentence, string, struct } from '../schema/field.ts'

/** Deletes empty groups. */
export const DeleteGroups = api({
  name: 'DeleteGroups',
  key: 42,
  versions: [0, 3],
  flexible: 2,
  request: { groupsNames: array(string()) },
  response: {
    throttleTimeMs: int32(),
    results: array(
      struct({
        groupId: string(),
        errorCode: int16(),
        errorMessage: sentence().since(3).nullable().default(null).ignorable(),
      }),
    ),
  },
})

export interface DeleteGroupsRequest extends Infer<typeof DeleteGroups.request> {}
export interface DeleteGroupsResponse extends Infer<typeof DeleteGroups.response> {}
export interface DeleteGroupsRequestInput extends InferInput<typeof DeleteGroups.request> {}
export interface DeleteGroupsResponseInput extends InferInput<typeof DeleteGroups.response> {}
