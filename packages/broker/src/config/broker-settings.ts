// The broker's settings under the names that code uses. A row says which configuration gives the value; BrokerConfig
// carries them as plain properties, so that reading one on a hot path is a property load.
import type { ConfigValue } from './config-def.ts'

type Kind = 'number' | 'boolean' | 'string' | 'stringOrNull' | 'list'
interface Setting<K extends Kind = Kind> {
  readonly kind: K
  /** Names in order of precedence, each with the factor that brings it to the setting's unit. */
  readonly from: readonly (readonly [name: string, factor: number])[]
}

const setting =
  <K extends Kind>(kind: K) =>
  (name: string): Setting<K> => ({ kind, from: [[name, 1]] })
const number = setting('number')
const boolean = setting('boolean')
const string = setting('string')
const stringOrNull = setting('stringOrNull')
const list = setting('list')
const word = <const W extends string>(name: string, words: readonly W[]) => ({ ...string(name), words })
const firstOf = (from: Record<string, number>): Setting<'number'> => ({ kind: 'number', from: Object.entries(from) })

const minuteMs = 60_000
const hourMs = 60 * minuteMs

export const brokerSettings = {
  nodeId: number('node.id'),
  nodeCount: number('millrace.nodes'),
  brokerRack: stringOrNull('broker.rack'),

  numPartitions: number('num.partitions'),
  defaultReplicationFactor: number('default.replication.factor'),
  autoCreateTopicsEnable: boolean('auto.create.topics.enable'),
  deleteTopicEnable: boolean('delete.topic.enable'),
  minInsyncReplicas: number('min.insync.replicas'),
  messageMaxBytes: number('message.max.bytes'),
  fetchMaxBytes: number('fetch.max.bytes'),
  maxIncrementalFetchSessionCacheSlots: number('max.incremental.fetch.session.cache.slots'),
  maxRequestPartitionSizeLimit: number('max.request.partition.size.limit'),

  socketRequestMaxBytes: number('socket.request.max.bytes'),
  socketListenBacklogSize: number('socket.listen.backlog.size'),
  maxConnections: number('max.connections'),
  maxConnectionsPerIp: number('max.connections.per.ip'),
  connectionsMaxIdleMs: number('connections.max.idle.ms'),
  queuedMaxRequests: number('queued.max.requests'),
  queuedMaxRequestBytes: number('queued.max.request.bytes'),

  groupMinSessionTimeoutMs: number('group.min.session.timeout.ms'),
  groupMaxSessionTimeoutMs: number('group.max.session.timeout.ms'),
  groupInitialRebalanceDelayMs: number('group.initial.rebalance.delay.ms'),
  groupMaxSize: number('group.max.size'),
  offsetMetadataMaxBytes: number('offset.metadata.max.bytes'),
  offsetsRetentionMinutes: number('offsets.retention.minutes'),
  offsetsRetentionCheckIntervalMs: number('offsets.retention.check.interval.ms'),
  producerIdExpirationMs: number('producer.id.expiration.ms'),

  transactionMaxTimeoutMs: number('transaction.max.timeout.ms'),
  transactionalIdExpirationMs: number('transactional.id.expiration.ms'),
  transactionAbortTimedOutTransactionCleanupIntervalMs: number(
    'transaction.abort.timed.out.transaction.cleanup.interval.ms',
  ),
  transactionRemoveExpiredTransactionCleanupIntervalMs: number(
    'transaction.remove.expired.transaction.cleanup.interval.ms',
  ),
  transactionPartitionVerificationEnable: boolean('transaction.partition.verification.enable'),
  addPartitionsToTxnRetryBackoffMaxMs: number('add.partitions.to.txn.retry.backoff.max.ms'),

  logRetentionCheckIntervalMs: number('log.retention.check.interval.ms'),
  logFlushSchedulerIntervalMs: number('log.flush.scheduler.interval.ms'),
  logFlushOffsetCheckpointIntervalMs: number('log.flush.offset.checkpoint.interval.ms'),
  logFlushStartOffsetCheckpointIntervalMs: number('log.flush.start.offset.checkpoint.interval.ms'),
  logRetentionMs: firstOf({ 'log.retention.ms': 1, 'log.retention.minutes': minuteMs, 'log.retention.hours': hourMs }),
  logRetentionBytes: number('log.retention.bytes'),
  logRollMs: firstOf({ 'log.roll.ms': 1, 'log.roll.hours': hourMs }),
  logRollJitterMs: firstOf({ 'log.roll.jitter.ms': 1, 'log.roll.jitter.hours': hourMs }),
  logSegmentBytes: number('log.segment.bytes'),
  logIndexSizeMaxBytes: number('log.index.size.max.bytes'),
  logIndexIntervalBytes: number('log.index.interval.bytes'),
  logFlushIntervalMessages: number('log.flush.interval.messages'),
  logFlushIntervalMs: firstOf({ 'log.flush.interval.ms': 1, 'log.flush.scheduler.interval.ms': 1 }),
  logSegmentDeleteDelayMs: number('log.segment.delete.delay.ms'),
  logCleanerEnable: boolean('log.cleaner.enable'),
  logCleanerThreads: number('log.cleaner.threads'),
  logCleanerBackoffMs: number('log.cleaner.backoff.ms'),
  logCleanerDedupeBufferSize: number('log.cleaner.dedupe.buffer.size'),
  logCleanerIoBufferSize: number('log.cleaner.io.buffer.size'),
  logCleanerIoBufferLoadFactor: number('log.cleaner.io.buffer.load.factor'),
  logCleanerIoMaxBytesPerSecond: number('log.cleaner.io.max.bytes.per.second'),
  logPreallocate: boolean('log.preallocate'),
  logCleanupPolicy: list('log.cleanup.policy'),
  logMessageTimestampType: word('log.message.timestamp.type', ['CreateTime', 'LogAppendTime']),
  logMessageTimestampBeforeMaxMs: number('log.message.timestamp.before.max.ms'),
  logMessageTimestampAfterMaxMs: number('log.message.timestamp.after.max.ms'),
  compressionType: word('compression.type', ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer']),
  compressionGzipLevel: number('compression.gzip.level'),
  compressionLz4Level: number('compression.lz4.level'),
  compressionZstdLevel: number('compression.zstd.level'),

  adminListener: stringOrNull('millrace.admin.listener'),
  allowAnonymous: boolean('millrace.allow.anonymous'),
  isDurable: boolean('millrace.durable'),
  logFormat: word('millrace.log.format', ['auto', 'text', 'json']),
  logLevel: word('millrace.log.level', ['debug', 'info', 'warn', 'error']),
  shutdownTimeoutMs: number('millrace.shutdown.timeout.ms'),
  storage: word('millrace.storage', ['disk', 'memory']),
} as const satisfies Record<string, Setting>

interface ValueByKind {
  readonly number: number
  readonly boolean: boolean
  readonly string: string
  readonly stringOrNull: string | null
  readonly list: readonly string[]
}
type Settings = typeof brokerSettings
type ValueOf<S extends Setting> = S extends { readonly words: readonly (infer W)[] } ? W : ValueByKind[S['kind']]
export interface BrokerSettings extends Readonly<{ [K in keyof Settings]: ValueOf<Settings[K]> }> {}

/** Reads every setting through `valueFor`, which gives the effective value of a configuration, or null where it has none. */
export function readBrokerSettings(valueFor: (name: string) => ConfigValue | null): BrokerSettings {
  const entries = Object.entries<Setting>(brokerSettings).map(([key, { kind, from }]) => {
    const value = firstValue(from, valueFor)
    return [key, kind === 'stringOrNull' && value === '' ? null : value]
  })
  // The table's kinds are the types of the definitions, which a test holds together.
  return Object.fromEntries(entries) as unknown as BrokerSettings
}

function firstValue(from: Setting['from'], valueFor: (name: string) => ConfigValue | null): ConfigValue | null {
  for (const [name, factor] of from) {
    const value = valueFor(name)
    if (value !== null) return typeof value === 'number' ? scaled(value, factor) : value
  }
  return null
}

/** Negative means "without limit", in whatever unit: it is -1 in all of them. */
const scaled = (value: number, factor: number): number => (value < 0 && factor > 1 ? -1 : value * factor)
