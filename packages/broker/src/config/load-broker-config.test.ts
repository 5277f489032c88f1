import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { brokerConfigOf, isConfigProblems, type LoadOptions, loadBrokerConfig } from './load-broker-config.ts'

const loaded = (options: LoadOptions) => {
  const outcome = loadBrokerConfig(options)
  assert.ok(!isConfigProblems(outcome), JSON.stringify(outcome))
  return outcome
}
const problems = (options: LoadOptions) => {
  const outcome = loadBrokerConfig(options)
  assert.ok(isConfigProblems(outcome), 'not refused')
  return outcome.map(({ message }) => message)
}
function withFile<T>(text: string, use: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-config-'))
  try {
    const path = join(folder, 'server.properties')
    writeFileSync(path, text)
    return use(path)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('without any source the broker listens on loopback and keeps its data beside the user', () => {
  const config = loaded({})
  assert.deepEqual(config.listenerPlan.listeners, [
    { name: 'PLAINTEXT', host: 'localhost', port: 9092, securityProtocol: 'PLAINTEXT' },
  ])
  assert.deepEqual(config.logDirs, ['millrace-data'])
  assert.equal(config.nodeId, 1)
  assert.equal(config.groupInitialRebalanceDelayMs, 3000)
  assert.equal(config.logRetentionMs, 7 * 24 * 3_600_000)
  assert.equal(config.adminListener, null)
  assert.deepEqual(config.notes, [])
})

test('--set beats the environment, which beats the file, in which the last line wins', () => {
  withFile('num.partitions=2\nnum.partitions=3\nlog.dirs=/a,/b\nmax.connections=7\n', file => {
    assert.equal(loaded({ file }).numPartitions, 3)
    const env = { MILLRACE_NUM_PARTITIONS: '4', MILLRACE_ADMIN_LISTENER: 'localhost:0', HOME: '/' }
    assert.equal(loaded({ file, env }).numPartitions, 4)
    const config = loaded({ file, env, set: ['num.partitions=5', 'num.partitions=6'] })
    assert.equal(config.numPartitions, 6)
    assert.equal(config.maxConnections, 7)
    assert.equal(config.adminListener, 'localhost:0')
    assert.deepEqual(config.logDirs, ['/a', '/b'])
  })
})

test('everything that is wrong is listed with the place where it stands', () => {
  withFile('# mine\nlog.segment.byte=5\nnum.partitions=0\n', file => {
    assert.deepEqual(problems({ file, set: ['zork', 'preallocate=true'], env: { MILLRACE_NUM_PARTITION: '1' } }), [
      'Unknown environment variable MILLRACE_NUM_PARTITION: did you mean MILLRACE_NUM_PARTITIONS?',
      '--set zork: the form is --set name=value',
      `${file}:2: Unknown configuration log.segment.byte: did you mean log.segment.bytes?`,
      `${file}:3: Invalid value 0 for configuration num.partitions: Value must be at least 1`,
      "--set preallocate: preallocate is a topic's configuration: for all topics it is log.preallocate",
    ])
  })
})

test('a file that is not there is a problem of one sentence', () => {
  assert.deepEqual(problems({ file: 'nowhere.properties' }), [
    'Cannot read the configuration file nowhere.properties: there is no such file',
  ])
})

test('a configuration that means nothing here is accepted with one line', () => {
  const config = loaded({
    set: ['num.network.threads=3', 'zookeeper.connect=x', 'listener.name.plaintext.max.connections=3'],
  })
  assert.deepEqual(config.notes, [
    'num.network.threads (--set num.network.threads) is known and has no effect here',
    'zookeeper.connect (--set zookeeper.connect) is of Kafka before 4.0 and has no effect',
    'listener.name.plaintext.max.connections (--set listener.name.plaintext.max.connections) is known and has no effect here',
  ])
})

test('an environment variable that resembles no setting is left alone', () => {
  assert.deepEqual(loaded({ env: { MILLRACE_X: '1' } }).notes, [
    'environment variable MILLRACE_X is no setting, and is left alone',
  ])
})

test('the variable that tells the other commands where brokers are is not taken for a setting', () => {
  assert.deepEqual(loaded({ env: { MILLRACE_BROKERS: 'localhost:9092' } }).notes, [])
})

test('the file that Kafka 4 ships starts once anonymous clients are allowed', () => {
  const text = [
    'process.roles=broker,controller',
    'node.id=1',
    'controller.quorum.bootstrap.servers=localhost:9093',
    'listeners=PLAINTEXT://:9092,CONTROLLER://:9093',
    'inter.broker.listener.name=PLAINTEXT',
    'advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093',
    'controller.listener.names=CONTROLLER',
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
    'num.network.threads=3',
    'num.io.threads=8',
    'socket.send.buffer.bytes=102400',
    'socket.request.max.bytes=104857600',
    'log.dirs=/tmp/kraft-combined-logs',
    'num.recovery.threads.per.data.dir=2',
    'offsets.topic.replication.factor=1',
    'log.retention.hours=168',
    'log.segment.bytes=1073741824',
  ].join('\n')
  withFile(text, file => {
    assert.match(problems({ file }).join('\n'), /server.properties:4: listener PLAINTEXT:\/\/:9092 can be reached/)
    const config = loaded({ file, allowAnonymous: true })
    assert.deepEqual(config.listenerPlan.advertised, [{ name: 'PLAINTEXT', host: 'localhost', port: 9092 }])
    assert.equal(config.listenerPlan.listeners.length, 1)
  })
})

test('rules between settings are checked', () => {
  assert.deepEqual(problems({ set: ['node.id=1', 'broker.id=2'] }), [
    '--set node.id: node.id and broker.id must have the same value, and are 1 and 2',
  ])
  assert.match(
    problems({ set: ['log.retention.ms=0'] })[0]!,
    /log.retention.ms must be unlimited \(-1\) or, equal or greater than 1/,
  )
  assert.match(problems({ set: ['queued.max.request.bytes=5'] })[0]!, /larger or equal to socket.request.max.bytes/)
  assert.match(problems({ set: ['max.connections.per.ip.overrides=x'] })[0]!, /x is not HOST:COUNT/)
  assert.match(
    problems({ set: ['group.consumer.session.timeout.ms=1'] })[0]!,
    /must be greater than or equal to group.consumer.min/,
  )
  assert.match(problems({ set: ['millrace.admin.listener=9644'] })[0]!, /HOST:PORT, as localhost:9644/)
  for (const open of [':9644', '0.0.0.0:9644', '[::]:9644', 'example.org:9644']) {
    assert.match(problems({ set: [`millrace.admin.listener=${open}`] })[0]!, /--allow-anonymous/)
    const allowed = loadBrokerConfig({ set: [`millrace.admin.listener=${open}`], allowAnonymous: true })
    assert.ok(!isConfigProblems(allowed))
  }
})

test('either name of the broker’s number sets both', () => {
  const config = brokerConfigOf({ 'broker.id': '7' })
  assert.equal(config.nodeId, 7)
  assert.equal(config.text('node.id'), '7')
})

test('time settings take the finest unit that is set, and negative means without limit', () => {
  assert.equal(brokerConfigOf({ 'log.retention.minutes': '2', 'log.retention.hours': '5' }).logRetentionMs, 120_000)
  assert.equal(brokerConfigOf({ 'log.retention.ms': '9', 'log.retention.minutes': '2' }).logRetentionMs, 9)
  assert.equal(brokerConfigOf({ 'log.retention.hours': '-1' }).logRetentionMs, -1)
  assert.equal(brokerConfigOf({ 'log.roll.hours': '1' }).logRollMs, 3_600_000)
})

test('a durable broker syncs each record unless the count is set', () => {
  const flushOf = (...set: string[]) => loaded({ set, durable: true }).logFlushIntervalMessages
  assert.equal(flushOf(), 1)
  assert.equal(flushOf('log.flush.interval.messages=100'), 100)
  assert.equal(loaded({ set: ['millrace.durable=true'] }).logFlushIntervalMessages, 1)
  assert(loaded({ set: [], durable: true }).isDurable)
  assert.equal(loaded({ set: [] }).logFlushIntervalMessages, Number.MAX_SAFE_INTEGER)
})
