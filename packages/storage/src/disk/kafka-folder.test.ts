import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { readRecords } from '@millrace/protocol'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { sampleTopicId } from '../conformance.ts'
import { formatPartitionMetadata, parsePartitionMetadata } from '../log/checkpoint-file.ts'
import { decodeSnapshot, encodeSnapshot } from '../log/producer-snapshot.ts'
import { ProducerStates } from '../log/producer-state.ts'
import { DiskPartition, FOLDER } from './disk-fixture.ts'

const folder = new URL('./vectors/kafka-partition/', import.meta.url)
const files = new Map(readdirSync(folder).map(name => [name, readFileSync(new URL(name, folder))]))
const file = (name: string): Buffer => files.get(name)!

/** Kafka's folder on a disk in memory, made one of ours by its topic id. */
function dataFolder(change: (name: string, bytes: Buffer) => Buffer | undefined): FaultFileSystem {
  const fs = new FaultFileSystem()
  fs.makeFolder(FOLDER)
  for (const [name, bytes] of files) {
    const content = name === 'partition.metadata' ? formatPartitionMetadata(sampleTopicId(7)) : change(name, bytes)
    if (content !== undefined) fs.open(`${FOLDER}/${name}`, 'create').write(content, 0)
  }
  return fs
}

async function sameAsKafka(disk: DiskPartition): Promise<void> {
  const batches = await disk.readAll()
  assert.deepEqual(Buffer.concat(batches), file('00000000000000000000.log'))
  const records = batches.flatMap(batch => [...readRecords(batch, 0, { maxBytes: 100_000 })])
  assert.equal(disk.log().highWatermark, 172)
  assert.equal(records.length, 172)
  assert.deepEqual(new Set(batches.map(batch => batch.readInt16BE(21) & 7)), new Set([0, 1, 2, 3, 4]))
}

describe('a partition folder that Kafka wrote', () => {
  it('opens after a clean stop with every record the same and nothing touched', async () => {
    const fs = dataFolder((_, bytes) => bytes)
    fs.open('/data/.kafka_cleanshutdown', 'create').write(Buffer.from('{"version":0,"brokerEpoch":7}'), 0)
    const disk = await DiskPartition.open(fs)
    assert.equal(disk.report.recoveredSegments, 0)
    await sameAsKafka(disk)
    for (const [name, bytes] of files)
      if (name !== 'partition.metadata') assert.deepEqual(fs.contentOf(`${FOLDER}/${name}`), bytes, name)
  })

  it('opens after a kill, and the indexes that are made again are those that Kafka made', async () => {
    const killed = (name: string, bytes: Buffer): Buffer | undefined => {
      if (name.endsWith('.snapshot')) return undefined
      return name.endsWith('index') ? Buffer.concat([bytes, Buffer.alloc(120_000)]) : bytes
    }
    const disk = await DiskPartition.open(dataFolder(killed))
    assert.equal(disk.report.recoveredSegments, 1)
    await sameAsKafka(disk)
    await disk.engine.close()
    for (const name of ['00000000000000000000.index', '00000000000000000000.timeindex', 'leader-epoch-checkpoint'])
      assert.deepEqual(disk.fs.contentOf(`${FOLDER}/${name}`), file(name), name)
    const snapshots = [
      disk.fs.contentOf(`${FOLDER}/00000000000000000172.snapshot`),
      file('00000000000000000172.snapshot'),
    ]
    const [ours, kafkas] = snapshots.map(bytes =>
      decodeSnapshot(bytes)?.toSorted((a, b) => a.producerId - b.producerId),
    )
    assert.deepEqual(ours, kafkas)
  })

  it('has a snapshot that is encoded again to the same bytes', () => {
    const bytes = file('00000000000000000172.snapshot')
    const producers = new ProducerStates()
    for (const state of decodeSnapshot(bytes)!) producers.restore(state)
    assert.deepEqual(encodeSnapshot(producers), bytes)
  })

  it('has metadata that is read', () => {
    assert.equal(parsePartitionMetadata(file('partition.metadata'))?.length, 22)
  })
})
