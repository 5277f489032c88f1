// Answers to DescribeConfigs for topics, groups and client metrics; BrokerConfig describes itself.
import type { BrokerConfig, ConfigSynonym, DescribedConfig } from './broker-config.ts'
import { type ConfigDef, type ConfigSource, configSource, configTypeCode, parseConfig } from './config-def.ts'
import { clientMetricsDefs, groupDefs, kafkaBrokerDefs } from './config-defs.ts'
import type { ConfigOverrides } from './config-operations.ts'
import { shownTopicDefs, topicText } from './topic-config.ts'

/** All 36. Of several broker synonyms Kafka looks through the first, whose own synonyms may hide the others. */
export function describeTopicConfig(overrides: ConfigOverrides, broker: BrokerConfig): readonly DescribedConfig[] {
  return shownTopicDefs.map(def => {
    const [primary] = def.synonyms
    const inherited = primary === undefined ? [] : broker.synonyms(primary)
    return described(def, topicText(def, overrides, broker), withOwn(def, overrides, configSource.topic, inherited))
  })
}

export function describeGroupConfig(overrides: ConfigOverrides, broker: BrokerConfig): readonly DescribedConfig[] {
  return shown(groupDefs).map(def => {
    const brokerName = `group.${def.name}`
    const inherited: readonly ConfigSynonym[] = kafkaBrokerDefs.has(brokerName)
      ? broker.synonyms(brokerName)
      : defaultSynonym(def)
    const text =
      ownText(def, overrides) ?? (kafkaBrokerDefs.has(brokerName) ? broker.text(brokerName) : def.defaultText)
    return described(def, text, withOwn(def, overrides, configSource.group, inherited))
  })
}

export function describeClientMetricsConfig(overrides: ConfigOverrides): readonly DescribedConfig[] {
  return shown(clientMetricsDefs).map(def =>
    described(def, ownText(def, overrides) ?? def.defaultText, withOwn(def, overrides, configSource.clientMetrics, [])),
  )
}

const shown = (defs: ReadonlyMap<string, ConfigDef>): readonly ConfigDef[] =>
  [...defs.values()].filter(def => !def.isInternal)

const defaultSynonym = (def: ConfigDef): readonly ConfigSynonym[] =>
  def.defaultText === null ? [] : [{ name: def.name, value: def.defaultText, source: configSource.default }]

function ownText(def: ConfigDef, overrides: ConfigOverrides): string | null {
  const own = overrides.get(def.name)
  if (own === undefined) return null
  const parsed = parseConfig(def, own)
  return parsed.ok ? parsed.text : own
}

function withOwn(
  def: ConfigDef,
  overrides: ConfigOverrides,
  source: ConfigSource,
  inherited: readonly ConfigSynonym[],
): readonly ConfigSynonym[] {
  const value = ownText(def, overrides)
  return value === null ? inherited : [{ name: def.name, value, source }, ...inherited]
}

function described(def: ConfigDef, value: string | null, synonyms: readonly ConfigSynonym[]): DescribedConfig {
  const source = synonyms[0]?.source ?? configSource.default
  return {
    name: def.name,
    value,
    source,
    isDefault: source === configSource.default,
    isSensitive: false,
    isReadOnly: false,
    type: configTypeCode[def.type],
    synonyms,
  }
}
