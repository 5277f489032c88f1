// What the broker runs with. Four layers, the first that has a name gives its value:
//
//   dynamic, this broker  >  dynamic, whole cluster  >  static (file, environment, --set)  >  default
//
// Layers hold canonical texts. Settings that code reads are plain properties, read anew from the layers when a dynamic
// layer changes; observers run after that.

import { checkBrokerValues, parseConnectionOverrides } from './broker-checks.ts'
import { type BrokerSettings, readBrokerSettings } from './broker-settings.ts'
import {
  type ConfigDef,
  type ConfigSource,
  type ConfigValue,
  configSource,
  configTypeCode,
  parseConfig,
  valueOfText,
} from './config-def.ts'
import { brokerDefOf, brokerDefs, brokerSynonyms, kafkaBrokerDefs, listenerOverrideBase } from './config-defs.ts'
import {
  applyOperations,
  type ConfigOperation,
  type ConfigOverrides,
  type ConfigRefusal,
  isConfigRefusal,
} from './config-operations.ts'
import type { ListenerPlan } from './listeners.ts'

export type DynamicScope = 'broker' | 'cluster'

export interface ConfigSynonym {
  readonly name: string
  readonly value: string | null
  readonly source: ConfigSource
}

/** One line of an answer to DescribeConfigs. */
export interface DescribedConfig {
  readonly name: string
  /** null for a sensitive value as well. */
  readonly value: string | null
  readonly source: ConfigSource
  readonly isDefault: boolean
  readonly isSensitive: boolean
  readonly isReadOnly: boolean
  /** 0 is unknown. */
  readonly type: number
  readonly synonyms: readonly ConfigSynonym[]
}

export interface BrokerConfigOptions {
  /** Canonical texts by name. */
  readonly static: ConfigOverrides
  readonly listenerPlan: ListenerPlan
  readonly notes: readonly string[]
}

export interface BrokerConfig extends BrokerConfigStore, BrokerSettings {}

export function createBrokerConfig(options: BrokerConfigOptions): BrokerConfig {
  const store = new BrokerConfigStore(options)
  return store as BrokerConfig // its constructor has assigned the settings
}

/** Names nobody defines are kept for plug-ins in Kafka; here they are kept too, in bounded number. */
const unknownNamesMax = 100

export class BrokerConfigStore {
  readonly listenerPlan: ListenerPlan
  /** One line for each thing in the configuration that has no effect here. */
  readonly notes: readonly string[]
  readonly #static: ConfigOverrides
  readonly #dynamic: Record<DynamicScope, ConfigOverrides> = { broker: new Map(), cluster: new Map() }
  #version = 0
  readonly #observers = new Set<(changed: ReadonlySet<string>) => void>()

  constructor({ static: fixed, listenerPlan, notes }: BrokerConfigOptions) {
    this.#static = fixed
    this.listenerPlan = listenerPlan
    this.notes = notes
    this.#readSettings()
  }

  /** Grows with every change, so that what was derived from the settings can be kept. */
  get version(): number {
    return this.#version
  }

  /** Folders of the data, in order of preference. */
  get logDirs(): readonly string[] {
    return (this.value('log.dirs') ?? this.value('log.dir')) as readonly string[]
  }

  /** `max.connections.per.ip.overrides`, by address. */
  get maxConnectionsPerIpOverrides(): ReadonlyMap<string, number> {
    const overrides = parseConnectionOverrides(this.text('max.connections.per.ip.overrides') ?? '')
    return typeof overrides === 'string' ? new Map() : overrides
  }

  /** Effective canonical text of a configuration by Kafka's name; null where it has none. */
  text(name: string): string | null {
    return (
      this.#layers()
        .find(([layer]) => layer.has(name))?.[0]
        .get(name) ??
      brokerDefOf(name)?.defaultText ??
      null
    )
  }

  value(name: string): ConfigValue | null {
    const def = brokerDefOf(name)
    return def ? valueOfText(def, this.text(name)) : null
  }

  dynamic(scope: DynamicScope): ConfigOverrides {
    return this.#dynamic[scope]
  }

  /** What the dynamic layer would hold after these operations, validated and not yet in force. */
  planDynamic(scope: DynamicScope, operations: readonly ConfigOperation[]): ConfigOverrides | ConfigRefusal {
    const next = applyOperations(this.#dynamic[scope], operations, {
      defOf: brokerDefOf,
      notAList: (operation, name) => `Config value ${operation.toLowerCase()} is not allowed for config key: ${name}`,
    })
    return isConfigRefusal(next) ? next : this.#validated(scope, next)
  }

  /** One change, validated and put in force. */
  setDynamic(scope: DynamicScope, name: string, value: string | null): ConfigRefusal | undefined {
    const next = this.planDynamic(scope, [{ operation: value === null ? 'DELETE' : 'SET', name, value }])
    if (isConfigRefusal(next)) return next
    this.applyDynamic(scope, next)
    return undefined
  }

  /**
   * Puts a planned or stored layer in force and tells the observers which names changed. A stored value that this
   * version refuses is left out: a broker that can start beats one that cannot.
   */
  applyDynamic(scope: DynamicScope, stored: ConfigOverrides): void {
    const before = this.#dynamic[scope]
    const overrides = legalOnly(stored)
    const names = new Set([...before.keys(), ...overrides.keys()])
    const changed = new Set([...names].filter(name => before.get(name) !== overrides.get(name)))
    if (changed.size === 0) return
    this.#dynamic[scope] = overrides
    this.#readSettings()
    for (const observer of this.#observers) observer(changed)
  }

  /** Returns the function that ends the observation. */
  onChange(observer: (changed: ReadonlySet<string>) => void): () => void {
    this.#observers.add(observer)
    return () => this.#observers.delete(observer)
  }

  /** For the broker's own resource: every configuration that Kafka shows, and what else was set while running. */
  describe(): readonly DescribedConfig[] {
    const shown = [...kafkaBrokerDefs.values()].filter(def => !def.isInternal).map(({ name }) => name)
    const extra = new Set([...this.#dynamic.broker.keys(), ...this.#dynamic.cluster.keys()])
    for (const name of shown) extra.delete(name)
    return [...shown, ...extra].map(name => this.#described(name, this.text(name), this.synonyms(name)))
  }

  /** For the resource with the empty name: only what is set for the whole cluster. */
  describeCluster(): readonly DescribedConfig[] {
    return [...this.#dynamic.cluster].map(([name, text]) => {
      const synonyms = this.synonyms(name).filter(({ source }) => source === configSource.dynamicCluster)
      return this.#described(name, text, synonyms)
    })
  }

  /** Where a value comes from, strongest first. Kafka drops what stands before the first entry of that very name. */
  synonyms(name: string): readonly ConfigSynonym[] {
    const names = brokerSynonyms(name)
    const all = this.#layers().flatMap(([layer, source]) =>
      names.filter(each => layer.has(each)).map(each => synonym(each, layer.get(each) ?? null, source)),
    )
    for (const each of names) {
      const text = brokerDefs.get(each)?.defaultText ?? null
      if (text !== null) all.push(synonym(each, text, configSource.default))
    }
    const first = all.findIndex(each => each.name === name)
    return first < 0 ? [] : all.slice(first)
  }

  #described(name: string, text: string | null, synonyms: readonly ConfigSynonym[]): DescribedConfig {
    const def = brokerDefOf(name)
    const source = synonyms[0]?.source ?? configSource.default
    const isSensitive = isSensitiveDef(def)
    return {
      name,
      value: isSensitive ? null : text,
      source,
      isDefault: source === configSource.default,
      isSensitive,
      isReadOnly: def === undefined || def.update === 'read-only' || listenerOverrideBase(name) !== undefined,
      type: def ? configTypeCode[def.type] : 0,
      synonyms,
    }
  }

  #layers(): readonly (readonly [ConfigOverrides, ConfigSource])[] {
    return [
      [this.#dynamic.broker, configSource.dynamicBroker],
      [this.#dynamic.cluster, configSource.dynamicCluster],
      [this.#static, configSource.static],
    ]
  }

  #readSettings(): void {
    this.#version++
    Object.assign(
      this,
      readBrokerSettings(name => this.value(name)),
    )
  }

  #validated(scope: DynamicScope, next: ConfigOverrides): ConfigOverrides | ConfigRefusal {
    const before = this.#dynamic[scope]
    const touched = [...next].filter(([name, text]) => before.get(name) !== text)
    const refusal = refuseDynamic(
      scope,
      touched.map(([name]) => name),
    )
    if (refusal) return refusal
    if ([...next.keys()].filter(name => !brokerDefOf(name)).length > unknownNamesMax) {
      return { error: 'INVALID_CONFIG', message: `More than ${unknownNamesMax} configurations with unknown names` }
    }
    const canonical = new Map(next)
    for (const [name, text] of touched) {
      const def = brokerDefOf(name)
      if (!def) continue
      const parsed = parseConfig(def, text)
      if (!parsed.ok) return { error: 'INVALID_REQUEST', message: parsed.message }
      canonical.set(name, parsed.text)
    }
    return this.#checkedTogether(scope, canonical)
  }

  #checkedTogether(scope: DynamicScope, next: ConfigOverrides): ConfigOverrides | ConfigRefusal {
    const layers = { ...this.#dynamic, [scope]: next }
    const [problem] = checkBrokerValues(name => {
      const text = layers.broker.get(name) ?? layers.cluster.get(name) ?? this.#static.get(name)
      const def = brokerDefOf(name)
      return def ? valueOfText(def, text ?? def.defaultText) : null
    })
    if (!problem) return next
    const opening = problem.message.startsWith('Error') ? '' : 'requirement failed: '
    return { error: 'INVALID_REQUEST', message: opening + problem.message }
  }
}

function synonym(name: string, text: string | null, source: ConfigSource): ConfigSynonym {
  return { name, value: isSensitiveDef(brokerDefOf(name)) ? null : text, source }
}

function legalOnly(stored: ConfigOverrides): ConfigOverrides {
  const legal = new Map<string, string>()
  for (const [name, text] of stored) {
    const def = brokerDefOf(name)
    const parsed = def && parseConfig(def, text)
    if (parsed === undefined) legal.set(name, text)
    else if (parsed.ok) legal.set(name, parsed.text)
  }
  return legal
}

/** What has no definition may hold a secret of whoever set it. */
const isSensitiveDef = (def: ConfigDef | undefined): boolean => def === undefined || def.type === 'PASSWORD'

/** Kafka's rules of what may be changed while it runs, and for whom. */
function refuseDynamic(scope: DynamicScope, names: readonly string[]): ConfigRefusal | undefined {
  const refuse = (reason: string, bad: readonly string[]): ConfigRefusal | undefined =>
    bad.length === 0 ? undefined : { error: 'INVALID_REQUEST', message: `${reason}: [${bad.join(', ')}]` }
  const plain = names.filter(name => listenerOverrideBase(name) === undefined)
  const modeOf = (name: string) => brokerDefOf(name)?.update
  return (
    refuse(
      'Cannot update these configs dynamically',
      plain.filter(name => modeOf(name) === 'read-only'),
    ) ??
    refuse(
      'These security configs can be dynamically updated only per-listener using the listener prefix',
      plain.filter(name => /^(ssl|sasl)\./.test(name) && modeOf(name) === 'per-broker'),
    ) ??
    refuse(
      'Cannot update these configs at default cluster level, broker id must be specified',
      scope === 'cluster' ? plain.filter(name => modeOf(name) === 'per-broker') : [],
    )
  )
}
