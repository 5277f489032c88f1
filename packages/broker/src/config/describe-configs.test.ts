import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DescribedConfig } from './broker-config.ts'
import { describeClientMetricsConfig, describeGroupConfig, describeTopicConfig } from './describe-configs.ts'
import { brokerConfigOf } from './load-broker-config.ts'

const shown = (entries: readonly DescribedConfig[], name: string) => {
  const entry = entries.find(each => each.name === name)
  assert.ok(entry, `${name} is not described`)
  const synonyms = entry.synonyms.map(synonym => `${synonym.name}=${synonym.value}@${synonym.source}`)
  return [entry.value, entry.source, ...synonyms]
}

// The answers of Apache Kafka 4.3.1 to the same settings.
test('a topic’s values say where they come from', () => {
  const broker = brokerConfigOf({ 'log.retention.hours': '24', 'log.cleanup.policy': 'compact' })
  const plain = describeTopicConfig(new Map(), broker)
  assert.equal(plain.length, 36)
  assert.deepEqual(shown(plain, 'cleanup.policy'), [
    'compact',
    4,
    'log.cleanup.policy=compact@4',
    'log.cleanup.policy=delete@5',
  ])
  assert.deepEqual(shown(plain, 'max.message.bytes'), ['1048588', 5, 'message.max.bytes=1048588@5'])
  // Kafka looks through the finest unit alone, so hours change the value and not its source.
  assert.deepEqual(shown(plain, 'retention.ms'), ['86400000', 5])
  assert.deepEqual(shown(plain, 'segment.ms'), ['604800000', 5])
  assert.deepEqual(shown(plain, 'flush.ms'), ['9223372036854775807', 5])
  assert.deepEqual(shown(plain, 'remote.storage.enable'), ['false', 5])

  broker.setDynamic('broker', 'log.retention.ms', '700000')
  broker.setDynamic('cluster', 'log.retention.ms', '700000')
  const own = describeTopicConfig(
    new Map([
      ['retention.ms', ' 5000 '],
      ['cleanup.policy', ''],
    ]),
    broker,
  )
  assert.deepEqual(shown(own, 'retention.ms'), [
    '5000',
    1,
    'retention.ms=5000@1',
    'log.retention.ms=700000@2',
    'log.retention.ms=700000@3',
    'log.retention.hours=24@4',
    'log.retention.hours=168@5',
  ])
  assert.deepEqual(shown(own, 'cleanup.policy'), [
    '',
    1,
    'cleanup.policy=@1',
    'log.cleanup.policy=compact@4',
    'log.cleanup.policy=delete@5',
  ])
})

test('a group takes its values from the broker’s', () => {
  const entries = describeGroupConfig(new Map([['consumer.heartbeat.interval.ms', '6000']]), brokerConfigOf())
  assert.equal(entries.length, 21)
  assert.deepEqual(shown(entries, 'consumer.session.timeout.ms'), [
    '45000',
    5,
    'group.consumer.session.timeout.ms=45000@5',
  ])
  assert.deepEqual(shown(entries, 'share.auto.offset.reset'), ['latest', 5, 'share.auto.offset.reset=latest@5'])
  assert.deepEqual(shown(entries, 'consumer.heartbeat.interval.ms').slice(0, 3), [
    '6000',
    8,
    'consumer.heartbeat.interval.ms=6000@8',
  ])
})

test('client metrics show their defaults', () => {
  const entries = describeClientMetricsConfig(new Map([['interval.ms', '1000']]))
  assert.deepEqual(shown(entries, 'interval.ms'), ['1000', 7, 'interval.ms=1000@7'])
  assert.deepEqual(shown(entries, 'match'), ['', 5])
})
