import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger, systemClock } from '@millrace/base'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { sampleConfig, sampleTopicId } from '../conformance.ts'
import { emptyCatalog } from '../sample-catalog.ts'
import { openDiskEngine } from './disk-engine.ts'
import { DiskPartition } from './disk-fixture.ts'

const CHECKPOINT = '/data/recovery-point-offset-checkpoint'

function textOf(fs: FaultFileSystem, path: string): string {
  const bytes = Buffer.alloc(fs.stat(path)!.sizeBytes)
  const file = fs.open(path, 'read')!
  file.read(bytes, 0)
  file.close()
  return bytes.toString()
}

const anew = { topic: 't', topicId: sampleTopicId(8), partitionCount: 1, config: sampleConfig }

async function stoppedWithRecords(): Promise<FaultFileSystem> {
  const fs = new FaultFileSystem()
  const partition = await DiskPartition.open(fs)
  for (let i = 0; i < 20; i++) await partition.append()
  await partition.engine.close()
  assert.match(textOf(fs, CHECKPOINT), /^t 0 [1-9]\d*$/m)
  return fs
}

test('a topic that is made anew under its name does not meet the recovery point of the one before', async () => {
  const fs = await stoppedWithRecords()
  const { engine } = await DiskPartition.open(fs)
  await engine.logs.remove(sampleTopicId(7))
  await engine.logs.create(anew)
  assert.doesNotMatch(textOf(fs, CHECKPOINT), /^t 0 [1-9]\d*$/m)
})

test('nor does it when the one before was deleted in an earlier life', async () => {
  const fs = await stoppedWithRecords()
  const options = { dirs: ['/data'], catalog: emptyCatalog, clock: systemClock, logger: silentLogger, fs }
  await using engine = await openDiskEngine(options)
  await engine.logs.start([])
  await engine.logs.create(anew)
  assert.doesNotMatch(textOf(fs, CHECKPOINT), /^t 0 [1-9]\d*$/m)
})
