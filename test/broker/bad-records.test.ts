import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  BATCH_OVERHEAD,
  BatchBuilder,
  type CompressionCodec,
  CreateTopics,
  compress,
  type ErrorName,
  errorCode,
  Fetch,
  Produce,
} from '@millrace/protocol'
import type { WireClient } from '@millrace/testkit'
import { wrapped } from '../fuzz/inputs.ts'
import { type Field, underAttack } from './under-attack.ts'

const TOPIC = 'records'
const limits = { timeout: 60_000 }
const codecs: readonly CompressionCodec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

function plainBatch(recordCount = 3): Buffer {
  const builder = new BatchBuilder()
  for (let i = 0; i < recordCount; i++)
    builder.append({
      timestamp: Date.now(),
      key: Buffer.from('k'),
      value: Buffer.from(`value ${i}`),
      headers: [{ key: 'h', value: null }],
    })
  return builder.build()
}

async function topicOn(field: Field): Promise<WireClient> {
  const client = await field.connect()
  const topic = { name: TOPIC, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  await client.request(CreateTopics, 7, { topics: [topic], timeoutMs: 5000, validateOnly: false })
  return client
}

async function produce(
  client: WireClient,
  records: Buffer,
): Promise<{ errorCode: number; errorMessage?: string | null }> {
  const topicData = [{ name: TOPIC, partitionData: [{ index: 0, records: [records] }] }]
  const answer = await client.request(Produce, 12, { acks: -1, timeoutMs: 10_000, topicData })
  return answer.responses[0]!.partitionResponses[0]!
}

async function isRefused(
  client: WireClient,
  records: Buffer,
  errors: readonly ErrorName[],
  what: string,
): Promise<void> {
  const { errorCode: code, errorMessage } = await produce(client, records)
  assert.ok(errors.map(errorCode).includes(code), `${what}: error ${code} ${errorMessage}, not ${errors.join(' or ')}`)
}

/** Nothing of what was refused may have reached the log. */
async function logIsEmpty(client: WireClient): Promise<void> {
  const answer = await client.request(Fetch, 12, {
    maxWaitMs: 0,
    minBytes: 0,
    topics: [{ topic: TOPIC, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }] }],
    forgottenTopicsData: [],
  })
  const partition = answer.responses[0]!.partitions[0]!
  assert.deepEqual([partition.errorCode, partition.highWatermark], [0, 0])
}

test('a batch that fails its checksum is refused wherever the wrong byte is, and the connection goes on', limits, () =>
  underAttack({}, async field => {
    const client = await topicOn(field)
    const good = plainBatch()
    for (let at = 17; at < good.length; at++) {
      const bad = Buffer.from(good)
      bad[at]! ^= 0x40
      await isRefused(
        client,
        bad,
        at === 22 ? ['CORRUPT_MESSAGE', 'UNSUPPORTED_COMPRESSION_TYPE'] : ['CORRUPT_MESSAGE'],
        `byte ${at}`,
      )
    }
    await logIsEmpty(client)
    assert.equal((await produce(client, good)).errorCode, 0)
  }),
)

test('a batch whose length lies, or that is none, is refused', limits, () =>
  underAttack({}, async field => {
    const client = await topicOn(field)
    for (const length of [-0x80000000, -13, -1, 0, 1, 48, 49, 0x7fffffff]) {
      const bad = plainBatch()
      bad.writeInt32BE(length, 8)
      await isRefused(client, bad, ['CORRUPT_MESSAGE', 'INVALID_RECORD', 'MESSAGE_TOO_LARGE'], `length ${length}`)
    }
    for (const size of [0, 1, 12, 16, 17, 60])
      await isRefused(client, plainBatch().subarray(0, size), ['CORRUPT_MESSAGE', 'INVALID_RECORD'], `${size} bytes`)
    for (const magic of [0, 1, 3, 127, -1]) {
      const bad = plainBatch()
      bad.writeInt8(magic, 16)
      await isRefused(
        client,
        bad,
        ['CORRUPT_MESSAGE', 'INVALID_RECORD', 'UNSUPPORTED_FOR_MESSAGE_FORMAT'],
        `magic ${magic}`,
      )
    }
    await logIsEmpty(client)
  }),
)

/** What is sent is small; what it claims to be, or is, inside is not. */
const bombs: readonly [name: string, codec: CompressionCodec, content: () => Buffer][] = [
  ['gzip of 128 MiB of zeros', 'gzip', () => compress('gzip', Buffer.alloc(128 << 20))],
  ['zstd of 256 MiB of zeros', 'zstd', () => compress('zstd', Buffer.alloc(256 << 20))],
  ['lz4 of 128 MiB of zeros', 'lz4', () => compress('lz4', Buffer.alloc(128 << 20))],
  ['a snappy block that says it has 4 GiB', 'snappy', () => Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0])],
  ['a snappy stream of many large blocks', 'snappy', snappyBomb],
  ['a gzip of a gzip of zeros', 'gzip', () => compress('gzip', compress('gzip', Buffer.alloc(64 << 20)))],
]

/** Blocks in the Java framing, each as dense as snappy gets. */
function snappyBomb(): Buffer {
  const zeros = Buffer.alloc(32_768)
  const framed = compress('snappy', zeros)
  const headerSize = 16
  const block = framed.subarray(headerSize)
  return Buffer.concat([
    framed.subarray(0, headerSize),
    ...Array<Buffer>(Math.floor(1_000_000 / block.length)).fill(block),
  ])
}

test('no codec takes more memory than a batch may have, whatever is in it or is said to be', limits, () =>
  underAttack({ settings: { 'message.max.bytes': '1048588' }, growthMiBMax: 900 }, async field => {
    const client = await topicOn(field)
    for (const [name, codec, content] of bombs) {
      const batch = wrapped(plainBatch(), codec, content())
      const before = process.memoryUsage.rss()
      await isRefused(client, batch, ['MESSAGE_TOO_LARGE', 'INVALID_RECORD', 'CORRUPT_MESSAGE'], name)
      const grown = (process.memoryUsage.rss() - before) >> 20
      assert.ok(grown < 200, `${name} took ${grown} MiB`)
    }
    await logIsEmpty(client)
  }),
)

/** A record's bytes by hand, so that each length can lie. */
const record = (...bytes: number[]): Buffer => Buffer.from(bytes)
const lies: readonly [what: string, content: Buffer][] = [
  ['a record of a negative length', record(0x01)],
  ['a record longer than its batch', record(0x7e, 0, 0, 0, 1, 1, 0)],
  ['a record of 2 GiB', record(0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 1, 1, 0)],
  ['a length of more than five bytes', record(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0)],
  ['a key longer than its record', record(12, 0, 0, 0, 0x7e, 1, 0)],
  ['a value longer than its record', record(12, 0, 0, 0, 1, 0x7e, 0)],
  ['2^31-1 headers', record(20, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f)],
  ['-1 headers', record(12, 0, 0, 0, 1, 1, 1)],
  ['a header with a null key', record(16, 0, 0, 0, 1, 1, 2, 1, 1)],
  ['a header value longer than its record', record(16, 0, 0, 0, 1, 1, 2, 0, 0x7e)],
  ['bytes behind the last header', record(14, 0, 0, 0, 1, 1, 0, 9)],
  ['a record shorter than its fields', record(4, 0, 0, 0, 1, 1, 0)],
  ['more records than the batch counts', record(12, 0, 0, 0, 1, 1, 0, 12, 0, 0, 2, 1, 1, 0)],
  ['no record at all', record()],
  ['another offset delta', record(12, 0, 0, 8, 1, 1, 0)],
]

for (const codec of codecs)
  test(`records whose inner lengths lie are refused in ${codec}`, limits, () =>
    underAttack({}, async field => {
      const client = await topicOn(field)
      for (const [what, content] of lies)
        await isRefused(client, wrapped(plainBatch(1), codec, compress(codec, content)), ['INVALID_RECORD'], what)
      await logIsEmpty(client)
    }),
  )

test('counts in a batch header that lie are refused', limits, () =>
  underAttack({}, async field => {
    const client = await topicOn(field)
    const withHeader = (write: (batch: Buffer) => void): Buffer => {
      const batch = plainBatch()
      write(batch)
      return wrapped(batch, 'none', batch.subarray(BATCH_OVERHEAD))
    }
    for (const count of [-1, 0, 2, 4, 0x7fffffff])
      await isRefused(
        client,
        withHeader(b => b.writeInt32BE(count, 57)),
        ['INVALID_RECORD'],
        `${count} records`,
      )
    for (const delta of [-1, 0, 3, 0x7fffffff])
      await isRefused(
        client,
        withHeader(b => b.writeInt32BE(delta, 23)),
        ['INVALID_RECORD'],
        `last offset delta ${delta}`,
      )
    await isRefused(
      client,
      withHeader(b => b.writeInt32BE(2 ** 31 - 1, 57) && b.writeInt32BE(2 ** 31 - 2, 23)),
      ['INVALID_RECORD'],
      'both',
    )
    for (const attributes of [0x20, 0x30])
      await isRefused(
        client,
        withHeader(b => b.writeInt16BE(attributes, 21)),
        ['INVALID_RECORD'],
        'control',
      )
    await isRefused(
      client,
      withHeader(b => b.writeBigInt64BE(2n ** 62n, 43)),
      ['INVALID_RECORD'],
      'a producer id of 2^62',
    )
    await isRefused(
      client,
      withHeader(b => b.writeBigInt64BE(2n ** 62n, 27)),
      ['INVALID_TIMESTAMP'],
      'a base timestamp of 2^62',
    )
    for (const codec of codecs)
      if (codec !== 'none')
        await isRefused(
          client,
          wrapped(plainBatch(), codec, Buffer.from('what no codec wrote')),
          ['INVALID_RECORD', 'CORRUPT_MESSAGE'],
          `noise as ${codec}`,
        )
    const unknownCodec = plainBatch()
    unknownCodec.writeInt16BE(7, 21)
    await isRefused(client, unknownCodec, ['UNSUPPORTED_COMPRESSION_TYPE', 'CORRUPT_MESSAGE'], 'codec 7')
    await logIsEmpty(client)
  }),
)
