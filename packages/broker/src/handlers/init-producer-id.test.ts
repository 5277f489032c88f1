import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorName, InitProducerId, type InitProducerIdRequest } from '@millrace/protocol'
import { openMemoryCatalog } from '@millrace/storage'
import { batchOf, createTopic, produceBatch, startTestBroker, versionsOf, type WireClient } from '@millrace/testkit'

const init = (client: WireClient, fields: Partial<InitProducerIdRequest> = {}) =>
  client.request(InitProducerId, 5, { transactionalId: null, transactionTimeoutMs: 60_000, ...fields })

test('every request gets an id of its own with epoch 0, in every version', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const ids = new Set<number>()
  for (const version of versionsOf(InitProducerId)) {
    const body = { transactionalId: null, transactionTimeoutMs: 60_000 }
    const { errorCode, producerId, producerEpoch } = await client.request(InitProducerId, version, body)
    assert.deepEqual([errorCode, producerEpoch], [0, 0])
    ids.add(producerId)
  }
  assert.equal(ids.size, versionsOf(InitProducerId).length)
})

test('the ids of more than one block, asked for at once, are all different', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const answers = await Promise.all(Array.from({ length: 2_500 }, () => init(client)))
  assert.equal(new Set(answers.map(({ producerId }) => producerId)).size, 2_500)
})

test('a broker that starts again over the same catalog gives out no id twice', async () => {
  const catalog = openMemoryCatalog()
  const ids: number[] = []
  for (let run = 0; run < 2; run++) {
    await using broker = await startTestBroker({ catalog })
    ids.push((await init(await broker.connect())).producerId)
  }
  assert.notEqual(ids[0], ids[1])
})

test('an idempotent producer that names its id and epoch gets a new id', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  const first = await init(client)
  const { errorCode, producerId, producerEpoch } = await init(client, {
    producerId: first.producerId,
    producerEpoch: first.producerEpoch,
  })
  assert.deepEqual([errorCode, producerEpoch], [0, 0])
  assert.notEqual(producerId, first.producerId)
})

test('an id without an epoch, or the other way round, is refused', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  for (const fields of [{ producerId: 3 }, { producerEpoch: 3 }]) {
    const { errorCode, producerId, producerEpoch } = await init(client, fields)
    assert.deepEqual([errorName(errorCode), producerId, producerEpoch], ['INVALID_REQUEST', -1, -1])
  }
})

test('an empty transactional id is refused', async () => {
  await using broker = await startTestBroker()
  assert.equal(errorName((await init(await broker.connect(), { transactionalId: '' })).errorCode), 'INVALID_REQUEST')
})

test('an id that was given out writes idempotently: the same batch twice is one batch', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const { producerId, producerEpoch } = await init(client)
  const batch = () => batchOf(['a', 'b'], { producerId, producerEpoch, baseSequence: 0 })
  assert.deepEqual([await produceBatch(client, 't', batch()), await produceBatch(client, 't', batch())], [0, 0])
})
