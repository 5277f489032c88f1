// Configurations of groups (resource type 32): values within the bounds that the broker's settings give.
import type { BrokerConfig } from './broker-config.ts'
import { invalidValue, parseConfig } from './config-def.ts'
import { groupDefs } from './config-defs.ts'
import {
  applyOperations,
  type ConfigOperation,
  type ConfigOverrides,
  type ConfigRefusal,
  isConfigRefusal,
} from './config-operations.ts'

/** IncrementalAlterConfigs on a group: the overrides it will have, validated, or the refusal. */
export function alterGroupConfigs(
  current: ConfigOverrides,
  operations: readonly ConfigOperation[],
  broker: BrokerConfig,
): ConfigOverrides | ConfigRefusal {
  const next = applyOperations(current, operations, {
    defOf: name => groupDefs.get(name),
    notAList: (operation, name) => `Can't ${operation} to key ${name} because its type is not LIST.`,
  })
  return isConfigRefusal(next) ? next : (validateGroupConfigs(next, broker) ?? next)
}

export function validateGroupConfigs(overrides: ConfigOverrides, broker: BrokerConfig): ConfigRefusal | undefined {
  for (const [name, text] of overrides) {
    const message = groupConfigProblem(name, text, broker)
    if (message !== undefined) return { error: 'INVALID_CONFIG', message }
  }
  return undefined
}

function groupConfigProblem(name: string, text: string, broker: BrokerConfig): string | undefined {
  const def = groupDefs.get(name)
  if (!def) return `Unknown group config name: ${name}`
  const parsed = parseConfig(def, text)
  if (!parsed.ok) return parsed.message
  if (name === 'share.auto.offset.reset') return offsetResetProblem(name, parsed.text)
  const [, kind, rest] = name.match(/^([^.]+)\.(?:num\.)?(.+)$/) ?? []
  const min = broker.value(`group.${kind}.min.${rest}`)
  const max = broker.value(`group.${kind}.max.${rest}`)
  if (typeof min === 'number' && Number(parsed.value) < min) {
    return `${name} must be greater than or equal to group.${kind}.min.${rest}`
  }
  if (typeof max === 'number' && Number(parsed.value) > max) {
    return `${name} must be less than or equal to group.${kind}.max.${rest}`
  }
  return undefined
}

const isoDuration = /^P(?!$)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d{1,9})?S)?)?$/i

function offsetResetProblem(name: string, text: string): string | undefined {
  const isDuration = text.startsWith('by_duration:') && isoDuration.test(text.slice('by_duration:'.length))
  if (text === 'earliest' || text === 'latest' || isDuration) return undefined
  const reason =
    `Invalid value \`${text}\` for configuration ${name}. The value must be either 'earliest', 'latest' or of the ` +
    "format 'by_duration:<PnDTnHnMn.nS>'."
  return invalidValue(name, text, reason)
}
