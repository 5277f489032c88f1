import { checkBrokerValues } from './broker-checks.ts'
import { type BrokerConfig, createBrokerConfig } from './broker-config.ts'
import { type ConfigValue, parseConfig, valueOfText } from './config-def.ts'
import { brokerDefOf, brokerDefs, listenerOverrideBase, topicDefs } from './config-defs.ts'
import { type ConfigEntry, type ConfigProblem, type ConfigSources, collectEntries } from './config-sources.ts'
import { isHonoured } from './honoured-settings.ts'
import {
  isListenerPlan,
  isLoopbackHost,
  type ListenerPlan,
  type ListenerProblem,
  parseHostPort,
  planListeners,
} from './listeners.ts'
import { nearestName } from './nearest-name.ts'

export interface LoadOptions extends ConfigSources {
  /** The command line's --allow-anonymous. */
  readonly allowAnonymous?: boolean
  /** The command line's --durable. */
  readonly durable?: boolean
}

/** Defaults < file < environment < set. Either a configuration, or everything that is wrong with it. */
export function loadBrokerConfig(options: LoadOptions): BrokerConfig | readonly ConfigProblem[] {
  const collected = collectEntries(options)
  const known = collected.entries.filter(({ name }) => placeOf(name) !== 'unknown')
  const final = new Map(known.map(entry => [entry.name, entry]))
  const problems = [...collected.problems]
  for (const entry of collected.entries) problems.push(...problemOf(entry))
  if (problems.length > 0) return problems

  const texts = canonicalTexts(final)
  if (options.allowAnonymous) texts.set('millrace.allow.anonymous', 'true')
  if (options.durable) texts.set('millrace.durable', 'true')
  const flushEach = 'log.flush.interval.messages'
  if (texts.get('millrace.durable') === 'true' && !texts.has(flushEach)) texts.set(flushEach, '1')
  const about = (name: string, message: string): ConfigProblem => {
    const origin = final.get(name)?.origin
    return { message: origin === undefined ? message : `${origin}: ${message}` }
  }
  const valueFor = (name: string) => effectiveValue(texts, name)
  problems.push(...identityProblems(final, texts).map(message => about('node.id', message)))
  problems.push(...adminListenerProblems(valueFor).map(message => about('millrace.admin.listener', message)))
  problems.push(...checkBrokerValues(valueFor).map(({ name, message }) => about(name, message)))
  const plan = planFrom(valueFor)
  if (!isListenerPlan(plan)) problems.push(...plan.map(({ name, message }) => about(name, message)))
  if (problems.length > 0 || !isListenerPlan(plan)) return problems
  const notes = [...collected.notes, ...effectNotes(final), ...plan.notes]
  return createBrokerConfig({ static: texts, listenerPlan: plan, notes })
}

/** Narrows what `loadBrokerConfig` gives. */
export const isConfigProblems = (loaded: BrokerConfig | readonly ConfigProblem[]): loaded is readonly ConfigProblem[] =>
  Array.isArray(loaded)

/** A configuration for tests and embedding: it throws what `loadBrokerConfig` would list. */
export function brokerConfigOf(settings: Readonly<Record<string, string>> = {}): BrokerConfig {
  const loaded = loadBrokerConfig({ set: Object.entries(settings).map(([name, value]) => `${name}=${value}`) })
  if (isConfigProblems(loaded)) throw new Error(loaded.map(({ message }) => message).join('\n'))
  return loaded
}

/** Plug-ins and authorizers read these in Kafka, which defines no list of them. */
const freeNames = ['super.users', 'allow.everyone.if.no.acl.found']
const freePrefixes = ['rsm.config.', 'rlmm.config.', 'config.providers.']
/** Of Kafka before 4.0; old files still have them. */
const removedNames = new Set([
  'control.plane.listener.name',
  'inter.broker.protocol.version',
  'log.message.downconversion.enable',
  'log.message.format.version',
  'log.message.timestamp.difference.max.ms',
  'offsets.commit.required.acks',
  'reserved.broker.max.id',
  'broker.id.generation.enable',
  'password.encoder.secret',
])

type Place = 'defined' | 'free' | 'removed' | 'unknown'

function placeOf(name: string): Place {
  if (brokerDefOf(name)) return 'defined'
  const base = listenerOverrideBase(name)
  if (freeNames.includes(name) || freePrefixes.some(prefix => name.startsWith(prefix))) return 'free'
  // `listener.name.NAME.MECHANISM.sasl.jaas.config` and the like.
  if (base !== undefined && brokerDefs.has(base.replace(/^[^.]+\./, ''))) return 'free'
  return removedNames.has(name) || name.startsWith('zookeeper.') ? 'removed' : 'unknown'
}

function problemOf({ name, raw, origin }: ConfigEntry): readonly ConfigProblem[] {
  const def = brokerDefOf(name)
  if (def) {
    const parsed = parseConfig(def, raw)
    return parsed.ok ? [] : [{ message: `${origin}: ${parsed.message}` }]
  }
  if (placeOf(name) !== 'unknown') return []
  const [ofBroker] = topicDefs.get(name)?.synonyms ?? []
  if (ofBroker !== undefined) {
    return [{ message: `${origin}: ${name} is a topic's configuration: for all topics it is ${ofBroker}` }]
  }
  const nearest = nearestName(name, brokerDefs.keys())
  const hint = nearest === undefined ? '' : `: did you mean ${nearest}?`
  return [{ message: `${origin}: Unknown configuration ${name}${hint}` }]
}

function canonicalTexts(final: ReadonlyMap<string, ConfigEntry>): Map<string, string> {
  const texts = new Map<string, string>()
  for (const { name, raw } of final.values()) {
    const def = brokerDefOf(name)
    const parsed = def && parseConfig(def, raw)
    if (parsed?.ok) texts.set(name, parsed.text)
  }
  const id = texts.get('node.id') ?? texts.get('broker.id')
  if (id !== undefined) texts.set('node.id', id).set('broker.id', id)
  return texts
}

function effectiveValue(texts: ReadonlyMap<string, string>, name: string): ConfigValue | null {
  const def = brokerDefOf(name)
  return def ? valueOfText(def, texts.get(name) ?? def.defaultText) : null
}

function identityProblems(final: ReadonlyMap<string, ConfigEntry>, texts: ReadonlyMap<string, string>): string[] {
  const nodeId = texts.get('node.id')
  const asked = final.get('broker.id')?.raw.trim()
  if (Number(nodeId ?? 1) < 0) return ['node.id must not be negative']
  const differs = asked !== undefined && nodeId !== undefined && Number(asked) !== Number(nodeId)
  return differs ? [`node.id and broker.id must have the same value, and are ${nodeId} and ${asked}`] : []
}

function adminListenerProblems(valueFor: (name: string) => ConfigValue | null): string[] {
  const text = valueFor('millrace.admin.listener')
  if (text === null || text === '') return []
  const endpoint = parseHostPort(String(text))
  if (endpoint === undefined) return [`millrace.admin.listener is HOST:PORT, as localhost:9644, and not ${text}`]
  if (isLoopbackHost(endpoint.host) || valueFor('millrace.allow.anonymous') === true) return []
  return [
    `the admin listener ${text} can be reached from other machines and nobody would have to authenticate: start with ` +
      '--allow-anonymous (or millrace.allow.anonymous=true) if that is meant',
  ]
}

function planFrom(valueFor: (name: string) => ConfigValue | null): ListenerPlan | readonly ListenerProblem[] {
  return planListeners({
    listeners: valueFor('listeners') as readonly string[],
    advertised: valueFor('advertised.listeners') as readonly string[] | null,
    protocolMap: String(valueFor('listener.security.protocol.map')),
    controllerNames: ((valueFor('controller.listener.names') ?? []) as readonly string[]).map(name =>
      name.toUpperCase(),
    ),
    allowAnonymous: valueFor('millrace.allow.anonymous') === true,
  })
}

function effectNotes(final: ReadonlyMap<string, ConfigEntry>): string[] {
  return [...final.values()]
    .filter(({ name }) => !isHonoured(name))
    .map(({ name, origin }) =>
      placeOf(name) === 'removed'
        ? `${name} (${origin}) is of Kafka before 4.0 and has no effect`
        : `${name} (${origin}) is known and has no effect here`,
    )
}
