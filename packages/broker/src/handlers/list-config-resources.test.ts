import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorName, IncrementalAlterConfigs, ListConfigResources } from '@millrace/protocol'
import { createTopic, startTestBroker, type WireClient } from '@millrace/testkit'

async function configured(client: WireClient): Promise<void> {
  await createTopic(client, 't')
  const resource = (resourceType: number, resourceName: string, name: string, value: string) => ({
    resourceType,
    resourceName,
    configs: [{ name, configOperation: 0, value }],
  })
  await client.request(IncrementalAlterConfigs, 1, {
    resources: [resource(16, 'm', 'interval.ms', '1000'), resource(32, 'g', 'consumer.session.timeout.ms', '50000')],
  })
}

async function listed(client: WireClient, resourceTypes: readonly number[], version = 1): Promise<string[]> {
  const body = version === 0 ? {} : { resourceTypes }
  const { configResources } = await client.request(ListConfigResources, version, body)
  return configResources.map(({ resourceType, resourceName }) => `${resourceType}:${resourceName}`).sort()
}

test('version 0 lists client metrics alone', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await configured(client)
  assert.deepEqual(await listed(client, [], 0), ['16:m'])
})

test('no types means all, topics and brokers without configurations included', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await configured(client)
  assert.deepEqual(await listed(client, []), ['16:m', '2:t', '32:g', '4:1', '8:1'])
})

test('the types asked for are listed', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await configured(client)
  assert.deepEqual(await listed(client, [32, 4, 32]), ['32:g', '4:1'])
})

test('a type that does not exist fails the request', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const { errorCode, configResources } = await client.request(ListConfigResources, 1, { resourceTypes: [16, 99] })
  assert.deepEqual([errorName(errorCode), configResources], ['UNSUPPORTED_VERSION', []])
})
