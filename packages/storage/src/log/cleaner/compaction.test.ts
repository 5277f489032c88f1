import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { Compacted } from './cleaner-fixture.ts'

describe('a compacted log', () => {
  it('keeps the last value of every key, at its offset', async () => {
    const log = await Compacted.open(new FaultFileSystem())
    for (let i = 0; i < 60; i++) await log.append([[`k${i % 5}`, `v${i}`]])
    const sizeBefore = log.disk.log().highWatermark
    await log.clean()
    await log.check()
    await log.checkShells()
    assert.equal(log.disk.log().highWatermark, sizeBefore)
    assert(log.model.records.length < 20)
  })
})
