import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { KafkaError, type Producer, type ProducerOptions, serdes } from '@millrace/client'
import { AddPartitionsToTxn, EndTxn, InitProducerId, Produce, TxnOffsetCommit } from '@millrace/protocol'
import { type ClusterUnderTest, clusterUnderTest, eventually, take } from './cluster-under-test.ts'
import { valuesIn } from './transaction-readers.ts'
import { UnreliableProxy } from './unreliable-proxy.ts'

let cluster: ClusterUnderTest
before(async () => {
  cluster = await clusterUnderTest()
})
after(() => cluster[Symbol.asyncDispose]())

const protocols = [
  { protocol: 'epochs', versionsMax: new Map<number, number>() },
  { protocol: 'classic', versionsMax: new Map([[EndTxn.key, 4]]) },
] as const

for (const { protocol, versionsMax } of protocols)
  describe(`transactions in the ${protocol} protocol`, () => {
    let proxy: UnreliableProxy
    before(async () => {
      proxy = await UnreliableProxy.open(cluster.bootstrap, versionsMax)
    })
    after(() => proxy[Symbol.asyncDispose]())

    const transactional = (options: Partial<ProducerOptions<string, string>> = {}): Producer<string, string> =>
      cluster.producer<string, string>({
        bootstrap: proxy.bootstrap,
        transactionalId: cluster.name('id'),
        key: serdes.string,
        value: serdes.string,
        ...options,
      })

    test('what is committed is seen by all, what is aborted by nobody who asks for committed records', async () => {
      const topic = await cluster.topic(2)
      const producer = transactional()
      for (let n = 0; n < 6; n++) {
        const transaction = await producer.beginTransaction()
        await transaction.sendBatch([0, 1].map(partition => ({ topic, partition, value: `${n}` })))
        if (n % 3 === 1) await transaction.abort()
        else await transaction.commit()
        assert.equal(transaction.isEnded, true)
      }
      assert.deepEqual(await valuesIn(cluster, topic, { partitions: 2 }), ['0', '2', '3', '5', '0', '2', '3', '5'])
      const [state] = (await cluster.admin.topics.producers([{ topic, partition: 0 }])).get(`${topic}-0`)!
      assert.equal(state!.currentTransactionStartOffset, -1)
      if (cluster.isMillrace) assert.equal(state!.producerEpoch, protocol === 'epochs' ? 6 : 0)
    })

    test('a transaction that goes out of scope, or whose work fails, is aborted; work that succeeds is committed', async () => {
      const topic = await cluster.topic()
      const producer = transactional()
      {
        await using transaction = await producer.beginTransaction()
        await transaction.send({ topic, value: 'forgotten' })
      }
      await assert.rejects(
        producer.transaction(async transaction => {
          await transaction.sendBatch([{ topic, value: 'failed' }])
          throw new Error('no')
        }),
        /^Error: no$/,
      )
      const sent = await producer.transaction(transaction => {
        assert.equal(transaction.write({ topic, value: 'silently' }), true)
        return transaction.sendBatch([{ topic, value: 'done' }])
      })
      assert.equal(sent.length, 1)
      assert.deepEqual(await valuesIn(cluster, topic), ['silently', 'done'])
    })

    test('one transaction at a time, nothing outside of one, and nothing after its end', async () => {
      const topic = await cluster.topic()
      const producer = transactional()
      await assert.rejects(producer.send({ topic, value: 'x' }), { code: 'INVALID_STATE' })
      assert.throws(() => producer.write({ topic, value: 'x' }), { code: 'INVALID_STATE' })
      const transaction = await producer.beginTransaction()
      await assert.rejects(producer.beginTransaction(), { code: 'INVALID_STATE' })
      const committing = transaction.commit()
      await assert.rejects(transaction.send({ topic, value: 'late' }), { code: 'INVALID_STATE' })
      await assert.rejects(transaction.abort(), { code: 'INVALID_STATE' })
      await committing
      await transaction.commit()
      await assert.rejects(transaction.abort(), { code: 'INVALID_STATE' })
      await assert.rejects(transaction.send({ topic, value: 'late' }), { code: 'INVALID_STATE' })
      await assert.rejects(cluster.producer().beginTransaction(), { code: 'INVALID_STATE' })
      for (const options of [{ transactionalId: '' }, { transactionalId: 'a', acks: 1 } as const])
        assert.throws(() => cluster.producer(options), { code: 'INVALID_ARGUMENT' })
    })

    test('commit waits for what is still to be handed over, however small the buffer', async () => {
      const topic = await cluster.topic()
      const producer = transactional({ bufferBytes: 200, batchBytes: 100 })
      const values = Array.from({ length: 50 }, (_, n) => `value ${n}`)
      await producer.transaction(transaction => {
        void transaction.sendBatch(values.map(value => ({ topic, value })))
        for (const value of ['a', 'b', 'c']) void transaction.send({ topic, value })
      })
      const seen = await valuesIn(cluster, topic)
      assert.deepEqual(
        seen.filter(value => value.length > 1),
        values,
      )
      assert.equal(seen.length, 53)
    })

    test('a record that cannot be sent makes commit refuse, and the next transaction is none the worse', async () => {
      const topic = await cluster.topic(1, { 'max.message.bytes': 1000 })
      const producer = transactional({ batchBytes: 1 })
      const transaction = await producer.beginTransaction()
      await transaction.send({ topic, value: 'small' })
      void transaction.send({ topic, value: 'x'.repeat(5000) })
      await assert.rejects(transaction.commit(), error => {
        assert.ok(error instanceof KafkaError)
        assert.deepEqual([error.code, error.category], ['TRANSACTION_ABORTABLE', 'abortable'])
        assert.equal((error.cause as KafkaError).code, 'MESSAGE_TOO_LARGE')
        return true
      })
      await assert.rejects(transaction.send({ topic, value: 'more' }), { code: 'TRANSACTION_ABORTABLE' })
      await transaction.abort()
      await producer.transaction(next => next.send({ topic, value: 'next' }))
      await producer.transaction(next => next.send({ topic, value: 'after it' }))
      assert.deepEqual(await valuesIn(cluster, topic), ['next', 'after it'])
    })

    test('a record that cannot be serialized makes commit refuse', async () => {
      const topic = await cluster.topic()
      const producer = transactional({
        value: {
          serialize: value => {
            if (value === 'bad') throw new Error('bad')
            return Buffer.from(value)
          },
        },
      })
      const refused = producer.transaction(transaction => {
        void transaction.send({ topic, value: 'good' })
        void transaction.send({ topic, value: 'bad' })
      })
      await assert.rejects(refused, { code: 'TRANSACTION_ABORTABLE' })
      await producer.transaction(transaction => transaction.send({ topic, value: 'again' }))
      assert.deepEqual(await valuesIn(cluster, topic), ['again'])
    })

    test('a transaction with nothing in it, or only offsets, can be ended', async () => {
      const topic = await cluster.topic()
      const groupId = cluster.name('group')
      const producer = transactional()
      await producer.transaction(() => {})
      await (await producer.beginTransaction()).abort()
      const nobody = { groupId, generationId: -1, memberId: '', groupInstanceId: null }
      await producer.transaction(transaction => transaction.sendOffsets([{ topic, partition: 0, offset: 3 }], nobody))
      const transaction = await producer.beginTransaction()
      await transaction.sendOffsets([{ topic, partition: 0, offset: 9 }], nobody)
      await transaction.abort()
      await eventually(async () =>
        assert.equal((await cluster.admin.groups.offsets(groupId)).get(`${topic}-0`)!.offset, 3),
      )
    })

    test('the second producer of an id fences the first, whose open transaction is aborted', async () => {
      const topic = await cluster.topic()
      const transactionalId = cluster.name('shared')
      const first = transactional({ transactionalId })
      const zombie = await first.beginTransaction()
      await zombie.send({ topic, value: 'of the zombie' })
      const second = transactional({ transactionalId })
      await second.initTransactions()
      const late = zombie.send({ topic, value: 'late' })
      await assert.rejects(late, { category: 'application-recoverable' })
      await assert.rejects(zombie.commit(), KafkaError)
      await assert.rejects(zombie.abort(), { category: 'application-recoverable' })
      await assert.rejects(first.beginTransaction(), { category: 'application-recoverable' })
      await second.transaction(transaction => transaction.send({ topic, value: 'of the second' }))
      assert.deepEqual(await valuesIn(cluster, topic), ['of the second'])
    })

    test('answers that get lost are asked for again, and nothing is written twice', async () => {
      const topic = await cluster.topic(2)
      const wanted: string[] = []
      for (const [n, api] of [InitProducerId, AddPartitionsToTxn, Produce, TxnOffsetCommit, EndTxn].entries()) {
        const producer = transactional({ retryBackoffMs: 5 })
        const groupId = cluster.name('group')
        // The first answer is lost, and each second one after it.
        proxy.cutAnswers(api.key, 2, 1)
        for (let round = 0; round < 3; round++) {
          const value = `${n}-${round}`
          await producer.transaction(async transaction => {
            void transaction.send({ topic, partition: 0, value })
            void transaction.send({ topic, partition: 1, value })
            const nobody = { groupId, generationId: -1, memberId: '', groupInstanceId: null }
            await transaction.sendOffsets([{ topic, partition: 0, offset: round }], nobody)
          })
          wanted.push(value)
        }
        assert.ok(proxy.cuts > 0 || (protocol === 'epochs' && api === AddPartitionsToTxn), `no ${api.name} was cut`)
        proxy.cutAnswers(-1, 1)
        proxy.cuts = 0
        // The group learns of it from a marker, which may come after the answer.
        await eventually(async () =>
          assert.equal((await cluster.admin.groups.offsets(groupId)).get(`${topic}-0`)!.offset, 2),
        )
      }
      assert.deepEqual(await valuesIn(cluster, topic, { partitions: 2 }), [...wanted, ...wanted])
    })

    test('a commit that is not answered in time can be told again, by the program or by the next transaction', async () => {
      const topic = await cluster.topic()
      const producer = transactional({ retryBackoffMs: 5 })
      const transaction = await producer.beginTransaction()
      await transaction.send({ topic, value: 'one' })
      proxy.cutAnswers(EndTxn.key, 1)
      await assert.rejects(transaction.commit({ timeoutMs: 0 }), { retriable: true })
      await assert.rejects(transaction.abort(), { code: 'INVALID_STATE' })
      proxy.cutAnswers(-1, 1)
      await transaction.commit()
      proxy.cutAnswers(EndTxn.key, 1)
      const two = producer.transaction(next => next.send({ topic, value: 'two' }), { timeoutMs: 200 })
      await assert.rejects(two, { retriable: true })
      proxy.cutAnswers(-1, 1)
      await producer.transaction(next => next.send({ topic, value: 'three' }))
      assert.deepEqual(await valuesIn(cluster, topic), ['one', 'two', 'three'])
    })

    test('a record that nobody took in time makes commit refuse, and none of the transaction is seen', async () => {
      const topic = await cluster.topic()
      const producer = transactional({ deliveryTimeoutMs: 200, retryBackoffMs: 5 })
      await producer.transaction(transaction => transaction.send({ topic, value: 'before' }))
      const transaction = await producer.beginTransaction()
      await transaction.send({ topic, value: 'in the log' })
      proxy.cutAnswers(Produce.key, 1)
      void transaction.send({ topic, value: 'nobody knows' })
      await assert.rejects(transaction.commit(), { code: 'TRANSACTION_ABORTABLE' })
      proxy.cutAnswers(-1, 1)
      await transaction.abort()
      await producer.transaction(next => next.send({ topic, value: 'after' }))
      assert.deepEqual(await valuesIn(cluster, topic), ['before', 'after'])
    })

    test('close aborts an open transaction', async () => {
      const topic = await cluster.topic()
      const producer = transactional()
      const transaction = await producer.beginTransaction()
      await transaction.send({ topic, value: 'open' })
      await producer.close()
      const [state] = (await cluster.admin.topics.producers([{ topic, partition: 0 }])).get(`${topic}-0`)!
      assert.equal(state!.currentTransactionStartOffset, -1)
      assert.deepEqual(await valuesIn(cluster, topic), [])
      assert.deepEqual(await valuesIn(cluster, topic, { isolation: 'read_uncommitted' }), ['open'])
    })

    test('offsets of a member that the group has given up are refused', async () => {
      const topic = await cluster.topic()
      await cluster.producer().send({ topic, value: 'x' })
      const groupId = cluster.name('group')
      await using consumer = cluster.consumer({ groupId, autoCommit: false })
      consumer.subscribe([topic])
      await take(consumer, 1)
      const member = consumer.groupMember
      assert.ok(member.generationId > 0)
      const producer = transactional()
      const offsets = [{ topic, partition: 0, offset: 1 }]
      await producer.transaction(transaction => transaction.sendOffsets(offsets, member))
      for (const [wrong, code] of [
        [{ ...member, generationId: member.generationId + 1 }, 'ILLEGAL_GENERATION'],
        [{ ...member, memberId: 'nobody' }, 'UNKNOWN_MEMBER_ID'],
      ] as const) {
        const transaction = await producer.beginTransaction()
        await assert.rejects(transaction.sendOffsets(offsets, wrong), { code, category: 'application-recoverable' })
        await assert.rejects(transaction.commit(), { code: 'TRANSACTION_ABORTABLE' })
        await transaction.abort()
      }
      await producer.transaction(transaction => transaction.sendOffsets(offsets, member))
    })

    test('readers of committed records see nothing of open and aborted transactions, however they are interleaved', async () => {
      const topic = await cluster.topic()
      const producers = Array.from({ length: 8 }, () => transactional({ lingerMs: 0, batchBytes: 1 }))
      const plain = cluster.producer<string, string>({ value: serdes.string })
      const wanted = new Set<string>()
      await Promise.all(
        producers.map(async (producer, p) => {
          for (let n = 0; n < 5; n++) {
            const transaction = await producer.beginTransaction()
            const isCommitted = (n + p) % 2 === 0
            for (let i = 0; i < 5; i++) {
              const value = `${p}-${n}-${i}`
              await transaction.send({ topic, value })
              if (isCommitted) wanted.add(value)
            }
            const value = `plain-${p}-${n}`
            await plain.send({ topic, value })
            wanted.add(value)
            await (isCommitted ? transaction.commit() : transaction.abort())
          }
        }),
      )
      const open = await producers[0]!.beginTransaction()
      await open.send({ topic, value: 'open' })
      await plain.send({ topic, value: 'behind it' })
      const seen = await valuesIn(cluster, topic)
      assert.equal(seen.length, wanted.size)
      assert.deepEqual(new Set(seen), wanted)
      assert.equal((await valuesIn(cluster, topic, { isolation: 'read_uncommitted' })).length, 8 * 30 + 2)
      await open.commit()
      assert.deepEqual((await valuesIn(cluster, topic)).slice(-2), ['open', 'behind it'])
    })
  })
