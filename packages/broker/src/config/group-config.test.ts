import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alterClientMetricsConfigs } from './client-metrics-config.ts'
import { type ConfigOperation, type ConfigOverrides, type ConfigRefusal, isConfigRefusal } from './config-operations.ts'
import { alterGroupConfigs } from './group-config.ts'
import { brokerConfigOf } from './load-broker-config.ts'

const broker = brokerConfigOf()
const outcome = (next: ConfigOverrides | ConfigRefusal) =>
  isConfigRefusal(next) ? `${next.error}: ${next.message}` : Object.fromEntries(next)
const op = (name: string, value: string, operation: ConfigOperation['operation'] = 'SET') => [
  { operation, name, value },
]
const group = (...args: Parameters<typeof op>) => outcome(alterGroupConfigs(new Map(), op(...args), broker))
const metrics = (...args: Parameters<typeof op>) => outcome(alterClientMetricsConfigs(new Map(), op(...args)))

// The answers of Apache Kafka 4.3.1.
test('a group’s values stay within the broker’s bounds', () => {
  const name = 'consumer.session.timeout.ms'
  assert.deepEqual(group(name, '46000'), { [name]: '46000' })
  assert.equal(
    group(name, '1'),
    `INVALID_CONFIG: ${name} must be greater than or equal to group.consumer.min.session.timeout.ms`,
  )
  assert.equal(
    group(name, '70000'),
    `INVALID_CONFIG: ${name} must be less than or equal to group.consumer.max.session.timeout.ms`,
  )
  assert.equal(group(name, '0'), `INVALID_CONFIG: Invalid value 0 for configuration ${name}: Value must be at least 1`)
  assert.equal(
    group('streams.num.standby.replicas', '3'),
    'INVALID_CONFIG: streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas',
  )
  assert.equal(group('nosuch', '1'), 'INVALID_CONFIG: Unknown group config name: nosuch')
  assert.equal(group(name, '5', 'APPEND'), `INVALID_CONFIG: Can't APPEND to key ${name} because its type is not LIST.`)
})

test('where a share group begins is a word or a duration', () => {
  const name = 'share.auto.offset.reset'
  for (const value of ['earliest', 'latest', 'by_duration:PT1H', 'by_duration:P1DT0.5S']) {
    assert.deepEqual(group(name, value), { [name]: value })
  }
  assert.equal(
    group(name, 'x'),
    `INVALID_CONFIG: Invalid value x for configuration ${name}: Invalid value \`x\` for configuration ${name}. The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.`,
  )
  for (const value of ['by_duration:', 'by_duration:P', 'by_duration:PT', 'by_duration:1h']) {
    assert.match(String(group(name, value)), /^INVALID_CONFIG/)
  }
})

test('a metrics subscription is checked', () => {
  assert.deepEqual(metrics('metrics', 'a,b'), { metrics: 'a,b' })
  assert.deepEqual(metrics('match', 'client_id=.*,client_software_name=a'), {
    match: 'client_id=.*,client_software_name=a',
  })
  assert.equal(
    metrics('interval.ms', '99'),
    'INVALID_REQUEST: Invalid value 99 for interval.ms, interval must be between 100 and 3600000 (1 hour)',
  )
  assert.equal(
    metrics('interval.ms', 'abc'),
    'INVALID_CONFIG: Invalid value abc for configuration interval.ms: Not a number of type INT',
  )
  assert.equal(metrics('metrics', 'a,'), "INVALID_CONFIG: Configuration 'metrics' values must not be empty.")
  for (const bad of ['x', 'client_id=[', 'foo=bar']) {
    assert.equal(metrics('match', bad), `INVALID_CONFIG: Illegal client matching pattern: ${bad}`)
  }
  assert.equal(metrics('nosuch', '1'), 'INVALID_REQUEST: Unknown client metrics configuration: nosuch')
  assert.equal(
    metrics('metrics', 'c', 'APPEND'),
    "INVALID_CONFIG: Can't APPEND to key metrics because its type is not LIST.",
  )
})
