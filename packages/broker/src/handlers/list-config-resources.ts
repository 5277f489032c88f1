import { errorCode, ListConfigResources } from '@millrace/protocol'
import { type ConfigResourceType, configResourceType, configResourceTypes } from '../metadata/config-resources.ts'
import { CLUSTER } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'
import type { Services } from '../services.ts'

const ALL: readonly ConfigResourceType[] = ['group', 'client-metrics', 'broker-logger', 'broker', 'topic']

export const listConfigResources = handler(ListConfigResources, (services, request, cx) => {
  if (!cx.mayDo('DESCRIBE_CONFIGS', 'CLUSTER', CLUSTER))
    return { throttleTimeMs: 0, errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'), configResources: [] }
  const asked = new Set(request.resourceTypes.map(configResourceType))
  if (asked.has(undefined))
    return { throttleTimeMs: 0, errorCode: errorCode('UNSUPPORTED_VERSION'), configResources: [] }
  const types = cx.version === 0 ? ONLY_CLIENT_METRICS : ALL.filter(type => asked.size === 0 || asked.has(type))
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    configResources: types.flatMap(type =>
      namesOf(services, type).map(resourceName => ({ resourceName, resourceType: configResourceTypes[type] })),
    ),
  }
})

/** KIP-714 brought the call for these alone, KIP-1142 the others. */
const ONLY_CLIENT_METRICS: readonly ConfigResourceType[] = ['client-metrics']

function namesOf({ image, config }: Services, type: ConfigResourceType): readonly string[] {
  if (type === 'topic') return image.topicNames()
  return type === 'broker' || type === 'broker-logger' ? [String(config.nodeId)] : image.configuredNames(type)
}
