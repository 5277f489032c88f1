import assert from 'node:assert/strict'
import { test } from 'node:test'
import { abortable, delay, Wakeup } from './delay.ts'

const LONG_MS = 60_000

test('a delay ends early with the reason of its signal', async () => {
  const stop = new AbortController()
  const waiting = delay(LONG_MS, stop.signal)
  stop.abort(new Error('enough'))
  await assert.rejects(waiting, /enough/)
  await assert.rejects(delay(LONG_MS, stop.signal), /enough/)
})

test('an abortable promise keeps its own outcome, or takes the reason of the signal', async () => {
  const stop = new AbortController()
  assert.equal(await abortable(Promise.resolve(1), stop.signal), 1)
  await assert.rejects(abortable(Promise.reject(new Error('own')), stop.signal), /own/)
  const never = abortable(new Promise(() => {}), stop.signal)
  stop.abort(new Error('enough'))
  await assert.rejects(never, /enough/)
})

test('a notice wakes who waits, and is kept for who comes next, once', async () => {
  const wakeup = new Wakeup()
  const waiting = wakeup.wait(LONG_MS)
  wakeup.notify()
  await waiting
  wakeup.notify()
  await wakeup.wait(LONG_MS)
  const stop = new AbortController()
  const third = wakeup.wait(LONG_MS, stop.signal)
  stop.abort(new Error('nobody called'))
  await assert.rejects(third, /nobody called/)
})
