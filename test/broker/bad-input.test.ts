import assert from 'node:assert/strict'
import { get } from 'node:http'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { seededRandom } from '@millrace/base'
import {
  ApiVersions,
  CreateTopics,
  errorCode,
  Fetch,
  ListOffsets,
  Metadata,
  Produce,
  Reader,
  readResponseHeader,
} from '@millrace/protocol'
import { frameAround, frameOf, sizePrefix } from './frames.ts'
import { type Field, underAttack, within } from './under-attack.ts'

const SEED = 20261124
const limits = { timeout: 30_000 }

/** Sends the bytes on a connection of their own, and waits until the broker has ended it. */
async function isHungUpOn(field: Field, bytes: Buffer): Promise<Buffer> {
  const peer = await field.peer()
  peer.write(bytes)
  await within(10_000, peer.ended, `the end of the connection that sent ${bytes.subarray(0, 40).toString('hex')}`)
  return peer.received
}

test(
  'a size that is negative or above socket.request.max.bytes ends its connection, however its bytes arrive',
  limits,
  () =>
    underAttack({}, async field => {
      for (const size of [-1, -4, -5, -0x80000000, 104857601, 0x7fffffff]) {
        await isHungUpOn(field, sizePrefix(size))
        await isHungUpOn(field, Buffer.concat([sizePrefix(size), Buffer.alloc(1000)]))
        const slow = await field.peer()
        for (const byte of sizePrefix(size)) {
          slow.write(Buffer.from([byte]))
          await field.healthy.rounds(1)
        }
        await slow.ended
      }
      assert.ok(field.log.some(line => line.includes('socket.request.max.bytes')))
    }),
)

test('socket.request.max.bytes holds to the byte', limits, () =>
  underAttack({ settings: { 'socket.request.max.bytes': '1000' } }, async field => {
    const body = ApiVersions.request.encode({ clientSoftwareName: 'x'.repeat(900), clientSoftwareVersion: '1' }, 3)
    const frame = frameAround({ apiKey: 18, apiVersion: 3, flexible: true }, body)
    const padded = (size: number): Buffer =>
      Buffer.concat([sizePrefix(size), frame.subarray(4), Buffer.alloc(size - frame.length + 4)])
    const peer = await field.peer()
    peer.write(padded(1000))
    await peer.receives(4)
    assert.ok(peer.received.length > 4)
    await isHungUpOn(field, padded(1001))
  }),
)

test('frames too short for a request header end their connection', limits, () =>
  underAttack({}, async field => {
    for (let size = 0; size < 10; size++)
      await isHungUpOn(
        field,
        Buffer.concat([sizePrefix(size), frameAround({ apiKey: 3, apiVersion: 1 }).subarray(4, 4 + size)]),
      )
  }),
)

test('a frame that is cut short is never served, and goes when its sender goes', limits, () =>
  underAttack({}, async field => {
    const topic = { name: 'half', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    const whole = frameOf(CreateTopics, 7, { topics: [topic], timeoutMs: 1000, validateOnly: false })
    for (const length of [1, 3, 4, 5, 12, whole.length - 1]) {
      const peer = await field.peer()
      peer.write(whole.subarray(0, length))
      peer.end()
      await peer.ended
      assert.equal(peer.received.length, 0)
    }
    const client = await field.connect()
    const { topics } = await client.request(Metadata, 12, {
      topics: [{ name: 'half' }],
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: false,
    })
    assert.equal(topics[0]!.errorCode, errorCode('UNKNOWN_TOPIC_OR_PARTITION'))
  }),
)

test(
  'counts and lengths inside a request that lie end its connection, and the log says that it was malformed',
  limits,
  () =>
    underAttack({}, async field => {
      const metadata = { apiKey: 3, apiVersion: 1 }
      const lies = [
        frameAround(metadata, sizePrefix(0x7fffffff)),
        frameAround(metadata, sizePrefix(1_000_001)),
        frameAround(metadata, Buffer.concat([sizePrefix(1), Buffer.from([0x7f, 0xff, 97])])),
        frameAround(metadata, Buffer.concat([sizePrefix(1), Buffer.from([0xff, 0xfe, 97])])),
        frameAround({ apiKey: 3, apiVersion: 12, flexible: true }, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f])),
        frameAround({ apiKey: 3, apiVersion: 12, flexible: true }, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x0f])),
        frameAround({ apiKey: 3, apiVersion: 12, flexible: true }, Buffer.from([1, 0, 0, 0xff, 0xff, 0x03])),
        frameAround({ apiKey: 3, apiVersion: 12, flexible: true }, Buffer.from([1, 0, 0, 1, 0, 200, 1])),
        // a client id of 32767 bytes that are not there
        Buffer.concat([sizePrefix(11), Buffer.from([0, 3, 0, 1, 0, 0, 0, 1, 0x7f, 0xff, 97])]),
      ]
      for (const lie of lies) assert.equal((await isHungUpOn(field, lie)).length, 0)
      assert.ok(field.log.filter(line => line.includes('malformed')).length >= lies.length - 1)
    }),
)

test('an array of a million elements is more than any request may have', limits, () =>
  underAttack({}, async field => {
    await isHungUpOn(
      field,
      frameAround({ apiKey: 3, apiVersion: 1 }, Buffer.concat([sizePrefix(1_000_001), Buffer.alloc(2_100_000)])),
    )
  }),
)

test(
  'API keys and versions that are not served end the connection, but ApiVersions is told what there is',
  limits,
  () =>
    underAttack({}, async field => {
      for (const apiKey of [-1, -0x8000, 4, 5, 6, 7, 999, 0x7fff])
        await isHungUpOn(field, frameAround({ apiKey, apiVersion: 0 }))
      for (const [apiKey, apiVersion] of [
        [0, 2],
        [0, 99],
        [1, 3],
        [3, 14],
        [3, -1],
        [8, 0x7fff],
      ] as const)
        await isHungUpOn(field, frameAround({ apiKey, apiVersion }))
      for (const apiVersion of [99, -1, 0x7fff]) {
        const peer = await field.peer()
        peer.write(frameAround({ apiKey: 18, apiVersion, flexible: true }))
        await peer.receives(4)
        const r = new Reader(peer.received, 4)
        assert.equal(readResponseHeader(r, false), 1)
        const { errorCode: code, apiKeys } = ApiVersions.response.read(r, 0)
        assert.equal(code, errorCode('UNSUPPORTED_VERSION'))
        assert.deepEqual(
          apiKeys.map(a => a.apiKey),
          [18],
        )
        // and the connection goes on
        peer.write(frameOf(ApiVersions, 3, { clientSoftwareName: 'a', clientSoftwareVersion: '1' }))
        await peer.receives(peer.received.length + 4)
      }
    }),
)

test(`random bytes from 300 connections hurt nobody (seed ${SEED})`, limits, () =>
  underAttack({}, async field => {
    const random = seededRandom(SEED)
    for (let i = 0; i < 300; i++) {
      const peer = await field.peer()
      peer.write(random.bytes(1 + random.integer(2000)))
      // a size that happens to be believable would be waited for
      peer.end()
      await peer.ended
    }
  }),
)

test('a TLS client on a plain port fails at once, and the log says why', limits, () =>
  underAttack({}, async field => {
    await new Promise<void>(resolve => {
      const socket = connectTls({ port: field.port, host: '127.0.0.1', rejectUnauthorized: false })
      socket.on('error', () => {})
      socket.on('close', () => resolve())
    })
    assert.ok(field.log.some(line => line.includes('TLS handshake on a plain listener')))
  }),
)

test('an HTTP client on the Kafka port is told in HTTP what the port is', limits, () =>
  underAttack({}, async field => {
    const { status, body } = await new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      get({ port: field.port, host: '127.0.0.1', path: '/topics' }, response => {
        const chunks: Buffer[] = []
        response.on('data', chunk => chunks.push(chunk as Buffer))
        response.on('end', () => resolve({ status: response.statusCode, body: Buffer.concat(chunks).toString() }))
      }).on('error', reject)
    })
    assert.equal(status, 400)
    assert.match(body, /speaks Kafka's protocol, not HTTP/)
    const large = await isHungUpOn(
      field,
      Buffer.concat([Buffer.from('POST /x HTTP/1.1\r\ncontent-length: 3000000\r\n\r\n'), Buffer.alloc(3_000_000, 97)]),
    )
    assert.match(large.toString(), /^HTTP\/1\.1 400 /)
    assert.ok(field.log.some(line => line.includes('HTTP request on a Kafka listener')))
  }),
)

const badNames = [
  '',
  '.',
  '..',
  'a/b',
  '../../etc',
  'a b',
  'a\0b',
  'a\nb',
  'é',
  '🙂',
  'a'.repeat(250),
  'a'.repeat(32_767),
]

test('names that no topic may have are refused by name, whether created or asked for', limits, () =>
  underAttack({}, async field => {
    const client = await field.connect()
    const topics = badNames.map(name => ({
      name,
      numPartitions: 1,
      replicationFactor: 1,
      assignments: [],
      configs: [],
    }))
    for (const version of [2, 7]) {
      const created = await client.request(CreateTopics, version, { topics, timeoutMs: 1000, validateOnly: false })
      assert.deepEqual(
        created.topics.map(t => [t.name, t.errorCode]),
        badNames.map(name => [name, errorCode('INVALID_TOPIC_EXCEPTION')]),
      )
    }
    for (const version of [4, 12]) {
      const answer = await client.request(Metadata, version, {
        topics: badNames.map(name => ({ name })),
        includeTopicAuthorizedOperations: false,
      })
      assert.deepEqual(
        answer.topics.map(t => t.errorCode),
        badNames.map(() => errorCode('INVALID_TOPIC_EXCEPTION')),
      )
    }
  }),
)

test('a name that is no UTF-8, and too long once that is replaced, ends its connection', limits, () =>
  underAttack({}, async field => {
    const name = Buffer.concat([Buffer.from([0x7f, 0xff]), Buffer.alloc(32_767, 0xff)])
    await isHungUpOn(
      field,
      frameAround({ apiKey: 3, apiVersion: 4 }, Buffer.concat([sizePrefix(1), name, Buffer.from([1])])),
    )
  }),
)

test('names and values so long that an error message cannot repeat them are refused all the same', limits, () =>
  underAttack({}, async field => {
    const client = await field.connect()
    const long = 'x'.repeat(32_760)
    for (const config of [
      { name: long, value: '1' },
      { name: 'retention.ms', value: long },
      { name: 'cleanup.policy', value: long },
    ]) {
      const topic = { name: 'configured', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [config] }
      const created = await client.request(CreateTopics, 7, { topics: [topic], timeoutMs: 1000, validateOnly: false })
      assert.equal(created.topics[0]!.errorCode, errorCode('INVALID_CONFIG'))
    }
  }),
)

test('negative and absurd numbers get the error that Kafka gives', limits, () =>
  underAttack({}, async field => {
    const client = await field.connect()
    const create = async (numPartitions: number, replicationFactor: number): Promise<number> => {
      const topic = { name: 'numbers', numPartitions, replicationFactor, assignments: [], configs: [] }
      const answer = await client.request(CreateTopics, 7, { topics: [topic], timeoutMs: -5, validateOnly: false })
      return answer.topics[0]!.errorCode
    }
    for (const count of [0, -2, -0x80000000]) assert.equal(await create(count, 1), errorCode('INVALID_PARTITIONS'))
    for (const factor of [0, -2, 2, 0x7fff])
      assert.equal(await create(1, factor), errorCode('INVALID_REPLICATION_FACTOR'))
    assert.notEqual(await create(0x7fffffff, 1), 0)
    assert.equal(await create(1, 1), 0)
    const unknown = errorCode('UNKNOWN_TOPIC_OR_PARTITION')
    for (const partitionIndex of [-1, 1, 0x7fffffff, -0x80000000]) {
      const offsets = await client.request(ListOffsets, 7, {
        replicaId: -1,
        isolationLevel: 0,
        timeoutMs: 0,
        topics: [{ name: 'numbers', partitions: [{ partitionIndex, timestamp: -1 }] }],
      })
      assert.equal(offsets.topics[0]!.partitions[0]!.errorCode, unknown)
      const produced = await client.request(Produce, 9, {
        acks: 1,
        timeoutMs: -1,
        topicData: [{ name: 'numbers', partitionData: [{ index: partitionIndex, records: null }] }],
      })
      assert.notEqual(produced.responses[0]!.partitionResponses[0]!.errorCode, 0)
    }
    for (const number of [-1, -0x80000000, 0x7fffffff]) {
      const fetched = await client.request(Fetch, 12, {
        maxWaitMs: Math.min(number, 0),
        minBytes: number,
        maxBytes: number,
        topics: [{ topic: 'numbers', partitions: [{ partition: 0, fetchOffset: number, partitionMaxBytes: number }] }],
        forgottenTopicsData: [],
      })
      assert.equal(fetched.responses[0]!.partitions[0]!.errorCode, errorCode('OFFSET_OUT_OF_RANGE'))
    }
  }),
)
