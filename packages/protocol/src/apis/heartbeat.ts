import { api, type Infer, type InferInput } from '../schema/api.ts'
import { int16, int32, string } from '../schema/field.ts'

/** Keeps a member of a classic group alive. */
export const Heartbeat = api({
  name: 'Heartbeat',
  key: 12,
  versions: [0, 4],
  flexible: 4,
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string().since(3).nullable().default(null),
  },
  response: { throttleTimeMs: int32().since(1).ignorable(), errorCode: int16() },
})

export interface HeartbeatRequest extends Infer<typeof Heartbeat.request> {}
export interface HeartbeatResponse extends Infer<typeof Heartbeat.response> {}
export interface HeartbeatRequestInput extends InferInput<typeof Heartbeat.request> {}
export interface HeartbeatResponseInput extends InferInput<typeof Heartbeat.response> {}
