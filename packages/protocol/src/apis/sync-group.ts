import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, bytes, int16, int32, string, struct } from '../schema/field.ts'

/** Hands over the assignment of a round and fetches one's own. */
export const SyncGroup = api({
  name: 'SyncGroup',
  key: 14,
  versions: [0, 5],
  flexible: 4,
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string().since(3).nullable().default(null),
    protocolType: string().since(5).nullable().default(null).ignorable(),
    protocolName: string().since(5).nullable().default(null).ignorable(),
    assignments: array(struct({ memberId: string(), assignment: bytes() })),
  },
  response: {
    throttleTimeMs: int32().since(1).ignorable(),
    errorCode: int16(),
    protocolType: string().since(5).nullable().default(null).ignorable(),
    protocolName: string().since(5).nullable().default(null).ignorable(),
    assignment: bytes(),
  },
})

export interface SyncGroupRequest extends Infer<typeof SyncGroup.request> {}
export interface SyncGroupResponse extends Infer<typeof SyncGroup.response> {}
export interface SyncGroupRequestInput extends InferInput<typeof SyncGroup.request> {}
export interface SyncGroupResponseInput extends InferInput<typeof SyncGroup.response> {}
