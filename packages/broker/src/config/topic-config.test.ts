import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ConfigOperationType, isConfigRefusal } from './config-operations.ts'
import { brokerConfigOf } from './load-broker-config.ts'
import { alterTopicConfigs, resolveTopicConfig, shownTopicDefs, validateTopicConfigs } from './topic-config.ts'

const overrides = (values: Record<string, string>) => new Map(Object.entries(values))
const refusal = (values: Record<string, string>) => validateTopicConfigs(overrides(values))?.message

test('a topic without overrides has Kafka’s defaults', () => {
  const config = resolveTopicConfig(new Map(), brokerConfigOf())
  assert.equal(Object.keys(config).length, 36)
  assert.equal(shownTopicDefs.length, 36)
  assert.ok(Object.values(config).every(value => value !== null && value !== undefined))
  assert.deepEqual(config.cleanupPolicy, ['delete'])
  assert.equal(config.maxMessageBytes, 1048588)
  assert.equal(config.retentionMs, 604800000)
  assert.equal(config.segmentMs, 604800000)
  assert.equal(config.flushMs, Number.MAX_SAFE_INTEGER)
  assert.equal(config.preallocate, false)
  assert.equal(config.minCleanableDirtyRatio, 0.5)
})

test('the broker’s settings reach the topic in the topic’s unit, and an override beats them', () => {
  const broker = brokerConfigOf({
    'log.retention.hours': '24',
    'log.roll.hours': '2',
    'log.segment.bytes': '2097152',
    'message.max.bytes': '5',
    'log.flush.scheduler.interval.ms': '77',
    'compression.type': 'zstd',
  })
  const inherited = resolveTopicConfig(new Map(), broker)
  assert.equal(inherited.retentionMs, 86_400_000)
  assert.equal(inherited.segmentMs, 7_200_000)
  assert.equal(inherited.segmentBytes, 2097152)
  assert.equal(inherited.maxMessageBytes, 5)
  assert.equal(inherited.flushMs, 77)
  assert.equal(inherited.compressionType, 'zstd')
  const own = resolveTopicConfig(overrides({ 'retention.ms': ' 5000 ', 'cleanup.policy': 'compact,compact' }), broker)
  assert.equal(own.retentionMs, 5000)
  assert.deepEqual(own.cleanupPolicy, ['compact'])
})

test('a dynamic setting of the broker reaches topics that are resolved after it', () => {
  const broker = brokerConfigOf()
  broker.setDynamic('cluster', 'log.retention.ms', '9')
  assert.equal(resolveTopicConfig(new Map(), broker).retentionMs, 9)
})

test('an empty cleanup policy is legal', () => {
  assert.equal(refusal({ 'cleanup.policy': '' }), undefined)
  assert.deepEqual(resolveTopicConfig(overrides({ 'cleanup.policy': '' }), brokerConfigOf()).cleanupPolicy, [])
})

test('illegal topics are refused in Kafka’s words', () => {
  assert.equal(refusal({ nosuch: '1' }), 'Unknown topic config name: nosuch')
  assert.equal(refusal({ 'message.format.version': '2.0' }), 'Unknown topic config name: message.format.version')
  assert.equal(
    refusal({ 'min.compaction.lag.ms': '100', 'max.compaction.lag.ms': '50' }),
    'conflict topic config setting min.compaction.lag.ms (100) > max.compaction.lag.ms (50)',
  )
  assert.equal(
    refusal({ 'remote.storage.enable': 'true' }),
    'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.',
  )
  assert.equal(
    refusal({ 'leader.replication.throttled.replicas': 'abc' }),
    'Invalid value [abc] for configuration leader.replication.throttled.replicas: leader.replication.throttled.replicas ' +
      "must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...",
  )
})

test('legal oddities that Kafka takes are taken', () => {
  const odd = [
    { 'leader.replication.throttled.replicas': '*' },
    { 'follower.replication.throttled.replicas': '0:1,0:1' },
    { 'remote.log.copy.disable': 'true' },
    { 'local.retention.ms': '100', 'retention.ms': '50' },
    { 'retention.ms': '1000', 'segment.ms': '5000' },
    { 'internal.segment.bytes': '1000' },
  ]
  for (const values of odd) assert.equal(refusal(values as unknown as Record<string, string>), undefined)
  assert.equal(resolveTopicConfig(overrides({ 'internal.segment.bytes': '1000' }), brokerConfigOf()).segmentBytes, 1000)
})

type Op = readonly [ConfigOperationType, string, string | null]
const alter = (current: Record<string, string>, ...operations: readonly Op[]) => {
  const next = alterTopicConfigs(
    overrides(current),
    operations.map(([operation, name, value]) => ({ operation, name, value })),
  )
  return isConfigRefusal(next) ? `${next.error}: ${next.message}` : Object.fromEntries(next)
}

test('operations change what is set, and lists start from Kafka’s default', () => {
  assert.deepEqual(alter({}, ['SET', 'retention.ms', '5'], ['APPEND', 'cleanup.policy', 'compact']), {
    'retention.ms': '5',
    'cleanup.policy': 'delete,compact',
  })
  assert.deepEqual(alter({ 'cleanup.policy': 'compact,delete' }, ['APPEND', 'cleanup.policy', 'delete']), {
    'cleanup.policy': 'compact,delete',
  })
  assert.deepEqual(alter({ 'cleanup.policy': 'delete' }, ['SUBTRACT', 'cleanup.policy', 'delete']), {
    'cleanup.policy': '',
  })
  assert.deepEqual(alter({}, ['SUBTRACT', 'cleanup.policy', 'compact']), { 'cleanup.policy': 'delete' })
  assert.deepEqual(alter({ 'cleanup.policy': '' }, ['APPEND', 'cleanup.policy', 'delete']), {
    'cleanup.policy': 'delete',
  })
  assert.deepEqual(alter({ 'retention.ms': '5' }, ['DELETE', 'retention.ms', null], ['DELETE', 'nosuch', null]), {})
})

test('wrong operations are refused with Kafka’s error and words', () => {
  const name = 'segment.bytes'
  assert.equal(
    alter({}, ['APPEND', name, '5']),
    `INVALID_CONFIG: Can't APPEND to key ${name} because its type is not LIST.`,
  )
  assert.equal(
    alter({}, ['SUBTRACT', 'nosuch', '5']),
    "INVALID_CONFIG: Can't SUBTRACT to key nosuch because its type is not LIST.",
  )
  assert.equal(alter({}, ['SET', 'nosuch', '5']), 'INVALID_CONFIG: Unknown topic config name: nosuch')
  assert.equal(alter({}, ['SET', name, null]), `INVALID_REQUEST: Null value not supported for : ${name}`)
  assert.equal(
    alter({}, ['SET', name, '3000000'], ['DELETE', name, null]),
    'INVALID_REQUEST: Error due to duplicate config keys',
  )
  assert.equal(
    alter({}, ['APPEND', 'cleanup.policy', 'x']),
    'INVALID_CONFIG: Invalid value x for configuration cleanup.policy: String must be one of: compact, delete',
  )
})

test('an override that is not legal, as another version may have stored it, counts as not set', () => {
  const stored = overrides({ 'retention.ms': 'soon', 'segment.bytes': '1', nosuch: '1', 'flush.messages': '1' })
  const config = resolveTopicConfig(stored, brokerConfigOf())
  assert.equal(config.retentionMs, 604800000)
  assert.equal(config.segmentBytes, 1073741824)
  assert.equal(config.flushMessages, 1)
})
