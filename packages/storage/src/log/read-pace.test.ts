import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeldClock } from '../disk/disk-fixture.ts'
import { ReadPace } from './read-pace.ts'

test('large reads are synchronous until one is slow, and again after a while', async () => {
  const clock = new HeldClock()
  const pace = new ReadPace(clock, 64, 1024)
  assert.equal(pace.syncBytesMax, 1024)
  assert.equal(
    pace.timed(() => 'read'),
    'read',
  )
  assert.equal(pace.syncBytesMax, 1024)
  let slowMs = clock.monotonicMs()
  const slow = { now: () => clock.now(), monotonicMs: () => slowMs, schedule: () => ({ cancel: () => {} }) }
  const slowPace = new ReadPace(slow, 64, 1024)
  slowPace.timed(() => {
    slowMs += 20
  })
  assert.equal(slowPace.syncBytesMax, 64)
  slowMs += 60_000
  assert.equal(slowPace.syncBytesMax, 1024)
})
