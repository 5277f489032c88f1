import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, bool, int16, int32, long, string, struct } from '../schema/field.ts'

/** Tells which API versions and features the broker has. */
export const ApiVersions = api({
  name: 'ApiVersions',
  key: 18,
  versions: [0, 5],
  flexible: 3,
  request: {
    clientSoftwareName: string().since(3).ignorable(),
    clientSoftwareVersion: string().since(3).ignorable(),
    clusterId: string().since(5).nullable().default(null).ignorable(),
    nodeId: int32().since(5).default(-1).ignorable(),
  },
  response: {
    errorCode: int16(),
    apiKeys: array(struct({ apiKey: int16(), minVersion: int16(), maxVersion: int16() })),
    throttleTimeMs: int32().since(1).ignorable(),
    supportedFeatures: array(
      struct({ name: string().since(3), minVersion: int16().since(3), maxVersion: int16().since(3) }),
    )
      .since(3)
      .tag(0)
      .ignorable(),
    finalizedFeaturesEpoch: long().since(3).tag(1).default(-1).ignorable(),
    finalizedFeatures: array(
      struct({ name: string().since(3), maxVersionLevel: int16().since(3), minVersionLevel: int16().since(3) }),
    )
      .since(3)
      .tag(2)
      .ignorable(),
    zkMigrationReady: bool().since(3).tag(3).default(false).ignorable(),
  },
})

export interface ApiVersionsRequest extends Infer<typeof ApiVersions.request> {}
export interface ApiVersionsResponse extends Infer<typeof ApiVersions.response> {}
export interface ApiVersionsRequestInput extends InferInput<typeof ApiVersions.request> {}
export interface ApiVersionsResponseInput extends InferInput<typeof ApiVersions.response> {}
