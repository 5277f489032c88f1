import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int8, int16, int32, sentence, string, struct } from '../schema/field.ts'

/** Names the broker that coordinates a group or a transactional id. */
export const FindCoordinator = api({
  name: 'FindCoordinator',
  key: 10,
  versions: [0, 6],
  flexible: 3,
  request: { key: string().until(3), keyType: int8().since(1).default(0), coordinatorKeys: array(string()).since(4) },
  response: {
    throttleTimeMs: int32().since(1).ignorable(),
    errorCode: int16().until(3),
    errorMessage: sentence().since(1).until(3).nullable(1, 3).ignorable(),
    nodeId: int32().until(3),
    host: string().until(3),
    port: int32().until(3),
    coordinators: array(
      struct({
        key: string().since(4),
        nodeId: int32().since(4),
        host: string().since(4),
        port: int32().since(4),
        errorCode: int16().since(4),
        errorMessage: sentence().since(4).nullable().ignorable(),
      }),
    ).since(4),
  },
})

export interface FindCoordinatorRequest extends Infer<typeof FindCoordinator.request> {}
export interface FindCoordinatorResponse extends Infer<typeof FindCoordinator.response> {}
export interface FindCoordinatorRequestInput extends InferInput<typeof FindCoordinator.request> {}
export interface FindCoordinatorResponseInput extends InferInput<typeof FindCoordinator.response> {}
