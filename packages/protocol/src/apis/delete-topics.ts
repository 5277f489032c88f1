import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int16, int32, sentence, string, struct, uuid } from '../schema/field.ts'

/** Deletes topics by name or id. */
export const DeleteTopics = api({
  name: 'DeleteTopics',
  key: 20,
  versions: [1, 6],
  flexible: 4,
  request: {
    topics: array(struct({ name: string().since(6).nullable().default(null), topicId: uuid().since(6) })).since(6),
    topicNames: array(string()).until(5).ignorable(),
    timeoutMs: int32(),
  },
  response: {
    throttleTimeMs: int32().since(1).ignorable(),
    responses: array(
      struct({
        name: string().nullable(6),
        topicId: uuid().since(6).ignorable(),
        errorCode: int16(),
        errorMessage: sentence().since(5).nullable().default(null).ignorable(),
      }),
    ),
  },
})

export interface DeleteTopicsRequest extends Infer<typeof DeleteTopics.request> {}
export interface DeleteTopicsResponse extends Infer<typeof DeleteTopics.response> {}
export interface DeleteTopicsRequestInput extends InferInput<typeof DeleteTopics.request> {}
export interface DeleteTopicsResponseInput extends InferInput<typeof DeleteTopics.response> {}
