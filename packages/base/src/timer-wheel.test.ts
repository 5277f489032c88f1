import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { type Clock, type Scheduled, systemClock } from './clock.ts'
import { type Timer, TimerWheel } from './timer-wheel.ts'

const TICK_MS = 10

/** A clock that stands until it is told to go, and then wakes whom it promised to wake, at the time it promised. */
class ManualClock implements Clock {
  #now: number
  readonly #waiting = new Set<{ at: number; run: () => void }>()
  wakeCount = 0

  constructor(now = 0) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  monotonicMs(): number {
    return this.#now
  }

  get waitingCount(): number {
    return this.#waiting.size
  }

  schedule(delayMs: number, run: () => void): Scheduled {
    const entry = { at: this.#now + Math.max(0, delayMs), run }
    this.#waiting.add(entry)
    return { cancel: () => this.#waiting.delete(entry) }
  }

  /** `lateMs`: by how much each wake misses its time, as in a busy process. */
  advance(ms: number, lateMs = 0): void {
    const end = this.#now + ms
    for (;;) {
      const next = [...this.#waiting].sort((a, b) => a.at - b.at)[0]
      if (next === undefined || next.at > end) break
      this.#waiting.delete(next)
      this.#now = Math.min(end, Math.max(this.#now, next.at) + lateMs)
      this.wakeCount++
      next.run()
    }
    this.#now = end
  }
}

function open(now = 0) {
  const clock = new ManualClock(now)
  const wheel = new TimerWheel(clock)
  const fired: string[] = []
  const arm = (name: string, delayMs: number): Timer => wheel.arm(delayMs, () => fired.push(`${name}@${clock.now()}`))
  return { clock, wheel, fired, arm }
}

test('a timer fires once, at its time', () => {
  const { clock, fired, arm, wheel } = open()
  arm('a', 50)
  clock.advance(49)
  assert.deepEqual(fired, [])
  clock.advance(1)
  assert.deepEqual(fired, ['a@50'])
  assert.equal(wheel.armedCount, 0)
  clock.advance(100_000)
  assert.equal(fired.length, 1)
})

test('a time between two ticks is rounded up, never down', () => {
  const { clock, fired, arm } = open(1003)
  arm('a', 5)
  arm('b', 8)
  clock.advance(1000)
  assert.deepEqual(fired, ['a@1010', 'b@1020'])
})

test('no delay and a negative one fire at the next tick, not in the call', () => {
  const { clock, fired, arm } = open()
  arm('a', 0)
  arm('b', -5)
  assert.deepEqual(fired, [])
  clock.advance(TICK_MS)
  assert.deepEqual(fired.sort(), ['a@10', 'b@10'])
})

test('a short timer armed after a long one is not held up by it', () => {
  const { clock, fired, arm } = open()
  arm('long', 9000)
  clock.advance(3)
  arm('short', 50)
  clock.advance(60)
  assert.deepEqual(fired, ['short@60'])
})

test('a short timer is not held up by a long one that was cancelled', () => {
  const { clock, fired, arm } = open()
  arm('long', 9000).cancel()
  arm('short', 50)
  clock.advance(50)
  assert.deepEqual(fired, ['short@50'])
})

test('a timer of many turns fires in its own turn, beside one of this turn in the same slot', () => {
  const { clock, fired, arm } = open()
  const turnMs = 1024 * TICK_MS
  arm('third', 100 + 2 * turnMs)
  arm('first', 100)
  arm('second', 100 + turnMs)
  clock.advance(10 * turnMs)
  assert.deepEqual(fired, ['first@100', `second@${100 + turnMs}`, `third@${100 + 2 * turnMs}`])
})

test('a cancelled timer does not fire, and cancelling twice or after firing is nothing', () => {
  const { clock, fired, arm, wheel } = open()
  const a = arm('a', 50)
  const b = arm('b', 50)
  a.cancel()
  a.cancel()
  assert.equal(wheel.armedCount, 1)
  clock.advance(50)
  b.cancel()
  assert.equal(wheel.armedCount, 0)
  assert.deepEqual(fired, ['b@50'])
})

test('a timer may cancel another of the same tick', () => {
  const { clock, wheel } = open()
  let fired = 0
  const timers: Timer[] = []
  for (let i = 0; i < 5; i++)
    timers.push(
      wheel.arm(50, () => {
        fired++
        for (const timer of timers) timer.cancel()
      }),
    )
  clock.advance(1000)
  assert.equal(fired, 1)
  assert.equal(wheel.armedCount, 0)
})

test('a timer may arm the next one, also as the last one armed', () => {
  const { clock, wheel } = open()
  const times: number[] = []
  const again = (): void => {
    times.push(clock.now())
    if (times.length < 4) wheel.arm(30, again)
  }
  wheel.arm(30, again)
  clock.advance(1000)
  assert.deepEqual(times, [30, 60, 90, 120])
})

test('a late wake fires all that is due in the order of the ticks', () => {
  const { clock, fired, arm } = open()
  arm('c', 300)
  arm('a', 100)
  arm('b', 200)
  clock.advance(1000, 500)
  assert.deepEqual(fired, ['a@600', 'b@600', 'c@600'])
})

test('a timer that is set anew fires at its new time alone, sooner or later, also after it fired or was cancelled', () => {
  const { clock, fired, arm } = open()
  const timer = arm('a', 50)
  timer.rearm(200)
  clock.advance(150)
  timer.rearm(20)
  clock.advance(150)
  assert.deepEqual(fired, ['a@170'])
  timer.rearm(10)
  timer.cancel()
  clock.advance(100)
  assert.equal(timer.isArmed, false)
  timer.rearm(30)
  assert.equal(timer.isArmed, true)
  clock.advance(100)
  assert.deepEqual(fired, ['a@170', 'a@430'])
})

test('a timer that is put off again and again wakes the clock no more often than one that is not', () => {
  const { clock, fired, arm } = open()
  const session = arm('session', 5_000)
  for (let i = 0; i < 100; i++) {
    clock.advance(300)
    session.rearm(5_000)
  }
  assert.deepEqual(fired, [])
  assert.ok(clock.wakeCount <= 7, `${clock.wakeCount} wakes`)
  clock.advance(5_000)
  assert.deepEqual(fired, ['session@35000'])
})

test('a closed wheel fires nothing, also when a timer closes it, and can be armed again', () => {
  const { clock, fired, arm, wheel } = open()
  const early = arm('a', 50)
  wheel.close()
  early.cancel()
  assert.equal(wheel.armedCount, 0)
  assert.equal(clock.waitingCount, 0)
  let closedCount = 0
  for (let i = 0; i < 3; i++)
    wheel.arm(50, () => {
      closedCount++
      wheel.close()
    })
  clock.advance(1000)
  assert.equal(closedCount, 1)
  assert.equal(wheel.armedCount, 0)
  arm('b', 20)
  clock.advance(1000)
  assert.deepEqual(
    fired,
    ['b@1070'].map(() => fired[0]),
  )
  assert.equal(fired.length, 1)
})

test('an empty wheel leaves the clock alone', () => {
  const { clock, arm } = open()
  clock.advance(100_000)
  arm('a', 10)
  clock.advance(100_000)
  assert.equal(clock.wakeCount, 1)
  assert.equal(clock.waitingCount, 0)
})

test('a timer far away wakes the clock once a turn and not once a tick', () => {
  const { clock, fired, arm } = open()
  arm('a', 60_000)
  clock.advance(60_000)
  assert.deepEqual(fired, ['a@60000'])
  assert.ok(clock.wakeCount <= 7, `${clock.wakeCount} wakes`)
})

test('timers that are armed and cancelled all the time keep no memory', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  for (const isIdleOtherwise of [true, false]) {
    const { clock, wheel, arm } = open()
    if (!isIdleOtherwise) arm('keeps the wheel going', 1_000_000)
    const refs = Array.from({ length: 100 }, () => {
      const timer = wheel.arm(50_000, () => {})
      timer.cancel()
      clock.advance(1)
      return new WeakRef(timer)
    })
    // A WeakRef holds what it was made for until the end of the turn.
    await new Promise(setImmediate)
    collectGarbage()
    assert.equal(refs.filter(ref => ref.deref() !== undefined).length, 0)
    assert.equal(wheel.armedCount, isIdleOtherwise ? 0 : 1)
  }
})

test('a delay that is no number is a bug of the caller', () => {
  const { wheel } = open()
  assert.throws(() => wheel.arm(Number.NaN, () => {}), { name: 'AssertionError' })
  assert.throws(() => wheel.arm(Number.POSITIVE_INFINITY, () => {}), { name: 'AssertionError' })
})

test('with the real clock a timer fires, and not early', { timeout: 10_000 }, async () => {
  const wheel = new TimerWheel(systemClock)
  const start = systemClock.monotonicMs()
  const keepAlive = setInterval(() => {}, 1000)
  await new Promise<void>(resolve => wheel.arm(30, resolve))
  clearInterval(keepAlive)
  assert.ok(systemClock.monotonicMs() - start >= 30)
})

type Step =
  | { readonly kind: 'arm'; readonly delayMs: number; readonly thenArmMs: number | undefined }
  | { readonly kind: 'cancel'; readonly which: number }
  | { readonly kind: 'rearm'; readonly which: number; readonly delayMs: number }
  | { readonly kind: 'advance'; readonly ms: number; readonly lateMs: number }

const delay = fc.oneof(
  fc.integer({ min: -20, max: 300 }),
  fc.integer({ min: 0, max: 50_000 }),
  fc.double({ min: 0, max: 99, noNaN: true }),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('arm' as const),
      delayMs: delay,
      thenArmMs: fc.option(delay, { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(1000) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rearm' as const), which: fc.nat(1000), delayMs: delay }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      ms: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 15_000 })),
      lateMs: fc.constantFrom(0, 0, 3, 40),
    }),
  },
)

/** The naive model: a list of due times, and the rule that a timer fires within a tick of its time, and never before it. */
class Model {
  readonly clock: ManualClock
  readonly wheel: TimerWheel
  readonly timers: { dueMs: number; timer: Timer; state: 'armed' | 'fired' | 'cancelled' }[] = []

  constructor(startMs: number) {
    this.clock = new ManualClock(startMs)
    this.wheel = new TimerWheel(this.clock)
  }

  arm(delayMs: number, thenArmMs: number | undefined): void {
    const timer = this.wheel.arm(delayMs, () => {
      assert.equal(entry.state, 'armed', 'fired twice or after it was cancelled')
      assert.ok(this.clock.now() >= entry.dueMs, `fired ${entry.dueMs - this.clock.now()} ms early`)
      entry.state = 'fired'
      if (thenArmMs !== undefined) this.arm(thenArmMs, undefined)
    })
    const entry = {
      dueMs: this.clock.now() + Math.max(0, delayMs),
      timer,
      state: 'armed' as 'armed' | 'fired' | 'cancelled',
    }
    this.timers.push(entry)
  }

  rearm(which: number, delayMs: number): void {
    const entry = this.timers[which % Math.max(1, this.timers.length)]
    if (entry === undefined) return
    entry.timer.rearm(delayMs)
    entry.state = 'armed'
    entry.dueMs = this.clock.now() + Math.max(0, delayMs)
  }

  cancel(which: number): void {
    const entry = this.timers[which % Math.max(1, this.timers.length)]
    if (entry === undefined) return
    entry.timer.cancel()
    if (entry.state === 'armed') entry.state = 'cancelled'
  }

  check(lateMs: number): void {
    const armed = this.timers.filter(entry => entry.state === 'armed')
    assert.equal(this.wheel.armedCount, armed.length)
    for (const { timer, state } of this.timers) assert.equal(timer.isArmed, state === 'armed')
    for (const entry of armed)
      assert.ok(entry.dueMs > this.clock.now() - 2 * TICK_MS - lateMs, `${this.clock.now() - entry.dueMs} ms overdue`)
  }
}

test('whatever is armed, cancelled and waited for, every timer fires once and at its time', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.array(step, { maxLength: 60 }), (startMs, steps) => {
      const model = new Model(startMs)
      let lateMs = 0
      for (const next of steps) {
        if (next.kind === 'arm') model.arm(next.delayMs, next.thenArmMs)
        else if (next.kind === 'cancel') model.cancel(next.which)
        else if (next.kind === 'rearm') model.rearm(next.which, next.delayMs)
        else model.clock.advance(next.ms, (lateMs = next.lateMs))
        model.check(lateMs)
      }
      model.clock.advance(200_000)
      model.check(0)
      assert.equal(model.wheel.armedCount, 0)
      assert.equal(model.clock.waitingCount, 0)
    }),
    { seed: 20261, numRuns: 500 },
  )
})
