import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom, silentLogger } from '@millrace/base'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { type CatalogChange, NO_NODE, type OwnedCatalog } from '../catalog/catalog.ts'
import { openMemoryCatalog } from '../catalog/memory-catalog.ts'
import { sampleConfig, sampleTopicId } from '../conformance.ts'
import type { LogEngine, PartitionLog, StartReport, StorageEngine, TopicLayout } from '../engine.ts'
import { sampleBatch } from '../sample-batch.ts'
import { openDiskEngine } from './disk-engine.ts'
import { HeldClock } from './disk-fixture.ts'
import { openSharedFolders, type SharedFolders } from './shared-folders.ts'

const TOPIC_ID = sampleTopicId(7)

interface RunningNode {
  readonly nodeId: number
  readonly engine: StorageEngine
  readonly report: StartReport
}

/** The nodes of one process over one disk. The catalog outlives a crash of them, as its file does. */
class Process {
  readonly fs: FaultFileSystem
  readonly catalog: OwnedCatalog
  readonly nodes: RunningNode[] = []
  #shared: SharedFolders | undefined

  constructor(fs: FaultFileSystem, catalog: OwnedCatalog) {
    this.fs = fs
    this.catalog = catalog
  }

  static async start(fs: FaultFileSystem, catalog: OwnedCatalog, nodeIds: readonly number[]): Promise<Process> {
    const process = new Process(fs, catalog)
    const dirs = ['/data']
    if (nodeIds.length > 1) {
      const borrowed = { ...openedOf(catalog), close: () => {} }
      process.#shared = await openSharedFolders({
        dirs,
        nodeIds,
        catalog: () => borrowed,
        logger: silentLogger,
        random: seededRandom(1),
        fs,
      })
    }
    for (const nodeId of nodeIds) await process.#startNode(nodeId, nodeIds)
    return process
  }

  async #startNode(nodeId: number, nodeIds: readonly number[]): Promise<void> {
    const engine = await openDiskEngine({
      dirs: ['/data'],
      catalog: this.catalog,
      clock: new HeldClock(),
      logger: silentLogger,
      random: seededRandom(nodeId),
      fs: this.fs,
      nodeId,
      settings: { tailBytes: 0 },
      ...(nodeIds.length > 1 && { shared: { isFirst: nodeId === nodeIds[0] } }),
    })
    const report = await engine.logs.start(await this.layouts(nodeIds.length > 1 ? nodeId : undefined))
    this.nodes.push({ nodeId, engine, report })
  }

  async layouts(nodeId: number | undefined): Promise<TopicLayout[]> {
    const { topics, placements } = await this.catalog.load()
    return topics.map(({ id, name, partitionCount }) => {
      const rows = placements.filter(({ topicId }) => topicId === id)
      const led = rows.filter(row => row.nodeId === nodeId).map(({ partition }) => partition)
      const terms = new Map(rows.map(row => [row.partition, row]))
      const layout = { topic: name, topicId: id, partitionCount, config: sampleConfig, terms }
      return nodeId === undefined ? layout : { ...layout, led: new Set(led) }
    })
  }

  logs(nodeId: number): LogEngine {
    return this.nodes.find(node => node.nodeId === nodeId)!.engine.logs
  }

  /** The partition at the one node that has it. */
  where(partition: number): { readonly nodeId: number; readonly logs: LogEngine; readonly log: PartitionLog } {
    const found = this.nodes.flatMap(({ nodeId, engine: { logs } }) => {
      const log = logs.partition(TOPIC_ID, partition)
      return log === undefined ? [] : [{ nodeId, logs, log }]
    })
    assert.equal(found.length, 1, `partition ${partition} is open at ${found.map(f => f.nodeId)}`)
    return found[0]!
  }

  async append(partition: number): Promise<number> {
    const { logs, log } = this.where(partition)
    const [outcome] = await logs.append([{ partition: log, records: sampleBatch() }])
    assert(outcome?.kind === 'appended', JSON.stringify(outcome))
    return outcome.baseOffset
  }

  async stop(): Promise<void> {
    for (const { engine } of this.nodes) await engine.close()
    this.#shared?.release()
  }
}

function openedOf(catalog: OwnedCatalog): OwnedCatalog {
  return {
    clusterId: catalog.clusterId,
    load: () => catalog.load(),
    loadGroups: () => catalog.loadGroups(),
    loadTransactions: () => catalog.loadTransactions(),
    write: changes => catalog.write(changes),
    allocateProducerIds: count => catalog.allocateProducerIds(count),
    subscribe: listener => catalog.subscribe(listener),
    close: () => {},
  }
}

async function catalogWithTopic(partitionCount: number): Promise<OwnedCatalog> {
  const catalog = openMemoryCatalog({ clusterId: 'MkU3OEVBNTcwNTJENDM2Qk' })
  await catalog.write([{ kind: 'createTopic', topic: { id: TOPIC_ID, name: 't', partitionCount, createdMs: 0 } }])
  return catalog
}

const offsetsOf = (process: Process, count: number): readonly string[] =>
  Array.from({ length: count }, (_, partition) => {
    const { log } = process.where(partition)
    return `${log.logStartOffset}-${log.highWatermark}`
  })

/** As a broker does it. */
async function move(process: Process, partition: number, to: number): Promise<void> {
  const { logs, log, nodeId } = process.where(partition)
  assert.notEqual(nodeId, to)
  const handover = await logs.release(log)
  assert.equal(logs.partition(TOPIC_ID, partition), undefined)
  const leaderEpoch = log.leaderEpoch + 1
  const change: CatalogChange = {
    kind: 'setLeader',
    placement: { topicId: TOPIC_ID, partition, nodeId: to, leaderEpoch, handover },
  }
  await process.catalog.write([change])
  for (const layout of await process.layouts(to)) await process.logs(to).create(layout)
}

describe('data folders that several nodes share', () => {
  it('keep all that there is through one node, two, three and one again', async () => {
    const fs = new FaultFileSystem()
    const catalog = await catalogWithTopic(4)
    const counts = [0, 0, 0, 0]
    for (const nodeIds of [[1], [1, 2], [1, 2, 3], [2], [1, 2], [1]]) {
      const process = await Process.start(fs, catalog, nodeIds)
      assert.ok(process.nodes.every(({ report }) => report.cleanStart))
      for (const [partition, count] of counts.entries()) {
        assert.equal(await process.append(partition), count)
        counts[partition]!++
      }
      const leaders = new Set(counts.map((_, partition) => process.where(partition).nodeId))
      assert.ok(leaders.size === 1 || nodeIds.length > 1)
      await process.stop()
    }
  })

  it('spread the partitions of a node that was alone over two, and recover them all after a kill', async () => {
    const catalog = await catalogWithTopic(4)
    const alone = await Process.start(new FaultFileSystem(), catalog, [1])
    for (const partition of [0, 1, 2, 3, 3]) await alone.append(partition)
    const { logs, log } = alone.where(3)
    await logs.deleteRecords(log, 1)
    const two = await Process.start(alone.fs.afterKill(), catalog, [1, 2])
    assert.deepEqual(
      two.nodes.map(({ report }) => [report.partitionCount, report.cleanStart]),
      [
        [2, false],
        [2, false],
      ],
    )
    assert.deepEqual(offsetsOf(two, 4), ['0-1', '0-1', '0-1', '1-2'])
    for (const partition of [0, 1, 2, 3]) assert.ok(two.where(partition).log.leaderEpoch <= 1)
    const again = await Process.start(two.fs.afterKill(), catalog, [1])
    assert.deepEqual(offsetsOf(again, 4), ['0-1', '0-1', '0-1', '1-2'])
    const placements = (await catalog.load()).placements.filter(({ nodeId }) => nodeId === NO_NODE)
    assert.equal(placements.length, 2)
  })

  it('let a partition move with all that is known of it, and a kill right after it loses nothing', async () => {
    const catalog = await catalogWithTopic(2)
    const process = await Process.start(new FaultFileSystem(), catalog, [1, 2])
    const from = process.where(0).nodeId
    const to = from === 1 ? 2 : 1
    for (let i = 0; i < 3; i++) await process.append(0)
    const { logs, log } = process.where(0)
    await logs.deleteRecords(log, 2)
    await move(process, 0, to)
    assert.equal(process.where(0).nodeId, to)
    assert.deepEqual(offsetsOf(process, 1), ['2-3'])
    assert.equal(process.where(0).log.leaderEpoch, 1)
    const [refused] = await logs.append([{ partition: log, records: sampleBatch() }])
    assert.equal(refused?.kind === 'refused' && refused.error, 'NOT_LEADER_OR_FOLLOWER')
    assert.equal(await process.append(0), 3)
    const after = await Process.start(process.fs.afterKill(), catalog, [1, 2])
    assert.equal(after.where(0).nodeId, to)
    assert.deepEqual(offsetsOf(after, 1), ['2-4'])
    await move(after, 0, from)
    assert.equal(await after.append(0), 4)
    await after.stop()
  })

  it('keep what is known of a partition whose old leader dies between letting go and the write that names the next', async () => {
    const catalog = await catalogWithTopic(2)
    const process = await Process.start(new FaultFileSystem(), catalog, [1, 2])
    const { logs, log, nodeId } = process.where(0)
    for (let i = 0; i < 3; i++) await process.append(0)
    await logs.deleteRecords(log, 2)
    await logs.release(log)
    // Another partition of the node has its checkpoint written anew meanwhile.
    const other = process.nodes.find(node => node.nodeId === nodeId)!
    await other.engine.close()
    const after = await Process.start(process.fs.afterKill(), catalog, [1, 2])
    assert.equal(after.where(0).nodeId, nodeId)
    assert.deepEqual(offsetsOf(after, 1), ['2-3'])
  })

  it('are free again after the nodes', async () => {
    const fs = new FaultFileSystem()
    const catalog = await catalogWithTopic(1)
    const process = await Process.start(fs, catalog, [1, 2])
    await assert.rejects(Process.start(fs, catalog, [1]), { code: 'LOCKED' })
    await process.stop()
    await (await Process.start(fs, catalog, [1])).stop()
    assert.ok(fs.list('/data').every(name => !name.includes('.node')))
  })
})
