import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DescribeCluster, errorName } from '@millrace/protocol'
import { startTestBroker, versionsOf } from '@millrace/testkit'

test('the one broker is described as it advertises itself, in every version', async () => {
  await using broker = await startTestBroker({ settings: { 'node.id': '7', 'broker.rack': 'r1' } })
  const client = await broker.connect()
  for (const version of versionsOf(DescribeCluster)) {
    const { errorCode, clusterId, controllerId, brokers } = await client.request(DescribeCluster, version, {})
    assert.deepEqual([errorCode, clusterId, controllerId], [0, broker.broker.clusterId, 7])
    assert.deepEqual(brokers, [{ brokerId: 7, host: '127.0.0.1', port: broker.port, rack: 'r1', isFenced: false }])
  }
})

test('the authorized operations are told only when asked for', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const operations = async (includeClusterAuthorizedOperations: boolean) =>
    (await client.request(DescribeCluster, 0, { includeClusterAuthorizedOperations })).clusterAuthorizedOperations
  assert.equal(await operations(false), -2_147_483_648)
  // create, alter, describe, cluster action, describe configs, alter configs, idempotent write
  assert.equal(
    await operations(true),
    [5, 7, 8, 9, 10, 11, 12].reduce((bits, bit) => bits | (1 << bit), 0),
  )
})

test('who asks for controllers is told that this is a broker', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const { errorCode, errorMessage } = await client.request(DescribeCluster, 1, { endpointType: 2 })
  assert.equal(errorName(errorCode), 'MISMATCHED_ENDPOINT_TYPE')
  assert.match(errorMessage!, /of type BROKER, but we wanted an endpoint of type CONTROLLER/)
})

test('an endpoint type that does not exist is not supported', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const { errorCode, errorMessage } = await client.request(DescribeCluster, 1, { endpointType: 3 })
  assert.deepEqual([errorName(errorCode), errorMessage], ['UNSUPPORTED_ENDPOINT_TYPE', 'Unsupported endpoint type 3'])
})
