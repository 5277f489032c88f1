import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '@millrace/base'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { DiskPartition, FOLDER } from '../disk/disk-fixture.ts'
import { checkFolder } from './folder-check.ts'
import { type FolderRepair, repairFolder } from './repair-folder.ts'

const config = { segmentBytes: 1_000, indexIntervalBytes: 150 }
const LOG = `${FOLDER}/${'0'.repeat(20)}.log`
const isCompacted = (): boolean => false

/** Forty batches of two records in several segments. */
async function stoppedLog(): Promise<FaultFileSystem> {
  const fs = new FaultFileSystem()
  const partition = await DiskPartition.open(fs, { config })
  for (let i = 0; i < 40; i++) {
    const values = [`value ${i}`, `other ${i}`]
    await partition.append({ values, timestampsMs: [1_000 + i], producerId: 5, producerEpoch: 0, baseSequence: i * 2 })
  }
  await partition.engine.close()
  return fs
}

async function repaired(fs: FaultFileSystem, act = true): Promise<FolderRepair> {
  const repair = await repairFolder(fs, '/data', { isCompacted, mayAct: () => act })
  assert.ok(repair !== 'in use')
  return repair
}

async function problemsOf(fs: FaultFileSystem): Promise<string[]> {
  const { partitions, problems } = await checkFolder(fs, '/data', { isCompacted })
  return [...problems, ...partitions.flatMap(report => report.problems)].map(
    ({ path, message }) => `${path}: ${message}`,
  )
}

const says = ({ plans, steps }: FolderRepair): string[] =>
  [...plans.flatMap(plan => plan.steps), ...steps].map(step => step.says)

const garbage =
  (from: number, to: number) =>
  (content: Buffer): Buffer =>
    content.fill(0x55, from, to)

describe('a repair of a data folder', () => {
  it('changes nothing when it is only asked what it would do', async () => {
    const fs = await stoppedLog()
    fs.garble(LOG, garbage(200, 300))
    const before = fs.list(FOLDER).map(name => [name, fs.contentOf(`${FOLDER}/${name}`).toString('hex')])
    const repair = await repaired(fs, false)
    assert.match(
      says(repair)[0]!,
      /bytes are skipped and kept in 0+\.log\.\d+\.damaged; LOST: the records at offsets 4 to 7/,
    )
    assert.deepEqual(
      fs.list(FOLDER).map(name => [name, fs.contentOf(`${FOLDER}/${name}`).toString('hex')]),
      before,
    )
  })

  it('skips damage inside a log, keeps its bytes, and leaves every other record where it was', async () => {
    const fs = await stoppedLog()
    const size = fs.contentOf(LOG).readInt32BE(8) + 12
    const damaged = Buffer.from(fs.contentOf(LOG).subarray(size, 2 * size))
    damaged.fill(0x55, 10, 40)
    fs.garble(LOG, garbage(size + 10, size + 40))
    await repaired(fs)
    assert.deepEqual(await problemsOf(fs), [])
    assert.deepEqual(fs.contentOf(`${LOG}.${size}.damaged`), damaged)
    const partition = await DiskPartition.open(fs, { config })
    const batches = await partition.readAll()
    assert.equal(partition.log().highWatermark, 80)
    assert.equal(batches.length, 40)
    assert.deepEqual(
      [batches[1]!.readInt32BE(57), Number(batches[1]!.readBigInt64BE(0)), batches[1]!.readInt32BE(23)],
      [0, 2, 1],
    )
    assert.equal((await partition.append({ values: ['next'] })).kind, 'appended')
    await partition.engine.close()
    assert.deepEqual(await problemsOf(fs), [])
  })

  it('keeps every segment behind damage at the end of one, after a clean stop and after a kill', async () => {
    for (const isClean of [true, false]) {
      const fs = await stoppedLog()
      if (!isClean) fs.remove('/data/.kafka_cleanshutdown')
      if (!isClean) fs.remove('/data/recovery-point-offset-checkpoint')
      fs.garble(LOG, content => content.fill(0, content.length - 30))
      await repaired(fs)
      assert.deepEqual(await problemsOf(fs), [])
      const partition = await DiskPartition.open(fs, { config })
      assert.equal(partition.report.truncatedBytes, 0)
      assert.equal(partition.log().highWatermark, 80)
      await partition.readAll()
      await partition.engine.close()
    }
  })

  it('cuts what nothing good follows, and says that its offsets are given out again', async () => {
    const fs = await stoppedLog()
    const last = fs
      .list(FOLDER)
      .filter(name => name.endsWith('.log'))
      .sort()
      .at(-1)!
    fs.garble(`${FOLDER}/${last}`, content => content.subarray(0, content.length - 9))
    const repair = await repaired(fs)
    assert.match(
      says(repair).join('\n'),
      /the log is cut at position \d+.*LOST: whatever was written from offset 78 on/,
    )
    assert.deepEqual(await problemsOf(fs), [])
    const partition = await DiskPartition.open(fs, { config })
    assert.equal(partition.log().highWatermark, 78)
    await partition.engine.close()
  })

  it('makes indexes again and puts aside what can be made anew', async () => {
    const fs = await stoppedLog()
    fs.garble(LOG.replace('.log', '.index'), garbage(0, 4))
    fs.garble(LOG.replace('.log', '.timeindex'), content => content.subarray(1))
    const snapshot = fs.list(FOLDER).find(name => name.endsWith('.snapshot'))!
    fs.garble(`${FOLDER}/${snapshot}`, garbage(12, 20))
    fs.garble(`${FOLDER}/leader-epoch-checkpoint`, () => Buffer.from('?'))
    fs.garble('/data/log-start-offset-checkpoint', () => Buffer.from('?'))
    fs.garble('/data/recovery-point-offset-checkpoint', () => Buffer.from('0\n1\nt 0 99\n'))
    await repaired(fs)
    assert.deepEqual(await problemsOf(fs), [])
    assert.ok(fs.list(FOLDER).includes(`${snapshot}.damaged`))
    assert.equal(fs.contentOf(`${FOLDER}/leader-epoch-checkpoint`).toString(), '0\n1\n0 0\n')
    assert.equal(fs.contentOf('/data/recovery-point-offset-checkpoint').toString(), '0\n1\nt 0 80\n')
    const partition = await DiskPartition.open(fs, { config })
    assert.equal(partition.log().highWatermark, 80)
    await partition.engine.close()
  })

  it('refuses a folder that a broker has', async () => {
    const fs = new FaultFileSystem()
    const partition = await DiskPartition.open(fs, { config })
    assert.equal(await repairFolder(fs, '/data', { mayAct: () => true }), 'in use')
    await partition.engine.close()
  })

  it('leaves the old state or the new one wherever it is cut off, and never loses what was good', async () => {
    const damaged = async (): Promise<FaultFileSystem> => {
      const fs = await stoppedLog()
      fs.garble(LOG, garbage(200, 300))
      return fs
    }
    const whole = await damaged()
    const names = whole.list(FOLDER).length
    await repaired(whole)
    for (let steps = 0; steps < 3_000; steps += steps < 20 ? 1 : 97) {
      const fs = await damaged()
      fs.killAfter(steps)
      await repairFolder(fs, '/data', { isCompacted, mayAct: () => true }).catch(() => {})
      if (!fs.isDead) break
      const after = steps % 2 === 0 ? fs.afterKill() : fs.afterPowerCut(seededRandom(steps))
      await repaired(after)
      assert.deepEqual(await problemsOf(after), [], `after ${steps} steps`)
      const { partitions } = await checkFolder(after, '/data', { isCompacted })
      assert.equal(partitions[0]!.recordCount, 76, `after ${steps} steps`)
    }
    assert.ok(names > 10)
  })
})
