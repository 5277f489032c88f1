import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ApiVersions,
  BatchBuilder,
  CreateTopics,
  DescribeConfigs,
  errorCode,
  Fetch,
  ListOffsets,
  Metadata,
  OffsetFetch,
  Produce,
} from '@millrace/protocol'
import type { WireClient } from '@millrace/testkit'
import { frameOf } from './frames.ts'
import { underAttack, within } from './under-attack.ts'

const COUNT = 100_000
const names = Array.from({ length: COUNT }, (_, i) => `topic-${i}`)
const limits = { timeout: 90_000 }
const unknown = errorCode('UNKNOWN_TOPIC_OR_PARTITION')

async function topicCount(client: WireClient): Promise<number> {
  return (await client.request(Metadata, 12, { topics: null, includeTopicAuthorizedOperations: false })).topics.length
}

test('Metadata for 100,000 topics that are not there answers each, and makes none of them', limits, () =>
  underAttack({ growthMiBMax: 700 }, async ({ connect }) => {
    const client = await connect()
    for (const allowAutoTopicCreation of [false, true]) {
      const topics = names.map(name => ({ name }))
      const answer = await client.request(Metadata, 12, {
        topics,
        allowAutoTopicCreation,
        includeTopicAuthorizedOperations: false,
      })
      assert.equal(answer.topics.length, COUNT)
      assert.ok(answer.topics.every(topic => topic.errorCode === unknown))
    }
    assert.equal(await topicCount(client), 1)
  }),
)

test('Metadata makes as many topics as one request may make', limits, () =>
  underAttack({ growthMiBMax: 700 }, async ({ connect }) => {
    const client = await connect({ timeoutMs: 60_000 })
    const topics = names.slice(0, 2000).map(name => ({ name }))
    const answer = await client.request(Metadata, 12, { topics, includeTopicAuthorizedOperations: false })
    assert.ok(answer.topics.every(topic => topic.errorCode === 0))
    assert.equal(await topicCount(client), 2001)
  }),
)

test('CreateTopics with 100,000 topics, or 10,001 partitions, is refused as a whole', limits, () =>
  underAttack({ growthMiBMax: 700 }, async ({ connect }) => {
    const client = await connect()
    const create = async (wanted: readonly { name: string; numPartitions: number }[]): Promise<number[]> => {
      const topics = wanted.map(topic => ({ ...topic, replicationFactor: 1, assignments: [], configs: [] }))
      const answer = await client.request(CreateTopics, 7, { topics, timeoutMs: 30_000, validateOnly: false })
      return answer.topics.map(topic => topic.errorCode)
    }
    const refusal = errorCode('POLICY_VIOLATION')
    const codes = await create(names.map(name => ({ name, numPartitions: 1 })))
    assert.equal(codes.length, COUNT)
    assert.ok(codes.every(code => code === refusal))
    assert.deepEqual(await create([{ name: 'wide', numPartitions: 10_001 }]), [refusal])
    assert.deepEqual(
      await create([
        { name: 'a', numPartitions: 6000 },
        { name: 'b', numPartitions: 6000 },
      ]),
      [refusal, refusal],
    )
    assert.equal(await topicCount(client), 1)
    assert.deepEqual(await create([{ name: 'a', numPartitions: 100 }]), [0])
  }),
)

test('ListOffsets, Fetch, Produce, OffsetFetch and DescribeConfigs answer for each of 100,000 topics', limits, () =>
  underAttack({ growthMiBMax: 900 }, async ({ connect }) => {
    const client = await connect({ timeoutMs: 60_000 })
    const offsets = await client.request(ListOffsets, 7, {
      replicaId: -1,
      isolationLevel: 0,
      timeoutMs: 0,
      topics: names.map(name => ({ name, partitions: [{ partitionIndex: 0, timestamp: -1 }] })),
    })
    assert.ok(offsets.topics.every(topic => topic.partitions[0]!.errorCode === unknown))
    for (const sessionEpoch of [-1, 0]) {
      const fetched = await client.request(Fetch, 12, {
        maxWaitMs: 0x7fffffff,
        minBytes: 1,
        sessionEpoch,
        topics: names.map(topic => ({ topic, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }] })),
        forgottenTopicsData: [],
      })
      assert.equal(fetched.responses.length, COUNT)
      assert.ok(fetched.responses.every(topic => topic.partitions[0]!.errorCode === unknown))
    }
    const builder = new BatchBuilder()
    builder.append({ value: Buffer.from('x') })
    const records = [builder.build()]
    const topicData = names.map(name => ({ name, partitionData: [{ index: 0, records }] }))
    const produced = await client.request(Produce, 9, { acks: -1, timeoutMs: 1000, topicData })
    assert.ok(produced.responses.every(topic => topic.partitionResponses[0]!.errorCode === unknown))
    const committed = await client.request(OffsetFetch, 7, {
      groupId: 'nobody',
      topics: names.map(name => ({ name, partitionIndexes: [0] })),
      requireStable: false,
    })
    assert.equal(committed.topics.length, COUNT)
    const described = await client.request(DescribeConfigs, 4, {
      resources: names.map(resourceName => ({ resourceType: 2, resourceName, configurationKeys: null })),
    })
    assert.ok(described.results.every(result => result.errorCode === unknown))
  }),
)

test('50,000 pipelined requests are answered, each in its turn, and others do not wait for them', limits, () =>
  underAttack({ growthMiBMax: 500 }, async ({ peer, healthy }) => {
    const attacker = await peer()
    const count = 50_000
    const frames = Array.from({ length: count }, (_, i) =>
      frameOf(ApiVersions, 3, { clientSoftwareName: 'many', clientSoftwareVersion: '1' }, i),
    )
    attacker.write(Buffer.concat(frames))
    await attacker.receives(4)
    await healthy.rounds(3)
    const size = attacker.received.readInt32BE(0) + 4
    await within(60_000, attacker.receives(count * size), 'the answers')
    const { received } = attacker
    assert.equal(received.length, count * size)
    for (let i = 0; i < count; i++) assert.equal(received.readInt32BE(i * size + 4), i)
  }),
)

test('a million elements spread over nested arrays are served or refused, but never multiply', limits, () =>
  underAttack({ growthMiBMax: 900 }, async ({ connect, peer }) => {
    const client = await connect({ timeoutMs: 60_000 })
    const partitions = Array.from({ length: 999 }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1 }))
    const body = (topicCount: number) => ({
      replicaId: -1,
      isolationLevel: 0,
      timeoutMs: 0,
      topics: names.slice(0, topicCount).map(name => ({ name, partitions })),
    })
    const answer = await client.request(ListOffsets, 7, body(300))
    assert.equal(answer.topics.length, 300)
    const attacker = await peer()
    attacker.write(frameOf(ListOffsets, 7, body(1001)))
    await within(30_000, attacker.ended, 'the end of the connection')
  }),
)
