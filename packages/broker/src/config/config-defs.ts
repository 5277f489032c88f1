// The tables of definitions: Kafka's, with the few defaults that differ here, and Millrace's own under `millrace.`.
import { type ConfigDef, type ConfigDefRow, configDefs } from './config-def.ts'
import brokerRows from './data/broker-configs.json' with { type: 'json' }
import brokerQuotaRows from './data/broker-quota-configs.json' with { type: 'json' }
import clientMetricsRows from './data/client-metrics-configs.json' with { type: 'json' }
import groupRows from './data/group-configs.json' with { type: 'json' }
import topicRows from './data/topic-configs.json' with { type: 'json' }

/** Where Millrace's default is not Kafka's; docs/decisions/0003-configuration-defaults.md says why. */
export const ownDefaults: Readonly<Record<string, string>> = {
  listeners: 'PLAINTEXT://localhost:9092',
  'log.dir': 'millrace-data',
  'node.id': '1',
  'broker.id': '1',
  'process.roles': 'broker',
}

const ownRows: readonly ConfigDefRow[] = [
  { name: 'millrace.admin.listener', type: 'STRING', default: null },
  { name: 'millrace.allow.anonymous', type: 'BOOLEAN', default: 'false' },
  { name: 'millrace.durable', type: 'BOOLEAN', default: 'false' },
  { name: 'millrace.log.format', type: 'STRING', default: 'auto', accepts: 'one of auto, text, json' },
  { name: 'millrace.log.level', type: 'STRING', default: 'info', accepts: 'one of debug, info, warn, error' },
  { name: 'millrace.nodes', type: 'INT', default: '1', accepts: '1..64' },
  { name: 'millrace.shutdown.timeout.ms', type: 'INT', default: '3000', accepts: '0..600000' },
  { name: 'millrace.storage', type: 'STRING', default: 'disk', accepts: 'one of disk, memory' },
]

/** Kafka changes these while it runs; here sockets are opened once, at the start. */
const fixedAtStart = new Set(['listeners', 'listener.security.protocol.map'])

/** The broker configurations that Kafka defines, in its order. */
export const kafkaBrokerDefs: ReadonlyMap<string, ConfigDef> = configDefs(
  brokerRows.map(row => ({
    ...row,
    default: ownDefaults[row.name] ?? row.default,
    ...(fixedAtStart.has(row.name) && { update: 'read-only' }),
  })),
)
export const ownBrokerDefs: ReadonlyMap<string, ConfigDef> = configDefs(ownRows)
/** Rates that exist only as dynamic settings of a broker. */
export const brokerQuotaDefs: ReadonlyMap<string, ConfigDef> = configDefs(
  brokerQuotaRows.map(row => ({ ...row, update: 'cluster-wide' })),
)
export const brokerDefs: ReadonlyMap<string, ConfigDef> = new Map([...kafkaBrokerDefs, ...ownBrokerDefs])
export const topicDefs: ReadonlyMap<string, ConfigDef> = configDefs(topicRows)
export const groupDefs: ReadonlyMap<string, ConfigDef> = configDefs(groupRows)
export const clientMetricsDefs: ReadonlyMap<string, ConfigDef> = configDefs(clientMetricsRows)

/** `listener.name.NAME.CONFIG` sets CONFIG for one listener: the CONFIG, or undefined for any other name. */
export const listenerOverrideBase = (name: string): string | undefined =>
  name.match(/^listener\.name\.[^.]+\.(.+)$/)?.[1]

/** The definition behind a broker configuration's name, one listener's override included. */
export function brokerDefOf(name: string): ConfigDef | undefined {
  const direct = brokerDefs.get(name) ?? brokerQuotaDefs.get(name)
  if (direct) return direct
  const base = brokerDefs.get(listenerOverrideBase(name) ?? '')
  return base && { ...base, name }
}

const timeSynonyms = [
  ['log.roll.ms', 'log.roll.hours'],
  ['log.roll.jitter.ms', 'log.roll.jitter.hours'],
  ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
] as const

/** Names whose values decide the value of a broker configuration, in order of precedence. */
export function brokerSynonyms(name: string): readonly string[] {
  if (name === 'log.flush.interval.ms') return [name, 'log.flush.scheduler.interval.ms']
  const time = timeSynonyms.find(group => (group as readonly string[]).includes(name))
  const base = listenerOverrideBase(name)
  return time ?? (base === undefined ? [name] : [name, base])
}
