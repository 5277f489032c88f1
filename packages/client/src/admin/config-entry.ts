/** Configurations as a broker describes them, with Kafka's numbers turned into names. */

export type ConfigSource =
  | 'unknown'
  | 'dynamic-topic'
  | 'dynamic-broker'
  | 'dynamic-default-broker'
  | 'static-broker'
  | 'default'
  | 'dynamic-broker-logger'
  | 'client-metrics'
  | 'group'

const sources: readonly ConfigSource[] = [
  'unknown',
  'dynamic-topic',
  'dynamic-broker',
  'dynamic-default-broker',
  'static-broker',
  'default',
  'dynamic-broker-logger',
  'client-metrics',
  'group',
]

export type ConfigType =
  | 'unknown'
  | 'boolean'
  | 'string'
  | 'int'
  | 'short'
  | 'long'
  | 'double'
  | 'list'
  | 'class'
  | 'password'

const types: readonly ConfigType[] = [
  'unknown',
  'boolean',
  'string',
  'int',
  'short',
  'long',
  'double',
  'list',
  'class',
  'password',
]

export interface ConfigSynonym {
  readonly name: string
  readonly value: string | null
  readonly source: ConfigSource
}

export interface ConfigEntry {
  readonly name: string
  /** Null for what is secret. */
  readonly value: string | null
  readonly source: ConfigSource
  readonly isDefault: boolean
  readonly isReadOnly: boolean
  readonly isSensitive: boolean
  readonly type: ConfigType
  /** Where the value would come from if what stands before were not set; empty unless asked for. */
  readonly synonyms: readonly ConfigSynonym[]
  /** Null unless asked for. */
  readonly documentation: string | null
}

interface WireEntry {
  readonly name: string
  readonly value: string | null
  readonly readOnly: boolean
  readonly configSource: number
  readonly isSensitive: boolean
  readonly configType?: number
  readonly documentation?: string | null
  readonly synonyms?: readonly { readonly name: string; readonly value: string | null; readonly source: number }[]
}

const sourceOf = (source: number): ConfigSource => sources[source] ?? 'unknown'

export function configEntry(entry: WireEntry): ConfigEntry {
  const source = sourceOf(entry.configSource)
  return {
    name: entry.name,
    value: entry.value,
    source,
    isDefault: source === 'default',
    isReadOnly: entry.readOnly,
    isSensitive: entry.isSensitive,
    type: types[entry.configType ?? 0] ?? 'unknown',
    synonyms: (entry.synonyms ?? []).map(({ name, value, source }) => ({ name, value, source: sourceOf(source) })),
    documentation: entry.documentation ?? null,
  }
}
