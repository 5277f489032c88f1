import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int8, int16, int32, sentence, string, struct } from '../schema/field.ts'

/** Elects preferred or unclean leaders. */
export const ElectLeaders = api({
  name: 'ElectLeaders',
  key: 43,
  versions: [0, 2],
  flexible: 2,
  request: {
    electionType: int8().since(1),
    topicPartitions: array(struct({ topic: string(), partitions: array(int32()) })).nullable(),
    timeoutMs: int32().default(60000),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16().since(1),
    replicaElectionResults: array(
      struct({
        topic: string(),
        partitionResult: array(
          struct({ partitionId: int32(), errorCode: int16(), errorMessage: sentence().nullable() }),
        ),
      }),
    ),
  },
})

export interface ElectLeadersRequest extends Infer<typeof ElectLeaders.request> {}
export interface ElectLeadersResponse extends Infer<typeof ElectLeaders.response> {}
export interface ElectLeadersRequestInput extends InferInput<typeof ElectLeaders.request> {}
export interface ElectLeadersResponseInput extends InferInput<typeof ElectLeaders.response> {}
