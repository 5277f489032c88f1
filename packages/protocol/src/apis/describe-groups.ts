import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, bool, bytes, int16, int32, sentence, string, struct } from '../schema/field.ts'

/** Describes classic groups. */
export const DescribeGroups = api({
  name: 'DescribeGroups',
  key: 15,
  versions: [0, 6],
  flexible: 5,
  request: { groups: array(string()), includeAuthorizedOperations: bool().since(3) },
  response: {
    throttleTimeMs: int32().since(1).ignorable(),
    groups: array(
      struct({
        errorCode: int16(),
        errorMessage: sentence().since(6).nullable().default(null),
        groupId: string(),
        groupState: string(),
        protocolType: string(),
        protocolData: string(),
        members: array(
          struct({
            memberId: string(),
            groupInstanceId: string().since(4).nullable().default(null).ignorable(),
            clientId: string(),
            clientHost: string(),
            memberMetadata: bytes(),
            memberAssignment: bytes(),
          }),
        ),
        authorizedOperations: int32().since(3).default(-2147483648),
      }),
    ),
  },
})

export interface DescribeGroupsRequest extends Infer<typeof DescribeGroups.request> {}
export interface DescribeGroupsResponse extends Infer<typeof DescribeGroups.response> {}
export interface DescribeGroupsRequestInput extends InferInput<typeof DescribeGroups.request> {}
export interface DescribeGroupsResponseInput extends InferInput<typeof DescribeGroups.response> {}
