import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type LogFields, silentLogger } from '@millrace/base'
import { KafkaError, serdes } from '@millrace/client'
import { Fetch, Heartbeat, Produce } from '@millrace/protocol'
import { type ClusterUnderTest, clusterUnderTest, take } from './cluster-under-test.ts'
import { UnreliableProxy } from './unreliable-proxy.ts'

let cluster: ClusterUnderTest
before(async () => {
  cluster = await clusterUnderTest()
})
after(() => cluster[Symbol.asyncDispose]())

async function valuesIn(topic: string, partitions: number, count: number): Promise<Map<number, string[]>> {
  const consumer = cluster.consumer({ value: serdes.string })
  consumer.assign(Array.from({ length: partitions }, (_, partition) => ({ topic, partition })))
  const found = new Map<number, string[]>()
  for (const { partition, value } of await take(consumer, count))
    found.set(partition, [...(found.get(partition) ?? []), value!])
  const ends = await cluster.admin.offsets.list(
    Array.from({ length: partitions }, (_, partition) => ({ topic, partition, at: 'latest' as const })),
  )
  assert.equal(
    [...ends.values()].reduce((sum, { offset }) => sum + offset, 0),
    count,
  )
  return found
}

test('answers that are lost in between lead to no record twice, none missing, and none out of order', async () => {
  await using proxy = await UnreliableProxy.open(cluster.bootstrap)
  const topic = await cluster.topic(3)
  const producer = cluster.producer({ bootstrap: proxy.bootstrap, batchBytes: 400, lingerMs: 0 })
  await producer.send({ topic, partition: 0, value: '0' })
  proxy.cutAnswers(Produce.key, 4)
  const count = 900
  const sent: Promise<unknown>[] = []
  for (let n = 1; n < count; n++) {
    sent.push(producer.send({ topic, partition: n % 3, value: `${n}` }))
    if (n % 10 === 0) await new Promise(setImmediate)
  }
  await Promise.all(sent)
  assert.ok(proxy.cuts >= 3, `only ${proxy.cuts} cuts`)
  for (const [partition, values] of await valuesIn(topic, 3, count))
    assert.deepEqual(
      values,
      Array.from({ length: count / 3 }, (_, n) => `${n * 3 + partition}`),
    )
})

test('a producer without idempotence keeps its order when connections are cut before anything is sent', async () => {
  await using proxy = await UnreliableProxy.open(cluster.bootstrap)
  const topic = await cluster.topic()
  const producer = cluster.producer({ bootstrap: proxy.bootstrap, idempotent: false, batchBytes: 400, lingerMs: 0 })
  const sent: Promise<unknown>[] = []
  for (let n = 0; n < 200; n++) {
    sent.push(producer.send({ topic, value: `${n}` }))
    if (n === 100) {
      await Promise.all(sent)
      proxy.cutAll()
    }
  }
  await Promise.all(sent)
  const values = (await valuesIn(topic, 1, 200)).get(0)
  assert.deepEqual(
    values,
    Array.from({ length: 200 }, (_, n) => `${n}`),
  )
})

test('a consumer whose fetches are cut off reads everything once', async () => {
  await using proxy = await UnreliableProxy.open(cluster.bootstrap)
  const topic = await cluster.topic(2)
  await cluster
    .producer()
    .sendBatch(Array.from({ length: 400 }, (_, n) => ({ topic, partition: n % 2, value: `${n}` })))
  proxy.cutAnswers(Fetch.key, 2)
  await using consumer = cluster.consumer({
    bootstrap: proxy.bootstrap,
    partitionMaxBytes: 500,
    batchRecordsMax: 20,
    value: serdes.string,
  })
  consumer.assign([0, 1].map(partition => ({ topic, partition })))
  const values = (await take(consumer, 400)).map(({ value }) => Number(value))
  assert.deepEqual(
    values.sort((a, b) => a - b),
    Array.from({ length: 400 }, (_, n) => n),
  )
  assert.ok(proxy.cuts > 0)
})

test('a member keeps its place in the group when heartbeats get lost', async () => {
  await using proxy = await UnreliableProxy.open(cluster.bootstrap)
  const topic = await cluster.topic()
  const producer = cluster.producer()
  const events: string[] = []
  await using consumer = cluster.consumer({
    bootstrap: proxy.bootstrap,
    groupId: cluster.name('group'),
    heartbeatIntervalMs: 20,
  })
  consumer.subscribe([topic], {
    onAssigned: () => void events.push('assigned'),
    onRevoked: () => void events.push('revoked'),
    onLost: () => void events.push('lost'),
  })
  await producer.send({ topic, value: 'first' })
  await take(consumer, 1)
  proxy.cutAnswers(Heartbeat.key, 1)
  while (proxy.cuts < 2) await new Promise(setImmediate)
  proxy.cutAnswers(-1, 1)
  await producer.send({ topic, value: 'second' })
  await take(consumer, 1)
  await consumer.commit()
  assert.deepEqual(events, ['assigned'])
})

test('clients find the cluster again after all connections are lost', async () => {
  await using proxy = await UnreliableProxy.open(cluster.bootstrap)
  const topic = await cluster.topic()
  const producer = cluster.producer({ bootstrap: proxy.bootstrap })
  await using consumer = cluster.consumer({ bootstrap: proxy.bootstrap, value: serdes.string })
  consumer.assign([{ topic, partition: 0 }])
  for (const value of ['one', 'two', 'three']) {
    await producer.send({ topic, value })
    assert.equal((await take(consumer, 1))[0]!.value, value)
    proxy.cutAll()
  }
})

test('a record that finds no broker in time is lost with the reason, and the producer goes on with a new epoch', async () => {
  await using proxy = await UnreliableProxy.open(cluster.bootstrap)
  const topic = await cluster.topic()
  const producer = cluster.producer({ bootstrap: proxy.bootstrap, deliveryTimeoutMs: 300 })
  await producer.send({ topic, value: 'before' })
  proxy.cutAnswers(Produce.key, 1)
  await assert.rejects(producer.send({ topic, value: 'in between' }), { code: 'TIMED_OUT', topic, partition: 0 })
  proxy.cutAnswers(-1, 1)
  await producer.send({ topic, value: 'after' })
  const producers = (await cluster.admin.topics.producers([{ topic, partition: 0 }])).get(`${topic}-0`)!
  assert.deepEqual(
    producers.map(({ producerEpoch, lastSequence }) => [producerEpoch, lastSequence]),
    [[1, 0]],
  )
})

test('records that are sent again and again are a warning with the reason, and not one for each time', async () => {
  await using proxy = await UnreliableProxy.open(cluster.bootstrap)
  const topic = await cluster.topic()
  const warnings: { readonly message: string; readonly error: unknown }[] = []
  const heard = Promise.withResolvers<void>()
  const warn = (message: string, fields: LogFields = {}): void => {
    warnings.push({ message, error: fields.error })
    heard.resolve()
  }
  const logger = { ...silentLogger, warn }
  const producer = cluster.producer({ bootstrap: proxy.bootstrap, logger, retryBackoffMs: 1, retryBackoffMaxMs: 2 })
  await producer.send({ topic, value: 'before' })
  proxy.cutAnswers(Produce.key, 1)
  const sent = producer.send({ topic, value: 'in between' })
  await heard.promise
  proxy.cutAnswers(-1, 1)
  await sent
  assert.equal(proxy.cuts >= 5, true, `a warning after ${proxy.cuts} times`)
  assert.equal(warnings.length, 1)
  assert.match(warnings[0]!.message, /^records cannot be written/)
  assert.ok(warnings[0]!.error instanceof KafkaError)
})
