// Configurations of client metrics subscriptions (resource type 16, KIP-714).
import { parseConfig } from './config-def.ts'
import { clientMetricsDefs } from './config-defs.ts'
import {
  applyOperations,
  type ConfigOperation,
  type ConfigOverrides,
  type ConfigRefusal,
  isConfigRefusal,
} from './config-operations.ts'

/** IncrementalAlterConfigs on a subscription. Kafka lets no list of a subscription grow or shrink by items. */
export function alterClientMetricsConfigs(
  current: ConfigOverrides,
  operations: readonly ConfigOperation[],
): ConfigOverrides | ConfigRefusal {
  const next = applyOperations(current, operations, {
    defOf: () => undefined,
    notAList: (operation, name) => `Can't ${operation} to key ${name} because its type is not LIST.`,
  })
  return isConfigRefusal(next) ? next : (validateClientMetricsConfigs(next) ?? next)
}

const intervalMsMin = 100
const intervalMsMax = 3_600_000

export function validateClientMetricsConfigs(overrides: ConfigOverrides): ConfigRefusal | undefined {
  for (const [name, text] of overrides) {
    const def = clientMetricsDefs.get(name)
    if (!def) return { error: 'INVALID_REQUEST', message: `Unknown client metrics configuration: ${name}` }
    const parsed = parseConfig(def, text)
    if (!parsed.ok) return { error: 'INVALID_CONFIG', message: parsed.message }
    if (name === 'interval.ms' && (Number(parsed.value) < intervalMsMin || Number(parsed.value) > intervalMsMax)) {
      const range = `interval must be between ${intervalMsMin} and ${intervalMsMax} (1 hour)`
      return { error: 'INVALID_REQUEST', message: `Invalid value ${parsed.text} for interval.ms, ${range}` }
    }
    const illegal = name === 'match' ? (parsed.value as readonly string[]).find(item => !isMatcher(item)) : undefined
    if (illegal !== undefined) {
      return { error: 'INVALID_CONFIG', message: `Illegal client matching pattern: ${illegal}` }
    }
  }
  return undefined
}

const matchable = new Set([
  'client_instance_id',
  'client_id',
  'client_software_name',
  'client_software_version',
  'client_source_address',
  'client_source_port',
])

function isMatcher(item: string): boolean {
  const [key = '', pattern] = item.split('=')
  if (pattern === undefined || !matchable.has(key.trim())) return false
  try {
    new RegExp(pattern.trim())
    return true
  } catch {
    return false
  }
}
