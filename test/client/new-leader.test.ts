/** A leader that knows less than the one before it (KIP-320): what no single broker does, a proxy pretends. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { serdes } from '@millrace/client'
import { Fetch, Metadata, OffsetForLeaderEpoch, Produce } from '@millrace/protocol'
import { type ClusterUnderTest, clusterUnderTest, take } from './cluster-under-test.ts'
import { UnreliableProxy } from './unreliable-proxy.ts'

let cluster: ClusterUnderTest
before(async () => {
  cluster = await clusterUnderTest()
})
after(() => cluster[Symbol.asyncDispose]())

/** Below this version a fetch says nothing of epochs, so that the broker does not see through it. */
const FETCH_WITHOUT_EPOCH = 8

async function withNewLeader(
  end: { readonly leaderEpoch: number; readonly endOffset: number },
  run: (topic: string, proxy: UnreliableProxy, asked: () => number) => Promise<void>,
): Promise<void> {
  await using proxy = await UnreliableProxy.open(cluster.bootstrap, new Map([[Fetch.key, FETCH_WITHOUT_EPOCH]]))
  const topic = await cluster.topic()
  await cluster.producer().sendBatch(Array.from({ length: 10 }, (_, n) => ({ topic, value: `${n}` })))
  let asked = 0
  proxy.rewriteAnswers(OffsetForLeaderEpoch, ({ throttleTimeMs, topics }) => {
    asked++
    const ends = topics.map(each => ({
      ...each,
      partitions: each.partitions.map(({ partition }) => ({ errorCode: 0, partition, ...end })),
    }))
    return { throttleTimeMs, topics: ends }
  })
  await run(topic, proxy, () => asked)
}

/** From the next refresh on the partition has a younger leader epoch. */
function announceLeader(proxy: UnreliableProxy): void {
  proxy.rewriteAnswers(Metadata, body => ({
    ...body,
    topics: body.topics.map(each => ({ ...each, partitions: each.partitions.map(p => ({ ...p, leaderEpoch: 7 })) })),
  }))
}

const options = { metadataMaxAgeMs: 50, value: serdes.string }

test('a consumer goes back to where the logs part', async () => {
  await withNewLeader({ leaderEpoch: 0, endOffset: 4 }, async (topic, proxy) => {
    await using consumer = cluster.consumer({ ...options, bootstrap: proxy.bootstrap })
    consumer.assign([{ topic, partition: 0 }])
    assert.equal((await take(consumer, 10)).length, 10)
    announceLeader(proxy)
    assert.equal((await take(consumer, 1))[0]!.offset, 4)
  })
})

test('without a reset policy the loss is an error, and reading can go on', async () => {
  await withNewLeader({ leaderEpoch: 0, endOffset: 4 }, async (topic, proxy) => {
    await using consumer = cluster.consumer({ ...options, bootstrap: proxy.bootstrap, offsetReset: 'none' })
    const tp = { topic, partition: 0 }
    consumer.assign([tp])
    consumer.seek(tp, 0)
    await take(consumer, 10)
    announceLeader(proxy)
    await assert.rejects(take(consumer, 1), { code: 'LOG_TRUNCATED', topic, partition: 0, offset: 4 })
    assert.equal((await take(consumer, 1))[0]!.offset, 4)
  })
})

test('where nothing was lost nothing happens', async () => {
  await withNewLeader({ leaderEpoch: 0, endOffset: 1000 }, async (topic, proxy, asked) => {
    await using consumer = cluster.consumer({ ...options, bootstrap: proxy.bootstrap })
    consumer.assign([{ topic, partition: 0 }])
    await take(consumer, 10)
    announceLeader(proxy)
    const producer = cluster.producer()
    for (let offset = 10; asked() === 0; offset++) {
      await producer.send({ topic, value: 'next' })
      assert.equal((await take(consumer, 1))[0]!.offset, offset)
    }
  })
})

test('a producer sends again what a broker refused because it does not lead any more', async () => {
  await using proxy = await UnreliableProxy.open(cluster.bootstrap)
  const topic = await cluster.topic()
  let refusals = 0
  proxy.rewriteAnswers(Produce, body => {
    if (refusals >= 3) return body
    refusals++
    const refuse = <P extends object>(partition: P): P => ({ ...partition, errorCode: 6, baseOffset: -1 })
    return {
      ...body,
      responses: body.responses.map(each => ({ ...each, partitionResponses: each.partitionResponses.map(refuse) })),
    }
  })
  await using producer = cluster.producer({ bootstrap: proxy.bootstrap })
  // It was in the log all the time: the broker knows the sequence and gives the first copy's offset.
  assert.equal((await producer.send({ topic, value: 'once' })).offset, 0)
  assert.equal(refusals, 3)
  const ends = await cluster.admin.offsets.list([{ topic, partition: 0, at: 'latest' }])
  assert.equal(ends.get(`${topic}-0`)!.offset, 1)
})
