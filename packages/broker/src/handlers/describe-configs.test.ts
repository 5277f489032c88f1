import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DescribeConfigs, type DescribeConfigsResponse, errorName } from '@millrace/protocol'
import { createTopic, startTestBroker, versionsOf, type WireClient } from '@millrace/testkit'

const TOPIC = 2
const BROKER = 4
const LOGGER = 8
const CLIENT_METRICS = 16
const GROUP = 32

type Asked = readonly [type: number, name: string, keys?: readonly string[]]

const describe = (client: WireClient, resources: readonly Asked[], fields: object = {}) =>
  client.request(DescribeConfigs, 4, {
    resources: resources.map(([resourceType, resourceName, keys]) => ({
      resourceType,
      resourceName,
      configurationKeys: keys ?? null,
    })),
    ...fields,
  })

const outcomes = ({ results }: DescribeConfigsResponse): string[] =>
  results.map(({ errorCode, errorMessage }) => `${errorName(errorCode)}: ${errorMessage}`)

test('the values of a topic and where they come from are told in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't', { configs: { 'retention.ms': '1000' } })
  for (const version of versionsOf(DescribeConfigs)) {
    const { results } = await client.request(DescribeConfigs, version, {
      resources: [{ resourceType: TOPIC, resourceName: 't', configurationKeys: ['retention.ms', 'segment.ms'] }],
    })
    assert.deepEqual(results[0]!.configs.map(c => [c.name, c.value, c.configSource]).sort(), [
      ['retention.ms', '1000', 1],
      ['segment.ms', '604800000', 5],
    ])
  }
})

test('null keys, and none, ask for everything', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const { results } = await describe(client, [
    [TOPIC, 't'],
    [TOPIC, 't', []],
  ])
  assert.deepEqual(
    results.map(r => r.configs.length),
    [36, 36],
  )
})

test('synonyms and documentation come only when asked for', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't', { configs: { 'cleanup.policy': 'compact' } })
  const asked: Asked[] = [[TOPIC, 't', ['cleanup.policy']]]
  const plain = (await describe(client, asked)).results[0]!.configs[0]!
  assert.deepEqual([plain.synonyms, plain.documentation], [[], null])
  const full = (await describe(client, asked, { includeSynonyms: true, includeDocumentation: true })).results[0]!
  assert.deepEqual(full.configs[0]!.synonyms, [
    { name: 'cleanup.policy', value: 'compact', source: 1 },
    { name: 'log.cleanup.policy', value: 'delete', source: 5 },
  ])
  assert.match(full.configs[0]!.documentation!, /compact/)
})

test('topics that are unknown or badly named are refused', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  assert.deepEqual(
    outcomes(
      await describe(client, [
        [TOPIC, 'nope'],
        [TOPIC, ''],
      ]),
    ),
    ['UNKNOWN_TOPIC_OR_PARTITION: ', 'INVALID_TOPIC_EXCEPTION: Topic name is invalid: the empty string is not allowed'],
  )
})

test('the broker describes itself whole, and with the empty name only what is set for the cluster', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const { results } = await describe(client, [
    [BROKER, '1'],
    [BROKER, ''],
  ])
  const nodeId = results[0]!.configs.find(c => c.name === 'node.id')!
  assert.deepEqual([nodeId.value, nodeId.readOnly], ['1', true])
  assert.ok(results[0]!.configs.length > 300)
  assert.deepEqual(results[1]!.configs, [])
})

test('another broker cannot be described here', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const asked: Asked[] = [
    [BROKER, '2'],
    [BROKER, 'abc'],
    [LOGGER, '2'],
    [LOGGER, ''],
  ]
  assert.deepEqual(outcomes(await describe(client, asked)), [
    'INVALID_REQUEST: Unexpected broker id, expected 1 or empty string, but received 2',
    'INVALID_REQUEST: Broker id must be an integer, but it is: abc',
    'INVALID_REQUEST: Unexpected broker id, expected 1 but received 2',
    'INVALID_REQUEST: Broker id must not be empty',
  ])
})

test('the one logger is told with its level and cannot be changed', async () => {
  await using broker = await startTestBroker({ settings: { 'millrace.log.level': 'warn' } })
  const client = await broker.connect()
  const { results } = await describe(client, [[LOGGER, '1']])
  assert.deepEqual(
    results[0]!.configs.map(c => [c.name, c.value, c.configSource, c.readOnly]),
    [['root', 'WARN', 6, true]],
  )
})

test('groups and client metrics that nobody configured have defaults', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const { results } = await describe(client, [
    [GROUP, 'g', ['consumer.session.timeout.ms']],
    [CLIENT_METRICS, 'm', ['interval.ms']],
  ])
  assert.deepEqual(
    results.map(r => r.configs[0]!.value),
    ['45000', '300000'],
  )
  assert.deepEqual(
    outcomes(
      await describe(client, [
        [GROUP, ''],
        [CLIENT_METRICS, ''],
      ]),
    ),
    [
      'INVALID_REQUEST: Group name must not be empty',
      'INVALID_REQUEST: Client metrics subscription name must not be empty',
    ],
  )
})

test('a resource type that does not exist fails the whole request', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const { results } = await describe(client, [
    [7, 'x'],
    [TOPIC, 't'],
  ])
  assert.deepEqual(
    results.map(r => [r.resourceName, errorName(r.errorCode)]),
    [
      ['x', 'INVALID_REQUEST'],
      ['t', 'INVALID_REQUEST'],
    ],
  )
})

test('a short request cannot ask for an endless answer', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const same = await describe(
    client,
    Array.from({ length: 20_000 }, (): Asked => [BROKER, '1']),
  )
  assert.equal(same.results.length, 1)
  const groups = Array.from({ length: 30_000 }, (_, i): Asked => [GROUP, `g${i}`])
  const { results } = await describe(client, groups)
  assert.equal(results.length, groups.length)
  assert.ok(results.reduce((sum, r) => sum + r.configs.length, 0) < 500_000)
  assert.equal(errorName(results.at(-1)!.errorCode), 'INVALID_REQUEST')
})
