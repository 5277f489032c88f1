import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiVersions, errorName, Reader, Writer, writeRequestHeader } from '@millrace/protocol'
import { startTestBroker, versionsOf, type WireClient } from '@millrace/testkit'

const software = { clientSoftwareName: 'wire-client', clientSoftwareVersion: '1.0' }

/** A request of a version that nobody has defined. */
function frameOfVersion(apiVersion: number): Buffer {
  const w = new Writer()
  w.int32(0)
  writeRequestHeader(w, { apiKey: 18, apiVersion, correlationId: 5, clientId: 'c' }, true)
  w.patchInt32(w.length - 4)
  return w.finish()
}

test('what is served is advertised, in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  for (const version of versionsOf(ApiVersions)) {
    const { errorCode, apiKeys } = await client.request(ApiVersions, version, version >= 3 ? software : {})
    assert.equal(errorCode, 0)
    assert.deepEqual(
      apiKeys.find(({ apiKey }) => apiKey === 18),
      { apiKey: 18, minVersion: 0, maxVersion: 5 },
    )
    assert.deepEqual(
      apiKeys.map(({ apiKey }) => apiKey),
      apiKeys.map(({ apiKey }) => apiKey).sort((a, b) => a - b),
    )
  }
})

test('produce is advertised from version 0, without which librdkafka would not compress', async () => {
  await using broker = await startTestBroker()
  const { apiKeys } = await (await broker.connect()).request(ApiVersions, 0, {})
  assert.equal(apiKeys.find(({ apiKey }) => apiKey === 0)!.minVersion, 0)
})

test('transactions of version 2 are finalised, and told from version 4 on that they may be at 0', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  for (const version of [3, 4, 5]) {
    const { supportedFeatures, finalizedFeatures } = await client.request(ApiVersions, version, software)
    assert.deepEqual(
      supportedFeatures.find(({ name }) => name === 'transaction.version'),
      version === 3 ? undefined : { name: 'transaction.version', minVersion: 0, maxVersion: 2 },
    )
    assert.deepEqual(
      finalizedFeatures.find(({ name }) => name === 'transaction.version'),
      { name: 'transaction.version', maxVersionLevel: 2, minVersionLevel: 2 },
    )
  }
})

test('a version that is too new is answered in the layout of version 0, and the connection goes on', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const frame = await client.requestBytes(18, 99, frameOfVersion(99))
  const r = new Reader(frame)
  assert.equal(r.int32(), 5)
  const { errorCode, apiKeys } = ApiVersions.response.read(r, 0)
  assert.equal(r.remaining, 0)
  assert.equal(errorName(errorCode), 'UNSUPPORTED_VERSION')
  assert.deepEqual(apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 5 }])
  assert.equal((await client.request(ApiVersions, 0, {})).errorCode, 0)
})

test('client software that has no proper name is refused', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  for (const clientSoftwareName of ['', '-x', 'a b', 'x.'])
    assert.equal(
      errorName((await client.request(ApiVersions, 3, { ...software, clientSoftwareName })).errorCode),
      'INVALID_REQUEST',
    )
})

const askFor = async (client: WireClient, clusterId: string | null, nodeId: number): Promise<string> =>
  errorName((await client.request(ApiVersions, 5, { ...software, clusterId, nodeId })).errorCode)

test('a client that means another cluster or node is to bootstrap again', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const { clusterId } = broker.broker
  assert.equal(await askFor(client, clusterId, 1), 'NONE')
  assert.equal(await askFor(client, clusterId, 2), 'REBOOTSTRAP_REQUIRED')
  assert.equal(await askFor(client, 'AAAAAAAAAAAAAAAAAAAAAg', 1), 'REBOOTSTRAP_REQUIRED')
})

test('cluster and node are named together or not at all', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  assert.equal(await askFor(client, broker.broker.clusterId, -1), 'INVALID_REQUEST')
  assert.equal(await askFor(client, null, 1), 'INVALID_REQUEST')
})
