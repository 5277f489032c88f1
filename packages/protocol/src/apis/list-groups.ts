import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int16, int32, string, struct } from '../schema/field.ts'

/** Lists groups, filtered by state and type. */
export const ListGroups = api({
  name: 'ListGroups',
  key: 16,
  versions: [0, 5],
  flexible: 3,
  request: { statesFilter: array(string()).since(4), typesFilter: array(string()).since(5) },
  response: {
    throttleTimeMs: int32().since(1).ignorable(),
    errorCode: int16(),
    groups: array(
      struct({
        groupId: string(),
        protocolType: string(),
        groupState: string().since(4).ignorable(),
        groupType: string().since(5).ignorable(),
      }),
    ),
  },
})

export interface ListGroupsRequest extends Infer<typeof ListGroups.request> {}
export interface ListGroupsResponse extends Infer<typeof ListGroups.response> {}
export interface ListGroupsRequestInput extends InferInput<typeof ListGroups.request> {}
export interface ListGroupsResponseInput extends InferInput<typeof ListGroups.response> {}
