import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { DiskPartition, FOLDER } from '../../disk/disk-fixture.ts'
import { Compacted } from './cleaner-fixture.ts'

const name = (offset: number, suffix: string): string => `${FOLDER}/${String(offset).padStart(20, '0')}${suffix}`
const DATA = ['.log', '.index', '.timeindex']

/** What an uncleaned log and the same one cleaned have on disk. */
async function beforeAndAfter(): Promise<{ before: FaultFileSystem; after: FaultFileSystem }> {
  const log = await Compacted.open(new FaultFileSystem(), { config: { segmentBytes: 1_000 } })
  for (let i = 0; i < 60; i++) await log.append([[`k${i % 5}`, `value ${i}`]])
  await log.disk.engine.close()
  const before = log.disk.fs.afterKill()
  const again = new FaultFileSystem()
  copyAll(before, again)
  const cleaned = await Compacted.open(again, { config: { segmentBytes: 1_000 } })
  await cleaned.runCleaner()
  await cleaned.disk.engine.close()
  return { before, after: again }
}

function copyAll(from: FaultFileSystem, to: FaultFileSystem): void {
  to.makeFolder(FOLDER)
  for (const folder of ['/data', FOLDER])
    for (const file of from.list(folder))
      if (from.stat(`${folder}/${file}`)?.isFolder === false)
        to.open(`${folder}/${file}`, 'create').write(from.contentOf(`${folder}/${file}`), 0)
}

/** Puts a cleaned segment beside the old ones, under other names. */
function put(to: FaultFileSystem, from: FaultFileSystem, offset: number, endingOf: (suffix: string) => string): void {
  for (const suffix of DATA)
    to.open(name(offset, suffix) + endingOf(suffix), 'create').write(from.contentOf(name(offset, suffix)), 0)
}

const logs = (fs: FaultFileSystem): string[] =>
  [...fs.list(FOLDER)].filter(file => /\.(log|cleaned|swap|deleted)$/.test(file)).sort()

describe('what a compaction that was cut off left behind', () => {
  it('is dropped while not every file had its .swap name', async () => {
    const { before, after } = await beforeAndAfter()
    const untouched = logs(before)
    put(before, after, 0, suffix => (suffix === '.log' ? '.swap' : '.cleaned'))
    const disk = await DiskPartition.open(before, { config: { cleanupPolicy: ['compact'] } })
    assert.deepEqual(disk.report.failures, [])
    assert.deepEqual(logs(before), untouched)
    assert.equal((await disk.readAll()).length, 60)
  })

  it('is finished when they had, whatever of the old ones is still there', async () => {
    const { before, after } = await beforeAndAfter()
    const bases = logs(before).map(file => Number(file.slice(0, 20)))
    for (const gone of [[], [0], bases.slice(0, 2)]) {
      const fs = new FaultFileSystem()
      copyAll(before, fs)
      for (const offset of gone)
        for (const suffix of DATA) fs.rename(name(offset, suffix), `${name(offset, suffix)}.deleted`)
      put(fs, after, 0, () => '.swap')
      const disk = await DiskPartition.open(fs, { config: { cleanupPolicy: ['compact'] } })
      assert.deepEqual(disk.report.failures, [])
      assert.deepEqual(fs.contentOf(name(0, '.log')), after.contentOf(name(0, '.log')))
      assert(logs(fs).every(file => file.endsWith('.log')))
      assert.equal(disk.log().highWatermark, 60)
    }
  })

  it('is finished when only an index had kept its .swap name', async () => {
    const { after } = await beforeAndAfter()
    const index = Buffer.from(after.contentOf(name(0, '.index')))
    after.rename(name(0, '.index'), `${name(0, '.index')}.swap`)
    const disk = await DiskPartition.open(after, { config: { cleanupPolicy: ['compact'] } })
    assert.deepEqual(after.contentOf(name(0, '.index')), index)
    assert.equal(disk.log().highWatermark, 60)
  })
})
