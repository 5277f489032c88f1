import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, bool, int8, int16, int32, sentence, string, struct, uuid } from '../schema/field.ts'

/** Creates topics. */
export const CreateTopics = api({
  name: 'CreateTopics',
  key: 19,
  versions: [2, 7],
  flexible: 5,
  request: {
    topics: array(
      struct({
        name: string(),
        numPartitions: int32(),
        replicationFactor: int16(),
        assignments: array(struct({ partitionIndex: int32(), brokerIds: array(int32()) })),
        configs: array(struct({ name: string(), value: string().nullable() })),
      }),
    ),
    timeoutMs: int32().default(60000),
    validateOnly: bool().since(1).default(false),
  },
  response: {
    throttleTimeMs: int32().since(2).ignorable(),
    topics: array(
      struct({
        name: string(),
        topicId: uuid().since(7).ignorable(),
        errorCode: int16(),
        errorMessage: sentence().since(1).nullable().ignorable(),
        topicConfigErrorCode: int16().since(5).tag(0).ignorable(),
        numPartitions: int32().since(5).default(-1).ignorable(),
        replicationFactor: int16().since(5).default(-1).ignorable(),
        configs: array(
          struct({
            name: string().since(5),
            value: string().since(5).nullable(),
            readOnly: bool().since(5),
            configSource: int8().since(5).default(-1).ignorable(),
            isSensitive: bool().since(5),
          }),
        )
          .since(5)
          .nullable()
          .ignorable(),
      }),
    ),
  },
})

export interface CreateTopicsRequest extends Infer<typeof CreateTopics.request> {}
export interface CreateTopicsResponse extends Infer<typeof CreateTopics.response> {}
export interface CreateTopicsRequestInput extends InferInput<typeof CreateTopics.request> {}
export interface CreateTopicsResponseInput extends InferInput<typeof CreateTopics.response> {}
