import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BrokerConfig } from './broker-config.ts'
import { brokerSettings } from './broker-settings.ts'
import { brokerDefs, brokerQuotaDefs } from './config-defs.ts'
import { isConfigRefusal } from './config-operations.ts'
import { brokerConfigOf } from './load-broker-config.ts'

const described = (config: BrokerConfig, name: string) => {
  const entry = config.describe().find(each => each.name === name)
  assert.ok(entry, `${name} is not described`)
  return entry
}
const synonymsOf = (config: BrokerConfig, name: string) =>
  described(config, name).synonyms.map(({ name, value, source }) => `${name}=${value}@${source}`)

test('all 349 configurations are described, with their types and modes', () => {
  const all = brokerConfigOf().describe()
  assert.equal(all.length, 349)
  assert.equal(all.filter(entry => entry.isReadOnly).length, 248)
  assert.equal(all.filter(entry => entry.isSensitive).length, 10)
  assert.deepEqual(described(brokerConfigOf(), 'log.cleaner.io.max.bytes.per.second'), {
    name: 'log.cleaner.io.max.bytes.per.second',
    value: '1.7976931348623157E308',
    source: 5,
    isDefault: true,
    isSensitive: false,
    isReadOnly: false,
    type: 6,
    synonyms: [{ name: 'log.cleaner.io.max.bytes.per.second', value: '1.7976931348623157E308', source: 5 }],
  })
})

test('every setting that code reads has a value of its kind', () => {
  const config = brokerConfigOf()
  for (const [key, setting] of Object.entries(brokerSettings)) {
    const { kind, from } = setting
    for (const word of 'words' in setting ? setting.words : []) {
      assert.equal(brokerDefs.get(from[0]![0])!.refuse(word, word), undefined, word)
    }
    const value: unknown = config[key as keyof typeof brokerSettings]
    for (const [name] of from) assert.ok(brokerDefs.has(name), name)
    if (kind === 'list') assert.ok(Array.isArray(value), key)
    else if (kind === 'stringOrNull') assert.ok(value === null || typeof value === 'string', key)
    else assert.equal(typeof value, kind, key)
  }
})

// The answers of Apache Kafka 4.3.1 after the same changes.
test('synonyms go from the strongest source to the default, beginning with the name itself', () => {
  const config = brokerConfigOf({ 'log.retention.hours': '24', 'log.cleanup.policy': 'compact' })
  assert.deepEqual(synonymsOf(config, 'log.retention.ms'), [])
  assert.deepEqual(synonymsOf(config, 'log.retention.hours'), ['log.retention.hours=24@4', 'log.retention.hours=168@5'])
  for (const scope of ['broker', 'cluster'] as const) {
    assert.equal(config.setDynamic(scope, 'log.retention.ms', '700000'), undefined)
    assert.equal(config.setDynamic(scope, 'log.cleanup.policy', 'delete'), undefined)
    assert.equal(config.setDynamic(scope, 'log.flush.interval.ms', '1000'), undefined)
  }
  assert.deepEqual(synonymsOf(config, 'log.retention.ms'), [
    'log.retention.ms=700000@2',
    'log.retention.ms=700000@3',
    'log.retention.hours=24@4',
    'log.retention.hours=168@5',
  ])
  assert.deepEqual(synonymsOf(config, 'log.flush.interval.ms'), [
    'log.flush.interval.ms=1000@2',
    'log.flush.interval.ms=1000@3',
    'log.flush.scheduler.interval.ms=9223372036854775807@5',
  ])
  assert.deepEqual(synonymsOf(config, 'log.cleanup.policy'), [
    'log.cleanup.policy=delete@2',
    'log.cleanup.policy=delete@3',
    'log.cleanup.policy=compact@4',
    'log.cleanup.policy=delete@5',
  ])
  assert.deepEqual(
    config.describeCluster().map(({ name, source, synonyms }) => [name, source, synonyms.length]),
    [
      ['log.retention.ms', 3, 1],
      ['log.cleanup.policy', 3, 1],
      ['log.flush.interval.ms', 3, 1],
    ],
  )
})

test('dynamic values are refused in Kafka’s words', () => {
  const config = brokerConfigOf()
  const refusal = (scope: 'broker' | 'cluster', name: string, value: string) => config.setDynamic(scope, name, value)
  const invalid = (message: string) => ({ error: 'INVALID_REQUEST', message })
  assert.deepEqual(
    refusal('broker', 'log.segment.bytes', '1'),
    invalid('Invalid value 1 for configuration log.segment.bytes: Value must be at least 1048576'),
  )
  assert.deepEqual(
    refusal('cluster', 'log.retention.hours', '5'),
    invalid('Cannot update these configs dynamically: [log.retention.hours]'),
  )
  assert.deepEqual(
    refusal('broker', 'ssl.keystore.password', 'secret'),
    invalid(
      'These security configs can be dynamically updated only per-listener using the listener prefix: [ssl.keystore.password]',
    ),
  )
  assert.deepEqual(
    refusal('cluster', 'principal.builder.class', 'x'),
    invalid(
      'Cannot update these configs at default cluster level, broker id must be specified: [principal.builder.class]',
    ),
  )
  assert.deepEqual(
    refusal('cluster', 'log.roll.ms', '0'),
    invalid('requirement failed: log.roll.ms must be greater than or equal to 1'),
  )
  assert.match(
    refusal('broker', 'max.connections.per.ip.overrides', 'x')!.message,
    /^Error parsing configuration property 'max.connections.per.ip.overrides'/,
  )
  assert.deepEqual(config.planDynamic('broker', [{ operation: 'APPEND', name: 'log.segment.bytes', value: '1' }]), {
    error: 'INVALID_CONFIG',
    message: 'Config value append is not allowed for config key: log.segment.bytes',
  })
  assert.equal(config.dynamic('broker').size, 0)
})

test('deleting what is not set, or cannot be set, is no error', () => {
  assert.equal(brokerConfigOf().setDynamic('broker', 'num.partitions', null), undefined)
})

test('a list grows from its default and from what is set', () => {
  const config = brokerConfigOf()
  const append = (value: string) => {
    const next = config.planDynamic('broker', [{ operation: 'APPEND', name: 'log.cleanup.policy', value }])
    assert.ok(!isConfigRefusal(next))
    config.applyDynamic('broker', next)
    return config.logCleanupPolicy
  }
  assert.deepEqual(append('compact'), ['delete', 'compact'])
  assert.deepEqual(append('compact'), ['delete', 'compact'])
})

test('a change reaches the properties first and the observers after', () => {
  const config = brokerConfigOf({ 'max.connections': '9' })
  const seen: unknown[] = []
  const end = config.onChange(changed => seen.push([...changed], config.maxConnections))
  config.setDynamic('cluster', 'max.connections', '50')
  config.setDynamic('broker', 'max.connections', '60')
  config.setDynamic('broker', 'max.connections', '60')
  config.setDynamic('broker', 'max.connections', null)
  config.setDynamic('cluster', 'max.connections', null)
  end()
  config.setDynamic('broker', 'max.connections', '1')
  const name = ['max.connections']
  assert.deepEqual(seen, [name, 50, name, 60, name, 50, name, 9])
})

test('a name that nobody defines is kept, hidden and read-only, in bounded number', () => {
  const config = brokerConfigOf()
  assert.equal(config.setDynamic('broker', 'nosuch', 'secret'), undefined)
  const { value, isSensitive, isReadOnly, type, source } = described(config, 'nosuch')
  assert.deepEqual(
    { value, isSensitive, isReadOnly, type, source },
    { value: null, isSensitive: true, isReadOnly: true, type: 0, source: 2 },
  )
  const many = Array.from({ length: 101 }, (_, at) => ({ operation: 'SET' as const, name: `n${at}`, value: '' }))
  assert.ok(isConfigRefusal(config.planDynamic('broker', many)))
})

test('replication rates exist only once they are set', () => {
  const config = brokerConfigOf()
  for (const name of brokerQuotaDefs.keys()) assert.equal(config.setDynamic('cluster', name, '1000'), undefined)
  assert.equal(config.describe().length, 352)
  assert.deepEqual(synonymsOf(config, 'leader.replication.throttled.rate'), [
    'leader.replication.throttled.rate=1000@3',
  ])
})

test('a stored value that is no longer legal is left out', () => {
  const config = brokerConfigOf()
  config.applyDynamic(
    'cluster',
    new Map([
      ['max.connections', 'many'],
      ['log.segment.bytes', ' 2097152 '],
    ]),
  )
  assert.equal(config.maxConnections, 2147483647)
  assert.equal(config.text('log.segment.bytes'), '2097152')
})
