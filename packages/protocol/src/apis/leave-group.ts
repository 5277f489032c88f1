import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int16, int32, string, struct } from '../schema/field.ts'

/** Takes members out of a classic group. */
export const LeaveGroup = api({
  name: 'LeaveGroup',
  key: 13,
  versions: [0, 5],
  flexible: 4,
  request: {
    groupId: string(),
    memberId: string().until(2),
    members: array(
      struct({
        memberId: string().since(3),
        groupInstanceId: string().since(3).nullable().default(null),
        reason: string().since(5).nullable().default(null).ignorable(),
      }),
    ).since(3),
  },
  response: {
    throttleTimeMs: int32().since(1).ignorable(),
    errorCode: int16(),
    members: array(
      struct({
        memberId: string().since(3),
        groupInstanceId: string().since(3).nullable(),
        errorCode: int16().since(3),
      }),
    ).since(3),
  },
})

export interface LeaveGroupRequest extends Infer<typeof LeaveGroup.request> {}
export interface LeaveGroupResponse extends Infer<typeof LeaveGroup.response> {}
export interface LeaveGroupRequestInput extends InferInput<typeof LeaveGroup.request> {}
export interface LeaveGroupResponseInput extends InferInput<typeof LeaveGroup.response> {}
