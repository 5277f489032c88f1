import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { HeldClock, settled } from '../../disk/disk-fixture.ts'
import { Compacted, compactConfig } from './cleaner-fixture.ts'
import { CleaningStopped, Pace } from './pace.ts'

function paced(bytesPerSecondMax: number) {
  const clock = new HeldClock()
  const state = { bytesPerSecondMax, isWanted: true }
  const rules = { clock, bytesPerSecondMax: () => state.bytesPerSecondMax, isWanted: () => state.isWanted }
  return { clock, state, pace: new Pace(rules) }
}

/** For how long the clock has to go on until the rest is over. */
async function restedMs(clock: HeldClock, rest: Promise<void>): Promise<number> {
  const begunMs = clock.now()
  let isOver = false
  const done = rest.then(() => {
    isOver = true
  })
  await settled()
  while (!isOver) await clock.pass(1)
  await done
  return clock.now() - begunMs
}

describe('the pace of a cleaning', () => {
  it('rests as long as its bytes should have taken', async () => {
    const { clock, pace } = paced(1_000_000)
    pace.moved(2_000_000)
    assert.equal(await restedMs(clock, pace.rest()), 2_000)
    await clock.pass(400)
    pace.moved(1_000_000)
    assert.equal(await restedMs(clock, pace.rest()), 600)
  })

  it('lets few bytes through until there are enough to rest for', async () => {
    const { clock, pace } = paced(1_000_000)
    pace.moved(200_000)
    assert.equal(await restedMs(clock, pace.rest()), 0)
    pace.moved(200_000)
    assert.equal(await restedMs(clock, pace.rest()), 400)
  })

  it('goes by the rate of the moment, and by none as by default', async () => {
    const { clock, state, pace } = paced(Number.MAX_VALUE)
    pace.moved(2 ** 50)
    assert.equal(await restedMs(clock, pace.rest()), 0)
    await clock.pass(1_000)
    await pace.rest()
    state.bytesPerSecondMax = 1_000
    pace.moved(1_000)
    assert.equal(await restedMs(clock, pace.rest()), 1_000)
  })

  it('is woken from its rest when it is not wanted any more', async () => {
    const { state, pace } = paced(1)
    pace.moved(1_000_000)
    const rest = assert.rejects(pace.rest(), CleaningStopped)
    await settled()
    state.isWanted = false
    pace.wake()
    await rest
  })

  it('asks for a rest after a millisecond, whatever was moved', async () => {
    const { clock, pace } = paced(Number.MAX_VALUE)
    assert.equal(pace.needsRest, false)
    await clock.pass(1)
    assert.equal(pace.needsRest, true)
    await pace.rest()
    assert.equal(pace.needsRest, false)
  })

  for (const bytesPerSecond of [1_000, 5_000])
    it(`makes a whole cleaning take as long as ${bytesPerSecond} bytes a second ask for`, async () => {
      const log = await Compacted.open(new FaultFileSystem(), { cleaner: { ioBytesPerSecondMax: bytesPerSecond } })
      for (let i = 0; i < 60; i++) await log.append([[`k${i % 5}`, `value ${i}`]])
      await log.clean()
      await log.check()
      const report = log.disk.engine.logs.cleaning!()
      assert.equal(report.cleanings, 1)
      const wantedMs = ((2 * report.bytesRead + report.bytesWritten) * 1_000) / bytesPerSecond
      // To a window, and to the last block, after which there is nothing to rest for.
      const toleranceMs = 300 + (compactConfig.segmentBytes! * 1_000) / bytesPerSecond
      assert(Math.abs(report.lastCleaningMs - wantedMs) <= toleranceMs, `${report.lastCleaningMs} ms for ${wantedMs}`)
    })
})
