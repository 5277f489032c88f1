import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiVersions, BatchBuilder, CreateTopics, Fetch, Produce } from '@millrace/protocol'
import { frameOf, sizePrefix } from './frames.ts'
import { type Field, type RawPeer, underAttack, within } from './under-attack.ts'

const limits = { timeout: 60_000 }
const END_MS = 20_000
const apiVersions = frameOf(ApiVersions, 3, { clientSoftwareName: 'a', clientSoftwareVersion: '1' })
const ended = (peer: RawPeer): Promise<void> => within(END_MS, peer.ended, 'the end of the connection')

/** A topic with so many bytes in it, for answers that are worth not reading. */
async function topicOf(field: Field, name: string, bytes: number): Promise<void> {
  const client = await field.connect()
  const topic = { name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
  await client.request(CreateTopics, 7, { topics: [topic], timeoutMs: 5000, validateOnly: false })
  const builder = new BatchBuilder()
  builder.append({ timestamp: Date.now(), value: Buffer.alloc(1_000_000, 7) })
  const batch = builder.build()
  for (let sent = 0; sent < bytes; sent += batch.length) {
    const topicData = [{ name, partitionData: [{ index: 0, records: [Buffer.from(batch)] }] }]
    const answer = await client.request(Produce, 9, { acks: 1, timeoutMs: 5000, topicData })
    assert.equal(answer.responses[0]!.partitionResponses[0]!.errorCode, 0)
  }
  await client.close()
}

function fetchFrame(topic: string, partition: number, maxWaitMs: number): Buffer {
  return frameOf(Fetch, 12, {
    maxWaitMs,
    minBytes: 1,
    maxBytes: 50_000_000,
    topics: [{ topic, partitions: [{ partition, fetchOffset: 0, partitionMaxBytes: 50_000_000 }] }],
    forgottenTopicsData: [],
  })
}

test('connections that trickle a request, or say nothing, are ended when connections.max.idle.ms is over', limits, () =>
  underAttack({ settings: { 'connections.max.idle.ms': '2000' } }, async field => {
    const silent = await Promise.all(Array.from({ length: 50 }, () => field.peer()))
    const trickling = await Promise.all(Array.from({ length: 50 }, () => field.peer()))
    for (const peer of trickling) peer.write(sizePrefix(1_000_000))
    const drip = setInterval(() => {
      for (const peer of trickling) peer.write(Buffer.alloc(1))
    }, 20)
    try {
      await Promise.all([...silent, ...trickling].map(ended))
    } finally {
      clearInterval(drip)
    }
  }),
)

test('what a trickled frame costs is what was sent of it, not what it claims', limits, () =>
  underAttack({ growthMiBMax: 250 }, async field => {
    const peers = await Promise.all(Array.from({ length: 200 }, () => field.peer()))
    for (const peer of peers) peer.write(sizePrefix(100_000_000))
    for (let i = 0; i < 20; i++) {
      for (const peer of peers) peer.write(Buffer.alloc(100))
      await field.healthy.rounds(1)
    }
  }),
)

test('a client that never reads holds little memory, and is let go when it is idle for too long', limits, () =>
  underAttack({ settings: { 'connections.max.idle.ms': '3000' }, growthMiBMax: 500 }, async field => {
    await topicOf(field, 'large', 20_000_000)
    const peers = await Promise.all(Array.from({ length: 20 }, () => field.peer()))
    for (const peer of peers) {
      peer.socket.pause()
      for (let i = 0; i < 100; i++) peer.write(fetchFrame('large', 0, 0))
    }
    await field.healthy.rounds(50)
    // Whoever does not read learns of the end when it writes.
    const knock = setInterval(() => {
      for (const peer of peers) peer.write(apiVersions)
    }, 100)
    try {
      await Promise.all(peers.map(ended))
    } finally {
      clearInterval(knock)
    }
  }),
)

test('answers that are ready behind a request that waits do not pile up', limits, () =>
  underAttack({ growthMiBMax: 500 }, async field => {
    await topicOf(field, 'large', 20_000_000)
    const peers = await Promise.all(Array.from({ length: 10 }, () => field.peer()))
    for (const peer of peers) {
      peer.write(fetchFrame('large', 1, 0x7fffffff))
      for (let i = 0; i < 50; i++) peer.write(fetchFrame('large', 0, 0))
    }
    await field.healthy.rounds(50)
    for (const peer of peers) assert.equal(peer.received.length, 0)
  }),
)

test('a client that hangs up in the middle of everything leaves nothing behind that hurts', limits, () =>
  underAttack({}, async field => {
    await topicOf(field, 'some', 1_000_000)
    for (let i = 0; i < 200; i++) {
      const peer = await field.peer()
      peer.write(Buffer.concat([apiVersions, fetchFrame('some', 1, 0x7fffffff), fetchFrame('some', 0, 0), apiVersions]))
      if (i % 2 === 0) peer.write(apiVersions.subarray(0, 9))
      if (i % 3 === 0) peer.end()
      else if (i % 3 === 1) peer.socket.resetAndDestroy()
      else peer.destroy()
      await ended(peer)
    }
    await field.healthy.rounds(20)
  }),
)

test('a client that only half hangs up is hung up on', limits, () =>
  underAttack({}, async field => {
    const peer = await field.peer()
    peer.write(apiVersions)
    await peer.receives(4)
    peer.end()
    await ended(peer)
  }),
)

test('one more than max.connections is let go at once, and there is room again when one leaves', limits, () =>
  underAttack({ settings: { 'max.connections': '4' } }, async field => {
    const [first] = await Promise.all([field.peer(), field.peer(), field.peer()])
    await ended(await field.peer())
    await isServed(first!)
    first!.end()
    await ended(first!)
    await isServed(await field.peer())
    assert.ok(field.log.some(line => line.includes('max.connections')))
  }),
)

for (const settings of [{ 'max.connections.per.ip': '3' }, { 'max.connections.per.ip.overrides': '127.0.0.1:3' }])
  test(`one more than ${Object.keys(settings)[0]} is let go at once`, limits, () =>
    underAttack({ settings }, async field => {
      const peers = await Promise.all([field.peer(), field.peer()])
      await ended(await field.peer())
      for (const peer of peers) await isServed(peer)
      assert.ok(field.log.some(line => line.includes('max.connections.per.ip')))
    }),
  )

test('with queued.max.requests all taken by requests that wait, others are served', limits, () =>
  underAttack({ settings: { 'queued.max.requests': '2' } }, async field => {
    await topicOf(field, 'empty', 0)
    const peers = await Promise.all(Array.from({ length: 30 }, () => field.peer()))
    for (const peer of peers) peer.write(fetchFrame('empty', 1, 0x7fffffff))
    await field.healthy.rounds(20)
    await isServed(await field.peer())
  }),
)

test('many connections that come and go at once are all served', limits, () =>
  underAttack({}, async field => {
    // no more at a time than socket.listen.backlog.size
    for (let round = 0; round < 20; round++) {
      const peers = await Promise.all(Array.from({ length: 50 }, () => field.peer()))
      await Promise.all(peers.map(peer => isServed(peer)))
      for (const peer of peers) peer.destroy()
    }
  }),
)

async function isServed(peer: RawPeer): Promise<void> {
  const before = peer.received.length
  peer.write(apiVersions)
  await peer.receives(before + 4)
  assert.ok(peer.received.length > before, 'the connection is served')
}
