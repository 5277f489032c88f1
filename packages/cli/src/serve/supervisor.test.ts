import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createLogger, silentLogger } from '@millrace/base'
import { isConfigProblems, type LoadOptions, loadBrokerConfig } from '@millrace/broker'
import { errorName, Fetch, Metadata, type MetadataResponse, OffsetCommit, OffsetFetch } from '@millrace/protocol'
import { batchOf, createTopic, produceBatch, WireClient } from '@millrace/testkit'
import { Supervisor, type SupervisorOptions } from './supervisor.ts'

const TIMEOUT = { timeout: 120_000 }
const root = await mkdtemp(join(tmpdir(), 'millrace-nodes-'))
after(() => rm(root, { recursive: true, force: true }))

function optionsFor(folder: string, nodes: number, more: readonly string[] = []): SupervisorOptions {
  const set = [
    'listeners=PLAINTEXT://127.0.0.1:0',
    `log.dirs=${join(root, folder)}`,
    `millrace.nodes=${nodes}`,
    'millrace.log.level=error',
    ...more,
  ]
  const load: LoadOptions = { set }
  const config = loadBrokerConfig(load)
  assert.ok(!isConfigProblems(config))
  return { config, load, isEphemeral: false, logger: silentLogger }
}

const portsOf = (supervisor: Supervisor): number[] => supervisor.ready.map(({ ports }) => ports.get('PLAINTEXT')!)

const metadataOf = (client: WireClient, name: string): Promise<MetadataResponse> =>
  client.request(Metadata, 12, { topics: [{ name }], allowAutoTopicCreation: false })

/** Partition 0 is led by the first of two nodes, and 1 by the second, wherever the topic is new. */
async function leadersOf(client: WireClient, name: string): Promise<number[]> {
  const { topics } = await metadataOf(client, name)
  return topics[0]!.partitions.map(({ leaderId }) => leaderId)
}

async function highWatermark(client: WireClient, topic: string, partition: number): Promise<number> {
  const { responses } = await client.request(Fetch, 12, {
    maxBytes: 1_000_000,
    topics: [{ topic, partitions: [{ partition, fetchOffset: 0, partitionMaxBytes: 1_000_000 }] }],
  })
  const { errorCode, highWatermark: end } = responses[0]!.partitions[0]!
  assert.equal(errorName(errorCode), 'NONE')
  return end
}

test('a thread that dies comes back with its partitions and groups, and takes nobody along', TIMEOUT, async () => {
  const lines: string[] = []
  const logger = createLogger({ level: 'info', format: 'json', write: line => lines.push(line) })
  const supervisor = await Supervisor.start({ ...optionsFor('dying', 2), logger })
  try {
    const [portOne, portTwo] = portsOf(supervisor) as [number, number]
    await using one = await WireClient.connect({ port: portOne })
    await using two = await WireClient.connect({ port: portTwo })
    await createTopic(one, 't', { partitions: 2 })
    assert.deepEqual(await leadersOf(one, 't'), [1, 2])
    await produceBatch(one, 't', batchOf(['a']), 0)
    await produceBatch(two, 't', batchOf(['b', 'c']), 1)
    const commit = { generationIdOrMemberEpoch: -1, topics: [{ name: 't', partitions: [{ committedOffset: 2 }] }] }
    // Of these groups the second node coordinates at least one.
    const groups = ['a', 'b', 'c', 'd']
    const owned: string[] = []
    for (const groupId of groups) {
      const { topics } = await two.request(OffsetCommit, 8, { groupId, ...commit })
      if (topics[0]!.partitions[0]!.errorCode === 0) owned.push(groupId)
    }
    assert.ok(owned.length > 0)
    await supervisor.kill(2)
    await two.closed
    // The first node goes on, over the connection that it has.
    await produceBatch(one, 't', batchOf(['d']), 0)
    await supervisor.untilReady()
    assert.equal(lines.filter(line => line.includes('has died')).length, 1)
    await using again = await WireClient.connect({ port: portsOf(supervisor)[1]! })
    assert.equal(await highWatermark(again, 't', 1), 2)
    assert.equal(await produceBatch(again, 't', batchOf(['e']), 1), 2)
    const { groups: fetched } = await again.request(OffsetFetch, 8, {
      groups: owned.map(groupId => ({ groupId, topics: null })),
    })
    for (const { topics } of fetched) assert.equal(topics[0]!.partitions[0]!.committedOffset, 2)
    // Both name the new port, the first one as soon as it has heard of it.
    for (const client of [one, again]) {
      let { brokers } = await metadataOf(client, 't')
      while (brokers.length < 2) ({ brokers } = await metadataOf(client, 't'))
      assert.deepEqual(
        brokers.map(({ port }) => port),
        portsOf(supervisor),
      )
    }
  } finally {
    await supervisor.stop()
  }
})

test('the first node may die as well, and a clean stop after that leaves nothing to recover', TIMEOUT, async () => {
  const options = optionsFor('first', 2)
  const supervisor = await Supervisor.start(options)
  {
    await using two = await WireClient.connect({ port: portsOf(supervisor)[1]! })
    await createTopic(two, 't', { partitions: 2 })
    await produceBatch(two, 't', batchOf(['a']), 1)
    await supervisor.kill(1)
    await produceBatch(two, 't', batchOf(['b']), 1)
    // The catalog is nobody's: topics are made while the first node is away.
    await createTopic(two, 'meanwhile', { partitions: 2 })
    await supervisor.untilReady()
  }
  await supervisor.stop()
  const next = await Supervisor.start(options)
  await using one = await WireClient.connect({ port: portsOf(next)[0]! })
  await using two = await WireClient.connect({ port: portsOf(next)[1]! })
  await produceBatch(one, 'meanwhile', batchOf(['c']), 0)
  assert.equal(await highWatermark(two, 't', 1), 2)
  await next.stop()
})

test('a node that cannot listen fails the start in one sentence, and the folder is free again', TIMEOUT, async () => {
  const taken = createServer()
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  const set = [`listeners=PLAINTEXT://127.0.0.1:${port - 1}`]
  await assert.rejects(Supervisor.start(optionsFor('taken', 2, set)), (error: Error) =>
    /^node \d: port \d+ on 127\.0\.0\.1 is taken/.test(error.message),
  )
  taken.close()
  await (await Supervisor.start(optionsFor('taken', 2))).stop()
})
