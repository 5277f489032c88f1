/** What DescribeConfigs says of a resource: which configurations, or why none. */
import type { BrokerConfig, DescribedConfig } from '../config/broker-config.ts'
import { configSource } from '../config/config-def.ts'
import { describeClientMetricsConfig, describeGroupConfig, describeTopicConfig } from '../config/describe-configs.ts'
import type { ClusterImage } from './cluster-image.ts'
import type { ConfigResourceType } from './config-resources.ts'
import { refuseTopicName } from './topic.ts'
import type { Refusal } from './topic-admin.ts'

export function describeResource(
  { image, config }: { readonly image: ClusterImage; readonly config: BrokerConfig },
  type: ConfigResourceType,
  name: string,
): readonly DescribedConfig[] | Refusal {
  switch (type) {
    case 'topic':
      return describeTopic(image, config, name)
    case 'broker':
      if (name === '') return config.describeCluster()
      return refuseBrokerId(name, `expected ${config.nodeId} or empty string, but`, config) ?? config.describe()
    case 'broker-logger':
      if (name === '') return invalid('Broker id must not be empty')
      return refuseBrokerId(name, `expected ${config.nodeId} but`, config) ?? [rootLogger(config)]
    case 'client-metrics':
      if (name === '') return invalid('Client metrics subscription name must not be empty')
      return describeClientMetricsConfig(image.overridesOf('client-metrics', name))
    case 'group':
      if (name === '') return invalid('Group name must not be empty')
      return describeGroupConfig(image.overridesOf('group', name), config)
    default:
      return type satisfies never
  }
}

const invalid = (message: string): Refusal => ({ error: 'INVALID_REQUEST', message })

function describeTopic(image: ClusterImage, config: BrokerConfig, name: string): readonly DescribedConfig[] | Refusal {
  const badName = refuseTopicName(name)
  if (badName !== undefined) return { error: 'INVALID_TOPIC_EXCEPTION', message: badName }
  const topic = image.topic(name)
  if (topic === undefined) return { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: '' }
  return describeTopicConfig(topic.overrides, config)
}

function refuseBrokerId(name: string, expected: string, config: BrokerConfig): Refusal | undefined {
  if (!/^[+-]?\d{1,10}$/.test(name)) return invalid(`Broker id must be an integer, but it is: ${name}`)
  return Number(name) === config.nodeId ? undefined : invalid(`Unexpected broker id, ${expected} received ${name}`)
}

/** There is one logger, and its level is fixed at the start. */
const rootLogger = (config: BrokerConfig): DescribedConfig => ({
  name: 'root',
  value: config.logLevel.toUpperCase(),
  source: configSource.brokerLogger,
  isDefault: false,
  isSensitive: false,
  isReadOnly: true,
  type: 0,
  synonyms: [],
})
