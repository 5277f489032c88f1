import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLogger, seededRandom, silentLogger } from '@millrace/base'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { sampleConfig, sampleTopicId } from '../conformance.ts'
import type { StorageEngine, TopicLayout } from '../engine.ts'
import { sampleBatch } from '../sample-batch.ts'
import { emptyCatalog } from '../sample-catalog.ts'
import { openDiskEngine } from './disk-engine.ts'
import { HeldClock, settled } from './disk-fixture.ts'

const topic = (name: string, id: number, partitionCount = 1): TopicLayout => ({
  topic: name,
  topicId: sampleTopicId(id),
  partitionCount,
  config: sampleConfig,
})
const TOPICS = [topic('first', 1), topic('second', 2), topic('third', 3)]

async function open(fs: FaultFileSystem, logger = silentLogger): Promise<{ engine: StorageEngine; clock: HeldClock }> {
  const clock = new HeldClock()
  const settings = { recoveryConcurrency: 1, tailBytes: 0 }
  const random = seededRandom(1)
  const engine = await openDiskEngine({ dirs: ['/data'], catalog: emptyCatalog, clock, logger, random, fs, settings })
  return { engine, clock }
}

const append = async ({ logs }: StorageEngine, { topicId }: TopicLayout): Promise<string> => {
  const partition = logs.partition(topicId, 0)
  assert.ok(partition !== undefined)
  const [outcome] = await logs.append([{ partition, records: sampleBatch() }])
  return outcome!.kind
}

/** Three topics with two batches each, one of them with its first record deleted, after a kill. */
async function killed(): Promise<FaultFileSystem> {
  const fs = new FaultFileSystem()
  const { engine } = await open(fs)
  await engine.logs.start(TOPICS)
  for (const layout of [...TOPICS, ...TOPICS]) assert.equal(await append(engine, layout), 'appended')
  await engine.logs.deleteRecords(engine.logs.partition(TOPICS[2]!.topicId, 0)!, 1)
  return fs.afterKill()
}

/** A disk on which reading the logs of `topic` waits. */
function heldReads(fs: FaultFileSystem, name: string): { release: () => void } {
  const gate = Promise.withResolvers<void>()
  const openFile = fs.open.bind(fs) as (path: string, mode: 'create') => ReturnType<FaultFileSystem['open']>
  fs.open = ((path: string, mode: 'create') => {
    const file = openFile(path, mode)
    if (file === undefined || !path.includes(`/${name}-0/`) || !path.endsWith('.log')) return file
    return { ...file, readLater: (into: Uint8Array, at: number) => gate.promise.then(() => file.readLater(into, at)) }
  }) as FaultFileSystem['open']
  return { release: gate.resolve }
}

describe('a start after a kill', () => {
  it('lets a partition be used while others are recovered, and tells how far it is', async () => {
    const fs = await killed()
    const lines: string[] = []
    const logger = createLogger({ level: 'info', format: 'json', write: line => lines.push(line) })
    const { engine, clock } = await open(fs, logger)
    const held = heldReads(fs, 'second')
    const opened: string[] = []
    const started = engine.logs.start(TOPICS, (topicId, partition) => opened.push(`${topicId}-${partition}`))
    await settled()
    assert.deepEqual(opened, [`${TOPICS[0]!.topicId}-0`])
    assert.equal(await append(engine, TOPICS[0]!), 'appended')
    assert.equal(engine.logs.partition(TOPICS[1]!.topicId, 0), undefined)
    await clock.pass(5_000)
    assert.match(lines.join(''), /"message":"recovering","openPartitions":1,"of":3/)
    held.release()
    assert.equal((await started).recoveredSegments, 3)
    assert.equal(opened.length, 3)
    for (const layout of TOPICS) assert.equal(await append(engine, layout), 'appended')
    await engine.close()
  })

  it('keeps what is known of partitions that it has not come to, should it be killed again', async () => {
    const fs = await killed()
    const { engine, clock } = await open(fs)
    heldReads(fs, 'second')
    void engine.logs.start(TOPICS)
    await settled()
    await engine.logs.deleteRecords(engine.logs.partition(TOPICS[0]!.topicId, 0)!, 2)
    await clock.pass(10_000)
    const { engine: next } = await open(fs.afterKill())
    await next.logs.start(TOPICS)
    assert.deepEqual(
      TOPICS.map(({ topicId }) => next.logs.partition(topicId, 0)?.logStartOffset),
      [2, 0, 1],
    )
    await next.close()
  })

  it('bears that topics are removed, made again and configured while it goes on', async () => {
    const fs = await killed()
    const { engine } = await open(fs)
    const held = heldReads(fs, 'second')
    const opened: string[] = []
    const started = engine.logs.start(TOPICS, topicId => opened.push(topicId))
    await settled()
    for (const layout of TOPICS) void engine.logs.remove(layout.topicId)
    const again = [topic('second', 22), topic('third', 33)]
    const made = again.map(layout => engine.logs.create(layout))
    engine.logs.configure(TOPICS[1]!.topicId, { ...sampleConfig, retentionMs: 5 })
    await settled()
    held.release()
    await Promise.all([started, ...made])
    assert.deepEqual(opened, [TOPICS[0]!.topicId])
    for (const { topicId } of again) assert.equal(engine.logs.partition(topicId, 0)?.highWatermark, 0)
    assert.ok(fs.list('/data').every(name => !name.includes('stray')))
    await engine.close()
  })

  it('leaves no marker of a clean stop when it is stopped before it has come to its end', async () => {
    const fs = await killed()
    const { engine } = await open(fs)
    const held = heldReads(fs, 'second')
    const started = engine.logs.start(TOPICS)
    await settled()
    const closed = engine.close()
    held.release()
    await Promise.all([started, closed])
    assert.equal(fs.list('/data').includes('.kafka_cleanshutdown'), false)
    const { engine: next } = await open(fs)
    await next.logs.start(TOPICS)
    assert.deepEqual(
      TOPICS.map(({ topicId }) => next.logs.partition(topicId, 0)?.highWatermark),
      [2, 2, 2],
    )
    await next.close()
  })
})
