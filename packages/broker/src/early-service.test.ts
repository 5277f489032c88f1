/** A broker that opens its doors while some of its partitions are still being recovered. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger, systemClock } from '@millrace/base'
import { errorName, ListOffsets, Metadata, Produce } from '@millrace/protocol'
import {
  type LogEngine,
  openMemoryCatalog,
  openMemoryEngine,
  type PartitionOpened,
  type StorageEngine,
  type TopicLayout,
} from '@millrace/storage'
import { batchOf, WireClient } from '@millrace/testkit'
import { startBroker } from './broker.ts'
import { brokerConfigOf } from './config/load-broker-config.ts'

const SLOW = `${'A'.repeat(21)}Q`
const QUICK = `${'A'.repeat(21)}g`

/** The memory engine, which comes to the slow topic's partitions only when it is let. */
function slowEngine(engine: StorageEngine): StorageEngine & { release: () => Promise<void> } {
  const { logs } = engine
  let opened: PartitionOpened = () => {}
  let isReleased = false
  const held = new Set([SLOW])
  const gate = Promise.withResolvers<void>()
  const start = async (topics: readonly TopicLayout[], tell: PartitionOpened = () => {}) => {
    opened = tell
    const report = await logs.start(topics)
    await gate.promise
    return report
  }
  const partition: LogEngine['partition'] = (topicId, number) =>
    held.has(topicId) && !isReleased ? undefined : logs.partition(topicId, number)
  const slowLogs = new Proxy(logs, {
    get: (target, name) => {
      if (name === 'start') return start
      if (name === 'partition') return partition
      const found: unknown = Reflect.get(target, name)
      return typeof found === 'function' ? found.bind(target) : found
    },
  })
  const release = async (): Promise<void> => {
    isReleased = true
    for (const number of [0, 1]) opened(SLOW, number)
    gate.resolve()
    await gate.promise
  }
  return { ...engine, logs: slowLogs, release }
}

test('partitions that are open are served while others are recovered, which have no leader until then', async () => {
  const catalog = openMemoryCatalog()
  await catalog.write([
    { kind: 'createTopic', topic: { id: SLOW, name: 'slow', partitionCount: 2, createdMs: 0 } },
    { kind: 'createTopic', topic: { id: QUICK, name: 'quick', partitionCount: 1, createdMs: 0 } },
  ])
  const engine = slowEngine(openMemoryEngine({ catalog, clock: systemClock }))
  const config = brokerConfigOf({ listeners: 'PLAINTEXT://127.0.0.1:0' })
  await using broker = await startBroker({ config, engine, logger: silentLogger })
  await using client = await WireClient.connect({ port: [...broker.ports.values()][0]! })

  const produce = async (topic: string): Promise<string> => {
    const records = [batchOf(['a'])]
    const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }]
    const { responses } = await client.request(Produce, 9, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1_000,
      topicData,
    })
    return errorName(responses[0]!.partitionResponses[0]!.errorCode)
  }
  const leaders = async (): Promise<Record<string, string[]>> => {
    const ask = { topics: null, allowAutoTopicCreation: false, includeTopicAuthorizedOperations: false }
    const { topics } = await client.request(Metadata, 12, ask)
    const of = (codes: readonly { errorCode: number; leaderId: number }[]): string[] =>
      codes.map(({ errorCode, leaderId }) => `${errorName(errorCode)} ${leaderId}`)
    return Object.fromEntries(topics.map(({ name, partitions }) => [name!, of(partitions)]))
  }

  assert.deepEqual(await leaders(), {
    quick: ['NONE 1'],
    slow: ['LEADER_NOT_AVAILABLE -1', 'LEADER_NOT_AVAILABLE -1'],
  })
  assert.equal(await produce('quick'), 'NONE')
  assert.equal(await produce('slow'), 'NOT_LEADER_OR_FOLLOWER')
  const listed = await client.request(ListOffsets, 6, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: 'slow', partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1 }] }],
  })
  assert.equal(errorName(listed.topics[0]!.partitions[0]!.errorCode), 'NOT_LEADER_OR_FOLLOWER')

  await engine.release()
  assert.deepEqual(await leaders(), { quick: ['NONE 1'], slow: ['NONE 1', 'NONE 1'] })
  assert.equal(await produce('slow'), 'NONE')
})
