import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type CompressionCodec, KafkaError, type Partitioner, partitionOfKey, serdes } from '@millrace/client'
import { type ClusterUnderTest, clusterUnderTest, take } from './cluster-under-test.ts'

let cluster: ClusterUnderTest
before(async () => {
  cluster = await clusterUnderTest()
})
after(() => cluster[Symbol.asyncDispose]())

async function read(topic: string, partitions: number, count: number) {
  const consumer = cluster.consumer({ key: serdes.string, value: serdes.string })
  consumer.assign(Array.from({ length: partitions }, (_, partition) => ({ topic, partition })))
  const records = await take(consumer.records({ signal: AbortSignal.timeout(20_000) }), count)
  await consumer.close()
  return records
}

for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] satisfies CompressionCodec[])
  test(`what is sent with ${compression} is read back in its order`, async () => {
    const topic = await cluster.topic()
    const producer = cluster.producer({ compression, lingerMs: 1, batchBytes: 4000 })
    const values = Array.from({ length: 500 }, (_, n) => `value ${n} ${'x'.repeat(n % 50)}`)
    const sent = await producer.sendBatch(values.map(value => ({ topic, value })))
    assert.deepEqual(
      sent.map(({ offset }) => offset),
      values.map((_, n) => n),
    )
    const records = await read(topic, 1, values.length)
    assert.deepEqual(
      records.map(({ value }) => value),
      values,
    )
  })

test('keys, headers, times, null keys and tombstones arrive as they were sent', async () => {
  const topic = await cluster.topic()
  const producer = cluster.producer()
  const timestamp = Date.now() - 10_000
  const headers = [
    { key: 'twice', value: 'a' },
    { key: 'twice', value: null },
    { key: 'bytes', value: Buffer.from([0, 255]) },
  ]
  await producer.send({ topic, key: 'k', value: 'v', headers, timestamp })
  await producer.send({ topic, key: 'k', value: null })
  await producer.send({ topic, value: '' })
  const [first, tombstone, empty] = await read(topic, 1, 3)
  assert.equal(first!.key, 'k')
  assert.equal(first!.timestamp, timestamp)
  assert.deepEqual(
    first!.headers.map(({ key, value }) => [key, value?.toString('latin1') ?? null]),
    [
      ['twice', 'a'],
      ['twice', null],
      ['bytes', '\x00\xff'],
    ],
  )
  assert.equal(tombstone!.value, null)
  assert.deepEqual([empty!.key, empty!.value], [null, ''])
})

test('a key finds the partition that Java finds for it', async () => {
  const topic = await cluster.topic(7)
  const producer = cluster.producer()
  const keys = ['a', 'foobar', 'key-7', 'ü', 'a-little-bit-longer-string']
  const sent = await producer.sendBatch(keys.map(key => ({ topic, key, value: key })))
  assert.deepEqual(
    sent.map(({ partition }) => partition),
    keys.map(key => partitionOfKey(Buffer.from(key), 7)),
  )
})

test('records without a key stay together batch by batch and reach every partition', async () => {
  const topic = await cluster.topic(4)
  const producer = cluster.producer({ batchBytes: 500, lingerMs: 0 })
  const sent = await producer.sendBatch(Array.from({ length: 400 }, () => ({ topic, value: 'x'.repeat(50) })))
  const partitions = sent.map(({ partition }) => partition)
  assert.deepEqual(new Set(partitions), new Set([0, 1, 2, 3]))
  const changes = partitions.filter((partition, at) => at > 0 && partition !== partitions[at - 1]).length
  assert.ok(changes < 120, `${changes} changes of the partition in 400 records`)
})

test('a partitioner of the program decides, and may leave it to the default', async () => {
  const topic = await cluster.topic(3)
  const partitioner: Partitioner = ({ value }) => (value?.toString() === 'two' ? 2 : -1)
  const producer = cluster.producer({ partitioner })
  assert.equal((await producer.send({ topic, key: 'k', value: 'two' })).partition, 2)
  const { partition } = await producer.send({ topic, key: 'k', value: 'other' })
  assert.equal(partition, partitionOfKey(Buffer.from('k'), 3))
})

test('a partition that does not exist is refused', async () => {
  const topic = await cluster.topic(2)
  const producer = cluster.producer()
  await assert.rejects(producer.send({ topic, partition: 2, value: 'x' }), {
    code: 'UNKNOWN_TOPIC_OR_PARTITION',
    partition: 2,
  })
})

test('write and flush deliver many records without a promise for each', async () => {
  const topic = await cluster.topic()
  const producer = cluster.producer({ bufferBytes: 100_000, compression: 'lz4' })
  let waits = 0
  for (let n = 0; n < 5000; n++)
    if (!producer.write({ topic, value: `record ${n} ${'x'.repeat(100)}` })) {
      waits++
      await producer.drained()
    }
  await producer.flush()
  assert.ok(waits > 0, 'the buffer was never full')
  assert.equal(producer.bufferedBytes, 0)
  const ends = await cluster.admin.offsets.list([{ topic, partition: 0, at: 'latest' }])
  assert.equal(ends.get(`${topic}-0`)!.offset, 5000)
})

test('a caller who ignores back-pressure is told so', async () => {
  const topic = await cluster.topic()
  const producer = cluster.producer({ bufferBytes: 1000 })
  assert.throws(
    () => {
      for (let n = 0; n < 100; n++) producer.write({ topic, value: 'x'.repeat(100) })
    },
    { code: 'BUFFER_EXHAUSTED' },
  )
  await producer.flush()
})

test('send waits for room when the buffer is full', async () => {
  const topic = await cluster.topic()
  const producer = cluster.producer({ bufferBytes: 2000 })
  const sent = await Promise.all(
    Array.from({ length: 200 }, (_, n) => producer.send({ topic, value: `${n}`.repeat(50) })),
  )
  assert.equal(sent.length, 200)
})

test('acks 1 tells the offset and acks 0 does not', async () => {
  const topic = await cluster.topic()
  const one = cluster.producer({ acks: 1 })
  assert.equal((await one.send({ topic, value: 'a' })).offset, 0)
  const none = cluster.producer({ acks: 0 })
  assert.equal((await none.send({ topic, value: 'b' })).offset, -1)
  await none.close()
  assert.equal((await read(topic, 1, 2))[1]!.value, 'b')
})

test('a record above requestBytesMax is refused at once', async () => {
  const topic = await cluster.topic()
  const producer = cluster.producer({ requestBytesMax: 1000 })
  await assert.rejects(producer.send({ topic, value: 'x'.repeat(1000) }), {
    code: 'MESSAGE_TOO_LARGE',
    retriable: false,
  })
})

test('a record above max.message.bytes is refused by the broker, and the producer goes on', async () => {
  const topic = await cluster.topic(1, { 'max.message.bytes': 1000 })
  const producer = cluster.producer()
  await assert.rejects(producer.send({ topic, value: 'x'.repeat(2000) }), {
    code: 'MESSAGE_TOO_LARGE',
    topic,
    partition: 0,
  })
  assert.equal((await producer.send({ topic, value: 'small' })).offset, 0)
})

test('a batch above max.message.bytes is split until it fits', async () => {
  const topic = await cluster.topic(1, { 'max.message.bytes': 1000 })
  const producer = cluster.producer({ lingerMs: 20 })
  const values = Array.from({ length: 40 }, (_, n) => `${n} ${'x'.repeat(100)}`)
  const sent = await producer.sendBatch(values.map(value => ({ topic, value })))
  assert.deepEqual(
    sent.map(({ offset }) => offset),
    values.map((_, n) => n),
  )
  const records = await read(topic, 1, values.length)
  assert.deepEqual(
    records.map(({ value }) => value),
    values,
  )
})

test('an unknown topic is created by the broker when a record comes for it', async () => {
  const producer = cluster.producer()
  assert.equal((await producer.send({ topic: cluster.name('new'), value: 'first' })).offset, 0)
})

test('an unknown topic that may not be created is an error after maxBlockMs', async () => {
  const producer = cluster.producer({ allowAutoTopicCreation: false, maxBlockMs: 200 })
  const topic = cluster.name('missing')
  await assert.rejects(producer.send({ topic, value: 'x' }), { code: 'UNKNOWN_TOPIC_OR_PARTITION', topic })
  producer.write({ topic, value: 'x' })
  await assert.rejects(producer.flush(), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  await producer.flush()
})

test('serializers say what they cannot send', async () => {
  const topic = await cluster.topic()
  const numbers = cluster.producer({ value: serdes.json<{ n: number }>() })
  assert.equal((await numbers.send({ topic, value: { n: 1 } })).offset, 0)
  const plain = cluster.producer({})
  const wrong = { topic, value: 7 as unknown as string }
  await assert.rejects(plain.send(wrong), { code: 'SERIALIZATION_FAILED', topic })
})

test('a signal ends the wait of a send', async () => {
  const topic = await cluster.topic()
  const producer = cluster.producer({ lingerMs: 60_000 })
  await assert.rejects(
    producer.send({ topic, value: 'x' }, { signal: AbortSignal.abort(new Error('enough')) }),
    /enough/,
  )
  const waiting = producer.send({ topic, value: 'y' }, { signal: AbortSignal.timeout(50) })
  await assert.rejects(waiting, { name: 'TimeoutError' })
})

test('close delivers what waits, and then takes nothing more', async () => {
  const topic = await cluster.topic()
  const producer = cluster.producer({ lingerMs: 60_000 })
  const sent = producer.send({ topic, value: 'last' })
  await producer.close()
  assert.equal((await sent).offset, 0)
  await assert.rejects(producer.send({ topic, value: 'late' }), { code: 'CLOSED' })
})

test('no broker at the address is one sentence', async () => {
  const producer = cluster.producer({ bootstrap: 'localhost:1', bootstrapTimeoutMs: 0 })
  await assert.rejects(producer.send({ topic: 'x', value: 'x' }), error => {
    assert.ok(error instanceof KafkaError)
    assert.equal(error.code, 'UNREACHABLE')
    assert.equal(error.message, 'no broker answers at localhost:1 (ECONNREFUSED): is it running?')
    return true
  })
})
