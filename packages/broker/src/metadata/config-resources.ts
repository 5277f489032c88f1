import type { ErrorName } from '@millrace/protocol'
import type { ConfigResource } from '@millrace/storage'
import { CLUSTER, type Operation } from '../security/authorizer.ts'
import type { RequestContext } from '../server/request-context.ts'

/** Kafka's resource types that have configurations, by their codes on the wire. The loggers of a broker are not kept. */
export const configResourceTypes = {
  topic: 2,
  broker: 4,
  'broker-logger': 8,
  'client-metrics': 16,
  group: 32,
} as const satisfies Record<ConfigResource | 'broker-logger', number>
export type ConfigResourceType = keyof typeof configResourceTypes

const byCode = new Map<number, ConfigResourceType>(
  Object.entries(configResourceTypes).map(([type, code]) => [code, type as ConfigResourceType]),
)
export const configResourceType = (code: number): ConfigResourceType | undefined => byCode.get(code)

/** The error for who may not, or undefined. What is not a topic's or a group's is the cluster's. */
export function refuseConfigAccess(
  cx: RequestContext,
  operation: Extract<Operation, 'DESCRIBE_CONFIGS' | 'ALTER_CONFIGS'>,
  type: ConfigResourceType,
  name: string,
): ErrorName | undefined {
  if (type === 'topic') return cx.mayDo(operation, 'TOPIC', name) ? undefined : 'TOPIC_AUTHORIZATION_FAILED'
  if (type === 'group') return cx.mayDo(operation, 'GROUP', name) ? undefined : 'GROUP_AUTHORIZATION_FAILED'
  return cx.mayDo(operation, 'CLUSTER', CLUSTER) ? undefined : 'CLUSTER_AUTHORIZATION_FAILED'
}
