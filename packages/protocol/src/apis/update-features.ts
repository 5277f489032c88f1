import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, bool, int8, int16, int32, sentence, string, struct } from '../schema/field.ts'

/** Raises, lowers or removes finalised features. */
export const UpdateFeatures = api({
  name: 'UpdateFeatures',
  key: 57,
  versions: [0, 2],
  flexible: 0,
  request: {
    timeoutMs: int32().default(60000),
    featureUpdates: array(
      struct({
        feature: string(),
        maxVersionLevel: int16(),
        allowDowngrade: bool().until(0),
        upgradeType: int8().since(1).default(1),
      }),
    ),
    validateOnly: bool().since(1).default(false),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: sentence().nullable(),
    results: array(struct({ feature: string(), errorCode: int16(), errorMessage: sentence().nullable() }))
      .until(1)
      .ignorable(),
  },
})

export interface UpdateFeaturesRequest extends Infer<typeof UpdateFeatures.request> {}
export interface UpdateFeaturesResponse extends Infer<typeof UpdateFeatures.response> {}
export interface UpdateFeaturesRequestInput extends InferInput<typeof UpdateFeatures.request> {}
export interface UpdateFeaturesResponseInput extends InferInput<typeof UpdateFeatures.response> {}
