// The 36 configurations of a topic: an override of the topic itself, else what the broker's configurations give, else
// Kafka's default.
import type { BrokerConfig } from './broker-config.ts'
import { type ConfigDef, type ConfigValue, invalidValue, parseConfig, valueOfText } from './config-def.ts'
import { topicDefs } from './config-defs.ts'
import {
  applyOperations,
  type ConfigOperation,
  type ConfigOverrides,
  type ConfigRefusal,
  isConfigRefusal,
} from './config-operations.ts'

export type CleanupPolicy = 'compact' | 'delete'
export type TopicCompressionType = 'uncompressed' | 'zstd' | 'lz4' | 'snappy' | 'gzip' | 'producer'

export interface TopicConfig {
  /** Without repeats; empty means that nothing is ever deleted or compacted. */
  readonly cleanupPolicy: readonly CleanupPolicy[]
  readonly compressionGzipLevel: number
  readonly compressionLz4Level: number
  readonly compressionType: TopicCompressionType
  readonly compressionZstdLevel: number
  readonly deleteRetentionMs: number
  readonly errorsDeadletterqueueGroupEnable: boolean
  readonly fileDeleteDelayMs: number
  readonly flushMessages: number
  readonly flushMs: number
  readonly followerReplicationThrottledReplicas: readonly string[]
  readonly indexIntervalBytes: number
  readonly leaderReplicationThrottledReplicas: readonly string[]
  /** -2: as retention.bytes. */
  readonly localRetentionBytes: number
  /** -2: as retention.ms. */
  readonly localRetentionMs: number
  readonly maxCompactionLagMs: number
  readonly maxMessageBytes: number
  readonly messageTimestampAfterMaxMs: number
  readonly messageTimestampBeforeMaxMs: number
  readonly messageTimestampType: 'CreateTime' | 'LogAppendTime'
  readonly minCleanableDirtyRatio: number
  readonly minCompactionLagMs: number
  readonly minInsyncReplicas: number
  readonly preallocate: boolean
  readonly remoteCopyLagBytes: number
  readonly remoteCopyLagMs: number
  readonly remoteLogCopyDisable: boolean
  readonly remoteLogDeleteOnDisable: boolean
  readonly remoteStorageEnable: boolean
  /** -1: without limit. */
  readonly retentionBytes: number
  /** -1: without limit. */
  readonly retentionMs: number
  readonly segmentBytes: number
  readonly segmentIndexBytes: number
  readonly segmentJitterMs: number
  readonly segmentMs: number
  readonly uncleanLeaderElectionEnable: boolean
}

/** The topic configurations that are shown, in Kafka's order. */
export const shownTopicDefs: readonly ConfigDef[] = [...topicDefs.values()].filter(def => !def.isInternal)

/** What a topic without overrides has, by broker and for as long as the broker's settings stay: topics are many. */
const inheritedConfigs = new WeakMap<BrokerConfig, { readonly version: number; readonly config: TopicConfig }>()

/** What `validateTopicConfigs` would refuse, as an override stored by another version may be, counts as not set. */
export function resolveTopicConfig(overrides: ConfigOverrides, broker: BrokerConfig): TopicConfig {
  const inherited = inheritedConfig(broker)
  if (overrides.size === 0) return inherited
  const own: Record<string, ConfigValue> = {}
  for (const [name, text] of overrides) {
    const def = topicDefs.get(name)
    const parsed = def && !def.isInternal ? parseConfig(def, text) : undefined
    if (parsed?.ok) own[camelCase(name)] = parsed.value
  }
  // Kafka's own tests use this one to get segments below the minimum of segment.bytes.
  const internalSegmentBytes = overrides.get('internal.segment.bytes')
  if (internalSegmentBytes !== undefined) own.segmentBytes = Number(internalSegmentBytes)
  return Object.freeze({ ...inherited, ...own })
}

const camelCase = (name: string): string => name.replace(/\.(\w)/g, (_, letter: string) => letter.toUpperCase())

function inheritedConfig(broker: BrokerConfig): TopicConfig {
  const known = inheritedConfigs.get(broker)
  if (known?.version === broker.version) return known.config
  const entries = shownTopicDefs.map(def => [camelCase(def.name), valueOfText(def, topicText(def, new Map(), broker))])
  // Names and types of the definitions are those of the interface, which a test holds together.
  const config = Object.freeze(Object.fromEntries(entries)) as unknown as TopicConfig
  inheritedConfigs.set(broker, { version: broker.version, config })
  return config
}

/** Canonical text of a topic's effective value. */
export function topicText(def: ConfigDef, overrides: ConfigOverrides, broker: BrokerConfig): string | null {
  const own = overrides.get(def.name)
  if (own !== undefined) {
    const parsed = parseConfig(def, own)
    return parsed.ok ? parsed.text : own
  }
  return brokerText(def, broker) ?? def.defaultText
}

const unitMs: readonly (readonly [suffix: string, factor: number])[] = [
  ['.hours', 3_600_000],
  ['.minutes', 60_000],
]

/** The first broker synonym that has a value, in the unit of the topic's configuration. */
function brokerText(def: ConfigDef, broker: BrokerConfig): string | null {
  for (const name of def.synonyms) {
    const text = broker.text(name)
    if (text === null) continue
    const factor = unitMs.find(([suffix]) => name.endsWith(suffix))?.[1]
    if (factor === undefined) return text
    return Number(text) < 0 ? '-1' : String(Number(text) * factor)
  }
  return null
}

/** The overrides of a topic, as CreateTopics or an alteration would have them: a refusal, or undefined when they are legal. */
export function validateTopicConfigs(overrides: ConfigOverrides): ConfigRefusal | undefined {
  const refuse = (message: string): ConfigRefusal => ({ error: 'INVALID_CONFIG', message })
  for (const name of overrides.keys()) {
    if (!topicDefs.has(name)) return refuse(`Unknown topic config name: ${name}`)
  }
  for (const [name, text] of overrides) {
    const parsed = parseConfig(topicDefs.get(name)!, text)
    if (!parsed.ok) return refuse(parsed.message)
    const reason = name.endsWith('.throttled.replicas') ? throttledReplicasReason(name, parsed.value) : undefined
    if (reason) return refuse(reason)
  }
  const valueFor = (name: string) => {
    const def = topicDefs.get(name)!
    return valueOfText(def, overrides.get(name) ?? def.defaultText)
  }
  const minLag = valueFor('min.compaction.lag.ms')
  const maxLag = valueFor('max.compaction.lag.ms')
  if (Number(minLag) > Number(maxLag)) {
    return refuse(`conflict topic config setting min.compaction.lag.ms (${minLag}) > max.compaction.lag.ms (${maxLag})`)
  }
  if (valueFor('remote.storage.enable') === true) {
    return refuse(
      'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.',
    )
  }
  return undefined
}

function throttledReplicasReason(name: string, value: ConfigValue): string | undefined {
  const items = value as readonly string[]
  if (items[0]?.trim() === '*' || items.every(item => /^(\d+:\d+)?$/.test(item))) return undefined
  return invalidValue(
    name,
    `[${items.join(', ')}]`,
    `${name} must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...`,
  )
}

/** IncrementalAlterConfigs on a topic: the overrides it will have, validated, or the refusal. */
export function alterTopicConfigs(
  current: ConfigOverrides,
  operations: readonly ConfigOperation[],
): ConfigOverrides | ConfigRefusal {
  const next = applyOperations(current, operations, {
    defOf: name => topicDefs.get(name),
    notAList: (operation, name) => `Can't ${operation} to key ${name} because its type is not LIST.`,
  })
  return isConfigRefusal(next) ? next : (validateTopicConfigs(next) ?? next)
}
