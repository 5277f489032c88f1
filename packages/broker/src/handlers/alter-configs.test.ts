import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlterConfigs, DescribeConfigs, errorName, IncrementalAlterConfigs } from '@millrace/protocol'
import { openMemoryCatalog } from '@millrace/storage'
import { createTopic, startTestBroker, versionsOf, type WireClient } from '@millrace/testkit'

const TOPIC = 2
const BROKER = 4
const LOGGER = 8
const CLIENT_METRICS = 16
const GROUP = 32
const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3

type Resource = readonly [type: number, name: string]
type Operation = readonly [name: string, operation: number, value?: string | null]

async function increment(
  client: WireClient,
  [resourceType, resourceName]: Resource,
  operations: readonly Operation[],
  validateOnly = false,
): Promise<string> {
  const { responses } = await client.request(IncrementalAlterConfigs, 1, {
    resources: [
      {
        resourceType,
        resourceName,
        configs: operations.map(([name, configOperation, value]) => ({ name, configOperation, value: value ?? null })),
      },
    ],
    validateOnly,
  })
  return outcomeOf(responses[0]!)
}

async function replace(
  client: WireClient,
  [resourceType, resourceName]: Resource,
  configs: Readonly<Record<string, string | null>>,
): Promise<string> {
  const { responses } = await client.request(AlterConfigs, 2, {
    resources: [
      { resourceType, resourceName, configs: Object.entries(configs).map(([name, value]) => ({ name, value })) },
    ],
  })
  return outcomeOf(responses[0]!)
}

const outcomeOf = ({ errorCode, errorMessage }: { errorCode: number; errorMessage: string | null }): string =>
  errorMessage === null ? errorName(errorCode) : `${errorName(errorCode)}: ${errorMessage}`

async function configValue(client: WireClient, [resourceType, resourceName]: Resource, name: string) {
  const { results } = await client.request(DescribeConfigs, 4, {
    resources: [{ resourceType, resourceName, configurationKeys: [name] }],
  })
  return results[0]!.configs[0]?.value
}

const t: Resource = [TOPIC, 't']

test('single entries are set, deleted, appended and subtracted, in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  for (const version of versionsOf(IncrementalAlterConfigs)) {
    const { responses } = await client.request(IncrementalAlterConfigs, version, {
      resources: [
        {
          resourceType: TOPIC,
          resourceName: 't',
          configs: [{ name: 'retention.ms', configOperation: SET, value: String(1_000 + version) }],
        },
      ],
    })
    assert.deepEqual(responses, [{ errorCode: 0, errorMessage: null, resourceType: TOPIC, resourceName: 't' }])
    assert.equal(await configValue(client, t, 'retention.ms'), String(1_000 + version))
  }
  await increment(client, t, [['cleanup.policy', APPEND, 'compact']])
  assert.equal(await configValue(client, t, 'cleanup.policy'), 'delete,compact')
  await increment(client, t, [['cleanup.policy', SUBTRACT, 'delete']])
  assert.equal(await configValue(client, t, 'cleanup.policy'), 'compact')
  await increment(client, t, [['retention.ms', DELETE]])
  assert.equal(await configValue(client, t, 'retention.ms'), '604800000')
})

test('the older form resets what it does not name, in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  for (const version of versionsOf(AlterConfigs)) {
    await increment(client, t, [['retention.ms', SET, '1000']])
    const { responses } = await client.request(AlterConfigs, version, {
      resources: [{ resourceType: TOPIC, resourceName: 't', configs: [{ name: 'segment.ms', value: '9000' }] }],
    })
    assert.deepEqual(responses, [{ errorCode: 0, errorMessage: null, resourceType: TOPIC, resourceName: 't' }])
    assert.deepEqual(
      [await configValue(client, t, 'segment.ms'), await configValue(client, t, 'retention.ms')],
      ['9000', '604800000'],
    )
  }
})

test('validate only changes nothing', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  assert.equal(await increment(client, t, [['retention.ms', SET, '1000']], true), 'NONE')
  assert.equal(await configValue(client, t, 'retention.ms'), '604800000')
})

test('a bad value, key or operation leaves the topic as it is', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const refusals: [Operation[], string][] = [
    [[['nope.x', SET, '1']], 'INVALID_CONFIG: Unknown topic config name: nope.x'],
    [
      [
        ['segment.ms', SET, '9000'],
        ['retention.ms', SET, 'abc'],
      ],
      'INVALID_CONFIG: Invalid value abc for configuration retention.ms: Not a number of type LONG',
    ],
    [
      [
        ['retention.ms', SET],
        ['segment.ms', SET],
      ],
      'INVALID_REQUEST: Null value not supported for : retention.ms, segment.ms',
    ],
    [
      [
        ['retention.ms', SET, '1'],
        ['retention.ms', SET, '2'],
      ],
      'INVALID_REQUEST: Error due to duplicate config keys',
    ],
    [[['retention.ms', APPEND, '5']], `INVALID_CONFIG: Can't APPEND to key retention.ms because its type is not LIST.`],
    [[['retention.ms', 9, '5']], 'INVALID_REQUEST: Unknown operation 9 for configuration retention.ms'],
  ]
  for (const [operations, refusal] of refusals) assert.equal(await increment(client, t, operations), refusal)
  assert.deepEqual(
    [await configValue(client, t, 'segment.ms'), await configValue(client, t, 'retention.ms')],
    ['604800000', '604800000'],
  )
})

test('resources that cannot have configurations are refused, in both forms', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const refusals: [Resource, string][] = [
    [[TOPIC, 'nope'], `UNKNOWN_TOPIC_OR_PARTITION: The topic 'nope' does not exist.`],
    [[TOPIC, ''], 'INVALID_REQUEST: Default topic resources are not allowed.'],
    [[BROKER, '2'], 'INVALID_REQUEST: Unexpected broker id, expected 1, but received 2'],
    [[BROKER, 'abc'], 'INVALID_REQUEST: Node id must be an integer, but it is: abc'],
    [[GROUP, ''], 'INVALID_REQUEST: Default group resources are not allowed.'],
    [[CLIENT_METRICS, ''], `INVALID_REQUEST: Subscription name can't be empty`],
    [[7, 'x'], 'INVALID_REQUEST: Unknown resource type 7'],
  ]
  for (const [resource, refusal] of refusals) {
    assert.equal(await increment(client, resource, [['a', SET, 'b']]), refusal)
    assert.equal(await replace(client, resource, { a: 'b' }), refusal)
  }
  assert.match(await increment(client, [LOGGER, '1'], [['root', SET, 'DEBUG']]), /^INVALID_REQUEST: /)
})

test('a resource that is named twice is refused both times, and the others are altered', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  await createTopic(client, 'u')
  const setting = (resourceName: string) => ({
    resourceType: TOPIC,
    resourceName,
    configs: [{ name: 'retention.ms', configOperation: SET, value: '5' }],
  })
  const { responses } = await client.request(IncrementalAlterConfigs, 1, {
    resources: [setting('t'), setting('u'), setting('t')],
  })
  const twice = 'INVALID_REQUEST: Each resource must appear at most once.'
  assert.deepEqual(responses.map(outcomeOf), [twice, 'NONE', twice])
  assert.deepEqual(
    [await configValue(client, t, 'retention.ms'), await configValue(client, [TOPIC, 'u'], 'retention.ms')],
    ['604800000', '5'],
  )
})

test('a broker’s own setting goes before the cluster’s, and topics inherit from both', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  assert.equal(await increment(client, [BROKER, ''], [['log.retention.ms', SET, '3600000']]), 'NONE')
  assert.equal(await configValue(client, [BROKER, ''], 'log.retention.ms'), '3600000')
  assert.equal(await configValue(client, t, 'retention.ms'), '3600000')
  assert.equal(await increment(client, [BROKER, '1'], [['log.retention.ms', SET, '7200000']]), 'NONE')
  assert.equal(await configValue(client, t, 'retention.ms'), '7200000')
  await increment(client, [BROKER, '1'], [['log.retention.ms', DELETE]])
  await increment(client, [BROKER, ''], [['log.retention.ms', DELETE]])
  assert.equal(await configValue(client, t, 'retention.ms'), '604800000')
})

test('what cannot change while the broker runs is refused', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const refusal = 'INVALID_REQUEST: Cannot update these configs dynamically: [node.id]'
  assert.equal(await increment(client, [BROKER, '1'], [['node.id', SET, '2']]), refusal)
})

test('groups and client metrics are configured within their bounds', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const g: Resource = [GROUP, 'g']
  const m: Resource = [CLIENT_METRICS, 'm']
  assert.equal(await increment(client, g, [['consumer.session.timeout.ms', SET, '50000']]), 'NONE')
  assert.equal(await configValue(client, g, 'consumer.session.timeout.ms'), '50000')
  assert.match(await increment(client, g, [['consumer.session.timeout.ms', SET, '1']]), /^INVALID_CONFIG: /)
  assert.equal(await increment(client, m, [['interval.ms', SET, '1000']]), 'NONE')
  assert.equal(await replace(client, m, {}), 'NONE')
  assert.equal(await configValue(client, m, 'interval.ms'), '300000')
})

test('appends of two clients at the same time are both kept', async () => {
  await using broker = await startTestBroker()
  const [one, two] = [await broker.connect(), await broker.connect()]
  await createTopic(one, 't')
  const name = 'leader.replication.throttled.replicas'
  await Promise.all([
    ...['0:1', '1:1'].map(item => increment(one, t, [[name, APPEND, item]])),
    ...['2:1', '3:1'].map(item => increment(two, t, [[name, APPEND, item]])),
  ])
  assert.deepEqual((await configValue(one, t, name))?.split(',').sort(), ['0:1', '1:1', '2:1', '3:1'])
})

test('a restart keeps what was set', async () => {
  const catalog = openMemoryCatalog()
  {
    await using broker = await startTestBroker({ catalog })
    const client = await broker.connect()
    await createTopic(client, 't')
    await increment(client, t, [['retention.ms', SET, '1000']])
    await increment(client, [BROKER, ''], [['log.cleaner.threads', SET, '2']])
  }
  await using broker = await startTestBroker({ catalog })
  const client = await broker.connect()
  assert.deepEqual(
    [await configValue(client, t, 'retention.ms'), await configValue(client, [BROKER, '1'], 'log.cleaner.threads')],
    ['1000', '2'],
  )
})
