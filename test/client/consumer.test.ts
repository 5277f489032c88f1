import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type ConsumerBatch, KafkaError, serdes } from '@millrace/client'
import { type ClusterUnderTest, clusterUnderTest, take } from './cluster-under-test.ts'

let cluster: ClusterUnderTest
before(async () => {
  cluster = await clusterUnderTest()
})
after(() => cluster[Symbol.asyncDispose]())

/** An hour between records, so that no test depends on how long it takes. */
const timeOf = (n: number): number => 1_000_000_000 + n * 3_600_000

async function filled(count: number, partitions = 1): Promise<string> {
  const topic = await cluster.topic(partitions)
  const producer = cluster.producer()
  await producer.sendBatch(
    Array.from({ length: count }, (_, n) => ({
      topic,
      partition: n % partitions,
      value: `${n}`,
      timestamp: timeOf(n),
    })),
  )
  await producer.close()
  return topic
}

const text = { value: serdes.string }
const valuesOf = (records: readonly { readonly value: string | null }[]) => records.map(({ value }) => value)
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `${from + n}`)

test('assigned partitions are read from the beginning, in order', async () => {
  const topic = await filled(1200)
  const consumer = cluster.consumer(text)
  consumer.assign([{ topic, partition: 0 }])
  assert.deepEqual(valuesOf(await take(consumer, 1200)), numbers(0, 1200))
  assert.equal(await consumer.position({ topic, partition: 0 }), 1200)
  assert.equal(consumer.lag({ topic, partition: 0 }), 0)
})

test('batches hold records of one partition, no more than batchRecordsMax', async () => {
  const topic = await filled(300, 2)
  const consumer = cluster.consumer({ ...text, batchRecordsMax: 40 })
  consumer.assign([0, 1].map(partition => ({ topic, partition })))
  const batches: ConsumerBatch<Buffer, string>[] = []
  for await (const batch of consumer.batches()) {
    batches.push(batch)
    if (batches.reduce((sum, { records }) => sum + records.length, 0) === 300) break
  }
  for (const { records, partition, firstOffset, lastOffset } of batches) {
    assert.ok(records.length > 0 && records.length <= 40)
    assert.ok(records.every(record => record.partition === partition))
    assert.deepEqual([firstOffset, lastOffset], [records[0]!.offset, records.at(-1)!.offset])
  }
})

test('what the loop did not get to is there for the next loop', async () => {
  const topic = await filled(100)
  const consumer = cluster.consumer(text)
  consumer.assign([{ topic, partition: 0 }])
  const parts = [await take(consumer, 7), await take(consumer, 13), await take(consumer, 80)]
  assert.deepEqual(parts.flatMap(valuesOf), numbers(0, 100))
})

test('seek goes to any offset, even from within a batch', async () => {
  const topic = await filled(100)
  const consumer = cluster.consumer(text)
  const tp = { topic, partition: 0 }
  consumer.assign([tp])
  const seen: (string | null)[] = []
  for await (const { value, offset } of consumer) {
    seen.push(value)
    if (offset === 2) consumer.seek(tp, 50)
    if (offset === 51) consumer.seek(tp, 10)
    if (seen.length === 7) break
  }
  assert.deepEqual(seen, ['0', '1', '2', '50', '51', '10', '11'])
  consumer.seekToEnd()
  assert.equal(await consumer.position(tp), 100)
  consumer.seekToBeginning([tp])
  assert.equal(await consumer.position(tp), 0)
  consumer.seekToTime(timeOf(42))
  assert.deepEqual(valuesOf(await take(consumer, 1)), ['42'])
})

test('a paused partition hands nothing over until it is resumed', async () => {
  const topic = await filled(200, 2)
  const consumer = cluster.consumer({ ...text, batchRecordsMax: 10 })
  consumer.assign([0, 1].map(partition => ({ topic, partition })))
  consumer.pause([{ topic, partition: 0 }])
  assert.deepEqual(consumer.paused, [{ topic, partition: 0 }])
  assert.ok((await take(consumer, 100)).every(({ partition }) => partition === 1))
  consumer.resume()
  assert.ok((await take(consumer, 100)).every(({ partition }) => partition === 0))
})

test('pausing in the middle of a batch holds the rest of it back', async () => {
  const topic = await filled(20, 2)
  const consumer = cluster.consumer(text)
  consumer.assign([0, 1].map(partition => ({ topic, partition })))
  const seen: number[] = []
  for await (const { partition } of consumer) {
    seen.push(partition)
    if (seen.length === 3) consumer.pause([{ topic, partition }])
    if (seen.length === 13) break
  }
  assert.deepEqual(new Set(seen.slice(3)).size, 1)
  assert.notEqual(seen[3], seen[0])
  consumer.resume()
  assert.equal(
    (await take(consumer, 7)).every(({ partition }) => partition === seen[0]),
    true,
  )
})

test('the reset policy says where a consumer without an offset begins', async () => {
  const topic = await filled(10)
  const tp = { topic, partition: 0 }
  const startOf = async (options: Parameters<typeof cluster.consumer>[0]) => {
    const consumer = cluster.consumer(options)
    consumer.assign([tp])
    return consumer.position(tp)
  }
  assert.equal(await startOf({ offsetReset: 'earliest' }), 0)
  assert.equal(await startOf({ offsetReset: 'latest' }), 10)
  assert.equal(await startOf({ offsetReset: { byDurationMs: Date.now() - timeOf(5) + 1_800_000 } }), 5)
  assert.equal(await startOf({ offsetReset: { byDurationMs: 3_600_000 } }), 10)
  await assert.rejects(startOf({ offsetReset: 'none' }), { code: 'NO_OFFSET', topic, partition: 0 })
})

test('an offset outside of the log is reset, or is an error with the policy none', async () => {
  const topic = await filled(10)
  const tp = { topic, partition: 0 }
  await cluster.admin.topics.deleteRecords([{ ...tp, beforeOffset: 4 }])
  const strict = cluster.consumer({ ...text, offsetReset: 'none' })
  strict.assign([tp])
  strict.seek(tp, 1)
  await assert.rejects(take(strict, 1), { code: 'OFFSET_OUT_OF_RANGE', topic, partition: 0, offset: 1 })
  strict.seek(tp, 4)
  assert.deepEqual(valuesOf(await take(strict, 1)), ['4'])
  const lenient = cluster.consumer({ ...text, offsetReset: 'earliest' })
  lenient.assign([tp])
  lenient.seek(tp, 99)
  assert.deepEqual(valuesOf(await take(lenient, 6)), numbers(4, 10))
})

test('a record that cannot be deserialized says where it is and can be passed', async () => {
  const topic = await cluster.topic()
  const tp = { topic, partition: 0 }
  await cluster.producer().sendBatch(['{"n":0}', '{"n":1}', 'not json', '{"n":3}'].map(value => ({ topic, value })))
  const consumer = cluster.consumer({ value: serdes.json<{ n: number }>() })
  consumer.assign([tp])
  const seen: (number | undefined)[] = []
  const loop = async (): Promise<void> => {
    for await (const { records } of consumer.batches()) {
      seen.push(...records.map(({ value }) => value?.n))
      if (seen.includes(3)) return
    }
  }
  await assert.rejects(loop(), error => {
    assert.ok(error instanceof KafkaError)
    assert.deepEqual([error.code, error.topic, error.partition, error.offset], ['DESERIALIZATION_FAILED', topic, 0, 2])
    return true
  })
  assert.deepEqual(seen, [0, 1])
  assert.equal(await consumer.position(tp), 2)
  consumer.seek(tp, 3)
  await loop()
  assert.deepEqual(seen, [0, 1, 3])
})

test('records that are written while the consumer waits are read at once', async () => {
  const topic = await cluster.topic()
  const consumer = cluster.consumer(text)
  consumer.assign([{ topic, partition: 0 }])
  const waiting = take(consumer, 1)
  const producer = cluster.producer()
  await consumer.position({ topic, partition: 0 })
  await producer.send({ topic, value: 'news' })
  assert.deepEqual(valuesOf(await waiting), ['news'])
})

test('a topic that is created later is read from then on', async () => {
  const topic = cluster.name('later')
  const consumer = cluster.consumer({ ...text, allowAutoTopicCreation: false })
  consumer.assign([{ topic, partition: 0 }])
  const waiting = take(consumer, 1)
  await cluster.admin.topics.create([{ name: topic }])
  await cluster.producer().send({ topic, value: 'born' })
  assert.deepEqual(valuesOf(await waiting), ['born'])
})

test('a signal ends the loop, and so does closing the consumer', async () => {
  const topic = await cluster.topic()
  const consumer = cluster.consumer()
  consumer.assign([{ topic, partition: 0 }])
  const ended: string[] = []
  for await (const _ of consumer.records({ signal: AbortSignal.timeout(50) })) ended.push('record')
  const loop = take(consumer, 1)
  await consumer.close()
  assert.deepEqual([ended, await loop], [[], []])
})

test('two loops at once are refused', async () => {
  const topic = await cluster.topic()
  const consumer = cluster.consumer()
  consumer.assign([{ topic, partition: 0 }])
  const first = take(consumer, 1)
  await assert.rejects(take(consumer, 1), { code: 'INVALID_STATE' })
  await consumer.close()
  await first
})

test('prefetching stays within its bounds and everything is read all the same', async () => {
  const topic = await cluster.topic(3)
  const producer = cluster.producer({ compression: 'none' })
  const value = 'x'.repeat(10_000)
  await producer.sendBatch(Array.from({ length: 300 }, (_, n) => ({ topic, partition: n % 3, value })))
  const consumer = cluster.consumer({ prefetchBytes: 200_000, partitionMaxBytes: 60_000, batchRecordsMax: 5 })
  consumer.assign([0, 1, 2].map(partition => ({ topic, partition })))
  let count = 0
  for await (const { records } of consumer.batches()) {
    count += records.length
    if (count === 300) break
  }
  assert.equal(count, 300)
})

test('commits need a group, and a subscription does too', async () => {
  const consumer = cluster.consumer()
  await assert.rejects(consumer.commit(), { code: 'INVALID_STATE' })
  assert.throws(() => consumer.subscribe(['x']), { code: 'INVALID_STATE' })
  await assert.rejects(take(consumer, 1), { code: 'INVALID_STATE' })
  assert.throws(() => consumer.seek({ topic: 'x', partition: 0 }, 1), { code: 'INVALID_STATE' })
})

test('a partition with much to read does not wait for one with nothing', async () => {
  const topic = await cluster.topic(2)
  const value = 'x'.repeat(1000)
  await cluster.producer().sendBatch(Array.from({ length: 400 }, () => ({ topic, partition: 0, value })))
  // Were a fetch of the empty partition alone ever waited for, the rest would not come in time.
  const consumer = cluster.consumer({ fetchMaxWaitMs: 60_000, partitionMaxBytes: 20_000, batchRecordsMax: 10 })
  consumer.assign([0, 1].map(partition => ({ topic, partition })))
  let count = 0
  for await (const { records } of consumer.batches({ signal: AbortSignal.timeout(15_000) }))
    if ((count += records.length) === 400) break
  assert.equal(count, 400)
})
