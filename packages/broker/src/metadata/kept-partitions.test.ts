import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EncodedArray, encodeMetadataPartitions, Metadata } from '@millrace/protocol'
import { type CatalogChange, openMemoryCatalog, openMemoryEngine } from '@millrace/storage'
import { versionsOf } from '@millrace/testkit'
import { brokerConfigOf } from '../config/load-broker-config.ts'
import { ClusterImage } from './cluster-image.ts'
import { PartitionDescriber } from './describe-partition.ts'
import { KeptPartitions } from './kept-partitions.ts'

const OWN = 1
const T = 'AAAAAAAAAAAAAAAAAAAAAQ'
const U = 'AAAAAAAAAAAAAAAAAAAAAg'

/** Node 1 of two. */
async function openImage() {
  const engine = openMemoryEngine({ catalog: openMemoryCatalog() })
  const { logs } = engine
  await logs.start([])
  const image = new ClusterImage('cluster', logs, brokerConfigOf({}), [1, 2])
  image.load({ topics: [], configs: [], placements: [], features: { levels: [], epoch: 0 } })
  const apply = async (...changes: CatalogChange[]): Promise<void> => {
    image.apply(changes)
    await image.settled()
  }
  return { image, apply, [Symbol.asyncDispose]: () => engine.close() }
}

const created = (id: string, name: string, partitionCount: number): CatalogChange => ({
  kind: 'createTopic',
  topic: { id, name, partitionCount, createdMs: 0 },
})
const led = (topicId: string, partition: number, nodeId: number, leaderEpoch = 0): CatalogChange => ({
  kind: 'setLeader',
  placement: { topicId, partition, nodeId, leaderEpoch, handover: '' },
})

/** Asks in every version, as seen with these nodes, twice: what comes is what would be encoded anew. Answers how many came ready-made. */
function askAll(image: ClusterImage, reachable: readonly number[]): number {
  let ready = 0
  for (const version of versionsOf(Metadata))
    for (const topic of image.topics()) {
      const describer = new PartitionDescriber(image, OWN, reachable)
      const fresh = topic.partitions.map((_, i) => describer.describe(topic, i))
      const expected = encodeMetadataPartitions(fresh, version).bytesOf(version)
      const isKept = image.kept.find(`${version} ${reachable.join(' ')}`, topic.id) !== undefined
      for (let asked = 0; asked < 2; asked++) {
        const answer = describer.describeAll(topic, version)
        if (answer instanceof EncodedArray) assert.deepEqual(answer.bytesOf(version), expected)
        else assert.deepEqual(answer, fresh)
      }
      if (isKept) ready++
    }
  return ready
}

test('what is kept of partitions is what would be encoded anew, after every kind of change', async () => {
  await using opened = await openImage()
  const { image, apply } = opened
  const versions = versionsOf(Metadata).length
  const steps: [what: string, kept: number, change: () => Promise<void> | void][] = [
    ['topic created', 0, () => apply(created(T, 't', 2), led(T, 0, 1), led(T, 1, 2))],
    ['nothing', versions, () => {}],
    ['another topic created', versions, () => apply(created(U, 'u', 1), led(U, 0, 1))],
    [
      'partition added',
      versions,
      () => apply({ kind: 'setPartitionCount', topicId: T, partitionCount: 3 }, led(T, 2, 2)),
    ],
    ['leader moved away', versions, () => apply(led(T, 0, 2, 1))],
    ['leader moved here', versions, () => apply(led(T, 0, 1, 2))],
    ['leader moved between others', versions, () => apply(led(T, 1, 3, 1))],
    ['moved back', versions, () => apply(led(T, 1, 2, 2))],
    ['topic deleted', versions, () => apply({ kind: 'deleteTopic', topicId: T })],
    ['made anew under its name', versions, () => apply(created(T, 't', 1), led(T, 0, 2, 0))],
    [
      'configuration',
      versions,
      () => apply({ kind: 'setConfig', resource: 'topic', resourceName: 't', name: 'retention.ms', value: '1' }),
    ],
  ]
  for (const [what, kept, change] of steps) {
    await change()
    assert.equal(askAll(image, [1, 2]), kept, what)
  }
})

test('a node that comes or goes changes what is answered, and what was kept for the nodes of before is not used', async () => {
  await using opened = await openImage()
  const { image, apply } = opened
  await apply(created(T, 't', 2), led(T, 0, 1), led(T, 1, 2))
  for (const reachable of [[1], [1, 2], [1], [1, 2]]) askAll(image, reachable)
  const errors = (reachable: number[]): number[] =>
    image
      .topic('t')!
      .partitions.map((_, i) => new PartitionDescriber(image, OWN, reachable).describe(image.topic('t')!, i).errorCode)
  assert.deepEqual(
    [errors([1]), errors([1, 2])],
    [
      [0, 5],
      [0, 0],
    ],
  )
})

test('a partition that opens late is told of', async () => {
  await using opened = await openImage()
  const { image, apply } = opened
  await apply(created(T, 't', 2), led(T, 0, 1), led(T, 1, 1))
  askAll(image, [1, 2])
  const topic = image.topic('t')!
  const partitions = topic.partitions as (typeof topic.partitions)[number][]
  partitions[1] = undefined
  image.opened(T, 0)
  assert.equal(askAll(image, [1, 2]), 0)
  image.opened(T, 1)
  assert.notEqual(partitions[1], undefined)
  assert.equal(askAll(image, [1, 2]), 0)
  assert.equal(askAll(image, [1, 2]), versionsOf(Metadata).length)
})

test('what is kept is bounded, and a topic that goes gives its room back', () => {
  const kept = new KeptPartitions()
  const megabyte = new EncodedArray(Buffer.alloc(1 << 20), 12)
  for (let i = 0; i < 20; i++) {
    kept.keep('12 1', String(i), megabyte)
    assert.ok(kept.bytes <= 8 << 20)
    assert.equal(kept.find('12 1', String(i)), megabyte)
  }
  for (let i = 0; i < 20; i++) kept.forget(String(i))
  assert.equal(kept.bytes, 0)
})
