/**
 * Memory that is used again must not be used too early: whatever comes back to a pool is poisoned here, and every byte that a client reads is looked at,
 * while others read slowly, ask for much at once, or die in the middle of an answer.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { poisonReleasedBuffers, silentLogger, systemClock } from '@millrace/base'
import { type Broker, brokerConfigOf, startBroker } from '@millrace/broker'
import {
  BatchBuilder,
  batchSizeOf,
  CreateTopics,
  Fetch,
  hasValidCrc,
  Produce,
  Reader,
  readResponseHeader,
} from '@millrace/protocol'
import { defaultDiskSettings, openDiskEngine, openMemoryCatalog } from '@millrace/storage'
import { WireClient } from '@millrace/testkit'
import { frameOf } from './frames.ts'
import { RawPeer, within } from './under-attack.ts'

const TOPIC = 'lent'
const BATCHES = 60
const VERSION = 12
const PARTITION_BYTES = 400_000
const PIPELINED = 6

poisonReleasedBuffers()

/** Each its own bytes, some within one chunk of a socket and some over several. */
function valueAt(i: number): Buffer {
  return Buffer.alloc([300, 20_000, 90_000, 150_000][i % 4]!, `<${i}>`)
}

function batchOf(i: number): Buffer {
  const builder = new BatchBuilder()
  builder.append({ timestamp: 1000 + i, value: valueAt(i) })
  return Buffer.from(builder.build())
}

const fetchFrame = (fetchOffset: number): Buffer =>
  frameOf(Fetch, VERSION, {
    maxWaitMs: 1000,
    minBytes: 1,
    maxBytes: 50_000_000,
    topics: [{ topic: TOPIC, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: PARTITION_BYTES }] }],
    forgottenTopicsData: [],
  })

/** Checks every byte of the records of a whole answer; answers the offset after them. */
function checked(frame: Buffer): number {
  const r = new Reader(frame)
  readResponseHeader(r, true)
  const { responses } = Fetch.response.read(r, VERSION)
  const records = responses[0]!.partitions[0]!.records![0]!
  let next = -1
  for (let at = 0; at < records.length; at += batchSizeOf(records, at)) {
    assert(hasValidCrc(records, at), 'the batch is whole')
    const offset = Number(records.readBigInt64BE(at))
    assert(
      records.subarray(at, at + batchSizeOf(records, at)).includes(valueAt(offset)),
      `batch ${offset} has its own bytes`,
    )
    next = offset + 1
  }
  assert(next > 0, 'the answer has records')
  return next
}

/** Takes the answers apart as they come. */
async function answers(peer: RawPeer, count: number): Promise<Buffer[]> {
  const frames: Buffer[] = []
  let at = 0
  while (frames.length < count) {
    await peer.receives(at + 4)
    const size = peer.received.readInt32BE(at)
    await peer.receives(at + 4 + size)
    frames.push(peer.received.subarray(at + 4, at + 4 + size))
    at += 4 + size
  }
  return frames
}

async function produceAll(port: number): Promise<void> {
  const client = await WireClient.connect({ port })
  const topic = { name: TOPIC, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  await client.request(CreateTopics, 7, { topics: [topic], timeoutMs: 5000, validateOnly: false })
  const sent = Array.from({ length: BATCHES }, (_, i) => {
    const topicData = [{ name: TOPIC, partitionData: [{ index: 0, records: [batchOf(i)] }] }]
    return client.request(Produce, 9, { acks: -1, timeoutMs: 5000, topicData })
  })
  for (const { responses } of await Promise.all(sent)) assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0)
  await client.close()
}

/** Reads from the beginning to the end, one answer after the other. */
async function readThrough(port: number): Promise<void> {
  for (let offset = 0; offset < BATCHES; ) {
    const peer = await RawPeer.connect(port)
    peer.write(fetchFrame(offset))
    offset = checked((await answers(peer, 1))[0]!)
    peer.destroy()
  }
}

/** Asks for much and looks at it only when others have read everything. */
async function readLate(port: number, others: Promise<unknown>): Promise<void> {
  const peer = await RawPeer.connect(port)
  peer.socket.pause()
  for (let i = 0; i < PIPELINED; i++) peer.write(fetchFrame((i * 7) % BATCHES))
  await others
  peer.socket.resume()
  for (const frame of await answers(peer, PIPELINED)) checked(frame)
  peer.destroy()
}

/** Dies when the first bytes of many answers have come. */
async function dieReading(port: number): Promise<void> {
  const peer = await RawPeer.connect(port)
  for (let i = 0; i < PIPELINED; i++) peer.write(fetchFrame((i * 5) % BATCHES))
  await peer.receives(1000)
  const closed = once(peer.socket, 'close')
  peer.destroy()
  await closed
}

async function withDiskBroker(tailBytes: number, use: (port: number, broker: Broker) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-lent-'))
  const engine = await openDiskEngine({
    dirs: [folder],
    catalog: openMemoryCatalog(),
    clock: systemClock,
    logger: silentLogger,
    settings: { ...defaultDiskSettings, tailBytes },
  })
  const config = brokerConfigOf({ listeners: 'PLAINTEXT://127.0.0.1:0' })
  const broker = await startBroker({ config, engine, logger: silentLogger, clock: systemClock })
  try {
    await use([...broker.ports.values()][0]!, broker)
  } finally {
    await broker.stop()
    rmSync(folder, { recursive: true })
  }
}

for (const [where, tailBytes] of [
  ['files', 0],
  ['the tail in memory', 1 << 20],
] as const)
  test(
    `every byte that is read from ${where} is the log's, whoever is slow or dies meanwhile`,
    { timeout: 60_000 },
    () =>
      withDiskBroker(tailBytes, async port => {
        await produceAll(port)
        const work = Promise.all([
          ...Array.from({ length: 4 }, () => readThrough(port)),
          ...Array.from({ length: 6 }, () => dieReading(port)),
        ])
        await within(
          40_000,
          Promise.all([work, ...Array.from({ length: 4 }, () => readLate(port, work))]),
          'the readers',
        )
        await readThrough(port)
      }),
  )
