/** Transactions from the outside, by both protocols: the classic one, and the one with an epoch for each transaction (KIP-890). */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createTopic, startTestBroker } from '@millrace/testkit'
import { committedOffset, generations, read, TransactionalProducer } from './transaction-fixture.ts'

test('a reader of committed records sleeps through what is written in an open transaction', async () => {
  await using broker = await startTestBroker()
  const client = await broker.connect()
  await createTopic(client, 't')
  const producer = await TransactionalProducer.start(client, 'tx')
  await producer.send('t', ['a'])
  const reader = await broker.connect()
  let isWoken = false
  const waiting = read(reader, 't', { beyond: 0, waits: 1 }).then(seen => {
    isWoken = true
    return seen
  })
  for (let i = 0; i < 5; i++) await producer.send('t', ['b'])
  assert(!isWoken)
  await producer.commit()
  assert.equal((await waiting).lastStableOffset, 7)
})

for (const generation of generations) {
  describe(`transactions, ${generation}`, () => {
    const options = { generation }

    test('what is committed is seen by all, and before only by those who do not mind', async () => {
      await using broker = await startTestBroker()
      const client = await broker.connect()
      await createTopic(client, 't', { partitions: 2 })
      const producer = await TransactionalProducer.start(client, 'tx', options)
      assert.equal(await producer.send('t', ['a', 'b']), 'NONE')
      assert.equal(await producer.send('t', ['c'], 1), 'NONE')
      assert.equal(await producer.send('t', ['d']), 'NONE')
      assert.deepEqual(await read(client, 't'), { values: [], lastStableOffset: 0, highWatermark: 3, aborted: 0 })
      assert.deepEqual((await read(client, 't', { isolation: 'read_uncommitted' })).values, ['a', 'b', 'd'])
      assert.equal(await producer.commit(), 'NONE')
      const seen = await read(client, 't', { beyond: 0 })
      assert.deepEqual(seen, { values: ['a', 'b', 'd'], lastStableOffset: 4, highWatermark: 4, aborted: 0 })
      assert.deepEqual((await read(client, 't', { beyond: 0, partition: 1 })).values, ['c'])
    })

    test('what is aborted is never seen, and told as aborted', async () => {
      await using broker = await startTestBroker()
      const client = await broker.connect()
      await createTopic(client, 't')
      const producer = await TransactionalProducer.start(client, 'tx', options)
      await producer.send('t', ['a'])
      assert.equal(await producer.abort(), 'NONE')
      const seen = await read(client, 't', { beyond: 0 })
      assert.deepEqual(seen, { values: [], lastStableOffset: 2, highWatermark: 2, aborted: 1 })
      assert.deepEqual((await read(client, 't', { isolation: 'read_uncommitted' })).aborted, -1)
    })

    test('one follows the other without a pause', async () => {
      await using broker = await startTestBroker()
      const client = await broker.connect()
      await createTopic(client, 't')
      const producer = await TransactionalProducer.start(client, 'tx', options)
      for (let i = 0; i < 20; i++) {
        assert.equal(await producer.send('t', [`v${i}`]), 'NONE')
        assert.equal(await producer.end(true), 'NONE')
      }
      const { values } = await read(client, 't', { beyond: 38 })
      assert.deepEqual(
        values,
        Array.from({ length: 20 }, (_, i) => `v${i}`),
      )
    })

    test('a successor aborts what its predecessor left open, which can do nothing more', async () => {
      await using broker = await startTestBroker()
      const client = await broker.connect()
      await createTopic(client, 't')
      const zombie = await TransactionalProducer.start(client, 'tx', options)
      await zombie.send('t', ['lost'])
      const successor = new TransactionalProducer(client, 'tx', options)
      assert.equal(await successor.init(), 'CONCURRENT_TRANSACTIONS')
      while ((await successor.init()) !== 'NONE');
      assert.equal(successor.producerId, zombie.producerId)
      assert(successor.producerEpoch > zombie.producerEpoch)
      assert.equal(await zombie.write('t', ['zombie']), 'INVALID_PRODUCER_EPOCH')
      assert.equal(
        await zombie.send('t', ['zombie']),
        generation === 'classic' ? 'PRODUCER_FENCED' : 'INVALID_PRODUCER_EPOCH',
      )
      assert.equal(
        await zombie.sendOffset('g', 't', 1),
        generation === 'classic' ? 'PRODUCER_FENCED' : 'INVALID_PRODUCER_EPOCH',
      )
      assert.equal(await zombie.commit(), 'PRODUCER_FENCED')
      assert.equal(await successor.send('t', ['kept']), 'NONE')
      assert.equal(await successor.commit(), 'NONE')
      assert.deepEqual((await read(client, 't', { beyond: 2 })).values.at(-1), 'kept')
      assert.equal((await read(client, 't')).aborted, 1)
    })

    test('one that takes too long is aborted, and its producer fenced', async () => {
      await using broker = await startTestBroker()
      const client = await broker.connect()
      await createTopic(client, 't')
      const producer = await TransactionalProducer.start(client, 'tx', { generation, timeoutMs: 100 })
      await producer.send('t', ['late'])
      assert.equal((await read(client, 't', { beyond: 0 })).aborted, 1)
      assert.equal(await producer.write('t', ['later']), 'INVALID_PRODUCER_EPOCH')
      assert.equal(await producer.commit(), generation === 'classic' ? 'PRODUCER_FENCED' : 'INVALID_TXN_STATE')
      assert.equal(await producer.init(producer), 'NONE', 'it may go on where it was (KIP-360)')
      assert.equal(await producer.send('t', ['again']), 'NONE')
      assert.equal(await producer.commit(), 'NONE')
      assert.deepEqual((await read(client, 't', { beyond: 2 })).values, ['again'])
    })

    test('the offsets of a group are committed with it, or not at all', async () => {
      await using broker = await startTestBroker()
      const client = await broker.connect()
      await createTopic(client, 't')
      const producer = await TransactionalProducer.start(client, 'tx', options)
      assert.equal(await producer.sendOffset('g', 't', 5), 'NONE')
      assert.equal(await committedOffset(client, 'g', 't'), 'UNSTABLE_OFFSET_COMMIT')
      assert.equal(await committedOffset(client, 'g', 't', false), -1)
      await producer.send('t', ['a'])
      assert.equal(await producer.commit(), 'NONE')
      await read(client, 't', { beyond: 0 })
      while ((await committedOffset(client, 'g', 't')) === 'UNSTABLE_OFFSET_COMMIT');
      assert.equal(await committedOffset(client, 'g', 't'), 5)
      assert.equal(await producer.sendOffset('g', 't', 9), 'NONE')
      assert.equal(await committedOffset(client, 'g', 't', false), 5)
      assert.equal(await producer.abort(), 'NONE')
      while ((await committedOffset(client, 'g', 't')) === 'UNSTABLE_OFFSET_COMMIT');
      assert.equal(await committedOffset(client, 'g', 't'), 5)
    })

    test('the offsets of one transaction follow those of the one before without a pause', async () => {
      await using broker = await startTestBroker()
      const client = await broker.connect()
      await createTopic(client, 't')
      const producer = await TransactionalProducer.start(client, 'tx', options)
      for (let offset = 1; offset <= 20; offset++) {
        assert.equal(await producer.sendOffset('g', 't', offset), 'NONE')
        assert.equal(await producer.end(offset % 3 !== 0), 'NONE')
      }
      while ((await committedOffset(client, 'g', 't')) === 'UNSTABLE_OFFSET_COMMIT');
      assert.equal(await committedOffset(client, 'g', 't'), 20)
    })

    test('a transactional write needs its transactional id, and one producer a request', async () => {
      await using broker = await startTestBroker()
      const client = await broker.connect()
      await createTopic(client, 't')
      const producer = new TransactionalProducer(client, 'nobody', options)
      producer.producerId = 77
      producer.producerEpoch = 0
      assert.equal(await producer.write('t', ['a']), 'INVALID_PRODUCER_ID_MAPPING')
      assert.equal(await producer.commit(), 'INVALID_PRODUCER_ID_MAPPING')
      assert.equal(await producer.sendOffset('g', 't', 1), 'INVALID_PRODUCER_ID_MAPPING')
      assert.equal(await committedOffset(client, 'g', 't'), -1)
    })
  })
}
