import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { DiskPartition, FOLDER } from '../disk/disk-fixture.ts'
import { sampleMarker } from '../sample-batch.ts'
import { checkFolder, type FolderCheckOptions } from './folder-check.ts'
import type { LogProblem } from './log-problem.ts'
import type { PartitionReport } from './partition-check.ts'
import { repairFolder } from './repair-folder.ts'

const config = { segmentBytes: 1_000, indexIntervalBytes: 150 }
const LOG = `${FOLDER}/${'0'.repeat(20)}.log`

/** Forty batches of two records in several segments, of an idempotent producer. */
async function stoppedLog({ batchCount = 40 } = {}): Promise<FaultFileSystem> {
  const fs = new FaultFileSystem()
  const partition = await DiskPartition.open(fs, { config })
  for (let i = 0; i < batchCount; i++) {
    const values = [`value ${i}`, `other ${i}`]
    await partition.append({ values, timestampsMs: [1_000 + i], producerId: 5, producerEpoch: 0, baseSequence: i * 2 })
  }
  await partition.engine.close()
  return fs
}

async function check(
  fs: FaultFileSystem,
  options: FolderCheckOptions = { isCompacted: () => false },
): Promise<{ report: PartitionReport; problems: readonly LogProblem[]; all: number }> {
  const { partitions, problems, problemCount } = await checkFolder(fs, '/data', options)
  return { report: partitions[0]!, problems: [...problems, ...partitions[0]!.problems], all: problemCount }
}

const segmentsOf = (fs: FaultFileSystem, suffix = '.log'): string[] =>
  fs
    .list(FOLDER)
    .filter(name => name.endsWith(suffix))
    .sort()
    .map(name => `${FOLDER}/${name}`)

const flipped =
  (at: number) =>
  (content: Buffer): Buffer => {
    content[at]! ^= 0x10
    return content
  }

const summary = (problems: readonly LogProblem[]): string[] =>
  problems.map(({ kind, path, position }) => `${kind} ${path.slice(path.lastIndexOf('/') + 1)} ${position}`)

describe('a check of a data folder', () => {
  it('finds nothing in a folder that was left in good order, and changes nothing', async () => {
    const fs = await stoppedLog()
    const before = [...fs.list(FOLDER)].map(name => [name, fs.contentOf(`${FOLDER}/${name}`).toString('hex')])
    const { report, all } = await check(fs)
    assert.equal(all, 0, JSON.stringify(report.problems))
    assert.equal(report.recordCount, 80)
    assert.equal(report.batchCount, 40)
    assert.equal(report.endOffset, 80)
    assert.ok(report.segmentCount > 3)
    assert.deepEqual(
      [...fs.list(FOLDER)].map(name => [name, fs.contentOf(`${FOLDER}/${name}`).toString('hex')]),
      before,
    )
  })

  it('finds nothing after a kill, when the indexes of the active segment have no closing entry', async () => {
    const fs = new FaultFileSystem()
    const partition = await DiskPartition.open(fs, { config })
    for (let i = 0; i < 30; i++) await partition.append({ timestampsMs: [1_000 + i] })
    const { all, problems } = await check(fs.afterKill())
    assert.equal(all, 0, JSON.stringify(problems))
  })

  it('says file, position and lost offsets of a flipped bit in the records of an old segment', async () => {
    const fs = await stoppedLog()
    const size = fs.contentOf(LOG).readInt32BE(8) + 12
    fs.garble(LOG, flipped(size + 70))
    const { problems } = await check(fs)
    assert.deepEqual(summary(problems), [`batch ${'0'.repeat(20)}.log ${size}`])
    assert.match(problems[0]!.message, /checksum of the batch at offset 2 .* offsets 2 to 3 are lost/)
    assert.deepEqual(problems[0]!.damage, { from: size, to: 2 * size, lostFrom: 2, lostTo: 4 })
  })

  it('goes on behind a length that is garbage', async () => {
    const fs = await stoppedLog()
    const size = fs.contentOf(LOG).readInt32BE(8) + 12
    fs.garble(LOG, content => {
      content.writeInt32BE(0x7fff_0000, size + 8)
      return content
    })
    const { problems, report } = await check(fs)
    assert.deepEqual(problems[0]!.damage, { from: size, to: 2 * size, lostFrom: 2, lostTo: 4 })
    assert.equal(report.batchCount, 39)
  })

  it('says what is missing of a log that is cut off, and of one whose segment is gone', async () => {
    const torn = await stoppedLog()
    const last = segmentsOf(torn).at(-1)!
    torn.garble(last, content => content.subarray(0, content.length - 5))
    const found = await check(torn)
    assert.equal(found.problems[0]!.kind, 'torn')
    assert.match(found.problems[0]!.message, /ends beyond the file.*what followed offset 77 is lost/)

    const holed = await stoppedLog()
    const second = segmentsOf(holed)[1]!
    holed.remove(second)
    const { problems } = await check(holed)
    assert.equal(problems.find(({ kind }) => kind === 'gap')?.message.startsWith('offsets '), true)
    assert.equal((await check(holed, { isCompacted: () => true })).problems.length, 0)
  })

  for (const suffix of ['.index', '.timeindex', '.snapshot'] as const)
    it(`finds every flipped bit in ${suffix} that could mislead`, async () => {
      const clean = await stoppedLog()
      const path = segmentsOf(clean, suffix)[1]!
      const bytes = clean.contentOf(path).length
      assert.ok(bytes > 0)
      let missed = 0
      for (let at = 0; at < bytes; at++) {
        const fs = await stoppedLog()
        fs.garble(path, flipped(at))
        const { problems } = await check(fs)
        if (problems.some(problem => problem.path === path)) continue
        missed++
        // An offset that is said to be higher than the batch's, and below the next entry's, leads no reader astray.
        assert.equal(suffix, '.index', `byte ${at}`)
      }
      assert.ok(missed <= bytes / 8, `${missed} of ${bytes}`)
    })

  it('finds an index that is missing, of a wrong size, or of another segment', async () => {
    const fs = await stoppedLog()
    const [first, second, third] = segmentsOf(fs, '.index')
    fs.remove(first!)
    fs.garble(second!, content => content.subarray(0, content.length - 3))
    fs.garble(third!, () => Buffer.from(fs.contentOf(segmentsOf(fs, '.index')[2]!)))
    const { problems } = await check(fs)
    assert.deepEqual(
      problems.map(({ path }) => path),
      [first, second],
    )
  })

  it('holds aborted transactions against their index', async () => {
    const fs = new FaultFileSystem()
    const partition = await DiskPartition.open(fs, { config })
    await partition.append({ producerId: 9, producerEpoch: 0, isTransactional: true, baseSequence: 0 })
    await partition.mark(sampleMarker(9, 'abort'))
    await partition.engine.close()
    const path = LOG.replace('.log', '.txnindex')
    const whole = Buffer.from(fs.contentOf(path))
    assert.equal((await check(fs)).all, 0)
    fs.garble(path, flipped(9))
    assert.deepEqual(summary((await check(fs)).problems), [`txnindex ${'0'.repeat(20)}.txnindex 0`])
    fs.remove(path)
    assert.match((await check(fs)).problems[0]!.message, /lacks the transaction of producer 9/)
    await repairFolder(fs, '/data', { isCompacted: () => false, mayAct: () => true })
    assert.equal((await check(fs)).all, 0)
    assert.deepEqual(fs.contentOf(path), whole)
  })

  it('finds checkpoints that are garbled or above the end', async () => {
    const fs = await stoppedLog()
    fs.garble('/data/recovery-point-offset-checkpoint', () => Buffer.from('0\n1\nt 0 99\n'))
    fs.garble('/data/replication-offset-checkpoint', () => Buffer.from('0\n7\n'))
    fs.garble(`${FOLDER}/leader-epoch-checkpoint`, () => Buffer.from('nonsense'))
    const { problems } = await check(fs)
    assert.deepEqual(problems.map(({ path }) => path.slice(path.lastIndexOf('/') + 1)).sort(), [
      'leader-epoch-checkpoint',
      'recovery-point-offset-checkpoint',
      'replication-offset-checkpoint',
    ])
  })

  it('leaves out the unstable end of a folder that a broker has open', async () => {
    const fs = new FaultFileSystem()
    const partition = await DiskPartition.open(fs, { config })
    for (let i = 0; i < 30; i++) await partition.append({ timestampsMs: [1_000 + i] })
    const last = segmentsOf(fs).at(-1)!
    fs.garble(last, content => Buffer.concat([content, Buffer.from('half a batch')]))
    const running = await checkFolder(fs, '/data')
    assert.equal(running.isRunning, true)
    assert.equal(running.problemCount, 0, JSON.stringify(running.partitions[0]!.problems))
    const stopped = await checkFolder(fs.afterKill(), '/data')
    assert.equal(stopped.isRunning, false)
    assert.equal(stopped.problemCount, 1)
    await partition.engine.close()
  })
})
