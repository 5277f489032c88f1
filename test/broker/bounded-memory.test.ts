/**
 * What clients ask for, and do not take, must not become the broker's memory. The broker is a process of its own here, and what counts is the most that was
 * ever resident of it. Without any load that is about 110 MiB when it runs from source, and up to 32 are the tail in memory.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { BatchBuilder, CreateTopics, Fetch, Produce } from '@millrace/protocol'
import { WireClient } from '@millrace/testkit'
import { ChildBroker, canSeeMemory } from './child-broker.ts'
import { frameOf } from './frames.ts'
import { HealthyClient } from './healthy-client.ts'

const limits = { timeout: 110_000, skip: canSeeMemory ? false : 'nobody tells how much memory a process has' }
const TOPIC = 'held'
const PARTITIONS = 8
const MIB = 1 << 20
const TAKE_MS = 3000

interface Scene {
  readonly broker: ChildBroker
  readonly client: WireClient
  readonly healthy: HealthyClient
}

/** Somebody who behaves is served all the while, and at the end the broker was never larger than it may be. */
async function heldUnder(
  peakMiBMax: number,
  settings: Readonly<Record<string, string>>,
  act: (scene: Scene) => Promise<void>,
): Promise<void> {
  await using broker = await ChildBroker.start(settings)
  const client = await WireClient.connect({ port: broker.port, timeoutMs: 60_000 })
  const topic = { name: TOPIC, numPartitions: PARTITIONS, replicationFactor: 1, assignments: [], configs: [] }
  await client.request(CreateTopics, 7, { topics: [topic], timeoutMs: 5000, validateOnly: false })
  const healthy = await HealthyClient.start(broker.port)
  try {
    await act({ broker, client, healthy })
    await healthy.rounds(20)
  } finally {
    await healthy.stop()
    await client.close()
  }
  const { peakMiB } = broker
  assert(peakMiB < peakMiBMax, `${peakMiB} MiB were resident, at most ${peakMiBMax} are allowed`)
}

function batchOf(bytes: number): Buffer {
  const builder = new BatchBuilder()
  builder.append({ timestamp: 1_700_000_000_000, value: Buffer.alloc(bytes, 7) })
  return Buffer.from(builder.build())
}

async function fill(client: WireClient, partition: number, bytes: number): Promise<void> {
  const batch = batchOf(900_000)
  for (let sent = 0; sent < bytes; sent += batch.length) {
    const topicData = [{ name: TOPIC, partitionData: [{ index: partition, records: [batch] }] }]
    const answer = await client.request(Produce, 9, { acks: 1, timeoutMs: 5000, topicData })
    assert.equal(answer.responses[0]!.partitionResponses[0]!.errorCode, 0)
  }
}

const fetchFrame = (partition: number, fetchOffset: number, maxBytes: number): Buffer =>
  frameOf(Fetch, 12, {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes,
    topics: [{ topic: TOPIC, partitions: [{ partition, fetchOffset, partitionMaxBytes: maxBytes }] }],
    forgottenTopicsData: [],
  })

/** Reads so many bytes and no more; less, where the broker has nothing for it just now or hung up. */
async function take(peer: Socket, bytes: number): Promise<void> {
  const signal = AbortSignal.timeout(TAKE_MS)
  for (let left = bytes; left > 0 && !signal.aborted && !peer.destroyed; ) {
    const chunk = peer.read() as Buffer | null
    if (chunk === null) await once(peer, 'readable', { signal }).catch(() => {})
    else left -= chunk.length
  }
}

test(
  'a thousand consumers who ask for 5 GB and read nothing, or hardly anything, are waited for on disk (with /proc)',
  limits,
  () =>
    heldUnder(300, {}, async ({ broker, client, healthy }) => {
      for (let partition = 0; partition < PARTITIONS; partition++) await fill(client, partition, 8 * MIB)
      const asked = Array.from({ length: PARTITIONS }, (_, partition) =>
        Buffer.concat(Array.from({ length: 5 }, (_, i) => fetchFrame(partition, i, MIB))),
      )
      const peers: Socket[] = []
      for (let i = 0; i < 1000; i++) {
        const peer = await broker.deafPeer()
        peer.write(asked[i % PARTITIONS]!)
        peers.push(peer)
        if (i % 50 === 0) await healthy.rounds(1)
      }
      // A few of them take a little now and then: each place that gets free is filled again, for one answer at a time.
      for (let round = 0; round < 5; round++) {
        await Promise.all(peers.slice(0, 50).map(peer => take(peer, 20_000)))
        await healthy.rounds(1)
      }
    }),
)

test('a producer who never reads its answers is not read any more (with /proc)', limits, () =>
  heldUnder(250, {}, async ({ broker, healthy }) => {
    // Each partition that is not there costs a few bytes to name and more to refuse.
    const partitionData = Array.from({ length: 500 }, (_, i) => ({ index: 1000 + i, records: null }))
    const request = frameOf(Produce, 9, { acks: 1, timeoutMs: 5000, topicData: [{ name: TOPIC, partitionData }] })
    const many = Buffer.concat(Array.from({ length: 100 }, () => request))
    const producers = await Promise.all(Array.from({ length: 50 }, () => broker.deafPeer()))
    // 5 GB of answers if they were written.
    for (let round = 0; round < 40; round++) {
      for (const producer of producers) if (producer.writableLength < many.length) producer.write(many)
      await healthy.rounds(1)
    }
  }),
)

test('messages of 64 MB are taken and given out one at a time (with /proc)', limits, () => {
  const large = { 'message.max.bytes': String(80 * MIB), 'queued.max.request.bytes': String(110 * MIB) }
  return heldUnder(450, large, async ({ broker, healthy }) => {
    const batch = batchOf(64_000_000)
    const producers = await Promise.all(
      Array.from({ length: 4 }, () => WireClient.connect({ port: broker.port, timeoutMs: 60_000 })),
    )
    const sent = producers.map(async (producer, index) => {
      const topicData = [{ name: TOPIC, partitionData: [{ index, records: [batch] }] }]
      const answer = await producer.request(Produce, 9, { acks: 1, timeoutMs: 60_000, topicData })
      assert.equal(answer.responses[0]!.partitionResponses[0]!.errorCode, 0)
      await producer.close()
    })
    await Promise.all(sent)
    const deaf = await Promise.all(Array.from({ length: 4 }, () => broker.deafPeer()))
    for (const [i, peer] of deaf.entries()) peer.write(fetchFrame(i, 0, 100 * MIB))
    await healthy.rounds(20)
  })
})
