import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, bool, int8, int16, int32, sentence, string, struct } from '../schema/field.ts'

/** Reads configurations. */
export const DescribeConfigs = api({
  name: 'DescribeConfigs',
  key: 32,
  versions: [1, 4],
  flexible: 4,
  request: {
    resources: array(
      struct({ resourceType: int8(), resourceName: string(), configurationKeys: array(string()).nullable() }),
    ),
    includeSynonyms: bool().since(1).default(false),
    includeDocumentation: bool().since(3).default(false),
  },
  response: {
    throttleTimeMs: int32(),
    results: array(
      struct({
        errorCode: int16(),
        errorMessage: sentence().nullable(),
        resourceType: int8(),
        resourceName: string(),
        configs: array(
          struct({
            name: string(),
            value: string().nullable(),
            readOnly: bool(),
            configSource: int8().since(1).default(-1).ignorable(),
            isSensitive: bool(),
            synonyms: array(
              struct({ name: string().since(1), value: string().since(1).nullable(), source: int8().since(1) }),
            )
              .since(1)
              .ignorable(),
            configType: int8().since(3).default(0).ignorable(),
            documentation: string().since(3).nullable().ignorable(),
          }),
        ),
      }),
    ),
  },
})

export interface DescribeConfigsRequest extends Infer<typeof DescribeConfigs.request> {}
export interface DescribeConfigsResponse extends Infer<typeof DescribeConfigs.response> {}
export interface DescribeConfigsRequestInput extends InferInput<typeof DescribeConfigs.request> {}
export interface DescribeConfigsResponseInput extends InferInput<typeof DescribeConfigs.response> {}
