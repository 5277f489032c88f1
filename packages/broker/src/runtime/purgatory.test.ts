import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, seededRandom, systemClock, TimerWheel } from '@millrace/base'
import type { PartitionLog } from '@millrace/storage'
import { Purgatory } from './purgatory.ts'

interface Log extends PartitionLog {
  highWatermark: number
}

const logOf = (partition: number): Log => ({
  topic: 't',
  topicId: 'AAAAAAAAAAAAAAAAAAAAAQ',
  partition,
  leaderEpoch: 0,
  logStartOffset: 0,
  highWatermark: 0,
  lastStableOffset: 0,
})

/** Time stands still until it is moved. */
class HeldClock implements Clock {
  #ms = 0
  #scheduled: { atMs: number; run: () => void }[] = []

  now(): number {
    return this.#ms
  }

  monotonicMs(): number {
    return this.#ms
  }

  schedule(delayMs: number, run: () => void): { cancel(): void } {
    const entry = { atMs: this.#ms + delayMs, run }
    this.#scheduled.push(entry)
    return { cancel: () => void (this.#scheduled = this.#scheduled.filter(e => e !== entry)) }
  }

  advance(ms: number): void {
    const untilMs = this.#ms + ms
    for (;;) {
      const next = this.#scheduled.filter(e => e.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.#ms = Math.max(this.#ms, next.atMs)
      this.#scheduled = this.#scheduled.filter(e => e !== next)
      next.run()
    }
    this.#ms = untilMs
  }
}

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

test('a waiter is woken by an advance that satisfies it, and by no other', async () => {
  const purgatory = new Purgatory(new TimerWheel(new HeldClock()))
  const [a, b] = [logOf(0), logOf(1)]
  let done = false
  void purgatory.wait([a, b], 60_000, () => a.highWatermark + b.highWatermark >= 2).then(() => void (done = true))
  a.highWatermark++
  purgatory.advanced(a)
  await turn()
  await turn()
  assert.ok(!done)
  b.highWatermark++
  purgatory.advanced(b)
  await turn()
  await turn()
  assert.ok(done)
  assert.equal(purgatory.waitingCount, 0)
})

test('many appends of one turn ask a waiter once', async () => {
  const purgatory = new Purgatory(new TimerWheel(new HeldClock()))
  const log = logOf(0)
  let asked = 0
  void purgatory.wait([log], 60_000, () => {
    asked++
    return false
  })
  for (let i = 0; i < 1000; i++) purgatory.advanced(log)
  await turn()
  await turn()
  assert.equal(asked, 1)
  purgatory.close()
})

test('a waiter is woken when its time is up, and when a partition fails', async () => {
  const clock = new HeldClock()
  const purgatory = new Purgatory(new TimerWheel(clock))
  const log = logOf(0)
  const timed = purgatory.wait([log], 100, () => false)
  clock.advance(120)
  await timed
  const failing = purgatory.wait([log], 60_000, () => false)
  purgatory.failed(log)
  await failing
  assert.equal(purgatory.waitingCount, 0)
})

test('close wakes everyone, those who watch nothing too, and nobody waits after it', async () => {
  const timers = new TimerWheel(new HeldClock())
  const purgatory = new Purgatory(timers)
  const all = [logOf(0), logOf(1)].map(log => purgatory.wait([log], 60_000, () => false))
  all.push(purgatory.wait([], 60_000, () => false))
  assert.equal(purgatory.waitingCount, 3)
  purgatory.close()
  await Promise.all(all)
  await purgatory.wait([logOf(2)], 60_000, () => false)
  assert.equal(purgatory.waitingCount, 0)
  assert.equal(timers.armedCount, 0)
})

test('who waits for a connection that is gone is woken, and others are not', async () => {
  const timers = new TimerWheel(new HeldClock())
  const purgatory = new Purgatory(timers)
  const [gone, staying] = [{}, {}]
  const log = logOf(0)
  const abandoned = [log, log].map(l => purgatory.wait([l], 2 ** 31 - 1, () => false, gone))
  void purgatory.wait([log], 60_000, () => false, staying)
  void purgatory.wait([log], 60_000, () => false)
  purgatory.abandon(gone)
  await Promise.all(abandoned)
  assert.equal(purgatory.waitingCount, 2)
  assert.equal(timers.armedCount, 2)
  purgatory.abandon(gone)
  purgatory.close()
  assert.equal(timers.armedCount, 0)
})

test('no wake-up is lost: whoever has what it waits for is woken in that turn (simulated)', async () => {
  for (let seed = 1; seed <= 25; seed++) {
    const random = seededRandom(seed)
    const clock = new HeldClock()
    const timers = new TimerWheel(clock)
    const purgatory = new Purgatory(timers)
    const logs = Array.from({ length: 4 }, (_, i) => logOf(i))
    const waiting = new Set<{ isSatisfied: () => boolean; dueMs: number }>()
    for (let step = 0; step < 120; step++) {
      const choice = random.integer(10)
      if (choice < 4) {
        const watched = logs.filter(() => random.integer(2) === 0)
        const least = watched.reduce((sum, log) => sum + log.highWatermark, 0) + 1 + random.integer(3)
        const isSatisfied = () => watched.reduce((sum, log) => sum + log.highWatermark, 0) >= least
        const maxWaitMs = random.integer(500)
        const waiter = { isSatisfied, dueMs: clock.monotonicMs() + maxWaitMs }
        waiting.add(waiter)
        void purgatory.wait(watched, maxWaitMs, isSatisfied).then(() => waiting.delete(waiter))
      } else if (choice < 8) {
        const log = logs[random.integer(logs.length)]!
        log.highWatermark++
        purgatory.advanced(log)
      } else clock.advance(random.integer(200))
      if (random.integer(3) > 0) continue
      await turn()
      await turn()
      for (const { isSatisfied, dueMs } of waiting) {
        assert.ok(!isSatisfied(), `seed ${seed} step ${step}: a waiter that is satisfied still waits`)
        assert.ok(dueMs + 20 > clock.monotonicMs(), `seed ${seed} step ${step}: a waiter waits beyond its time`)
      }
      assert.equal(purgatory.waitingCount, waiting.size, `seed ${seed} step ${step}`)
    }
    purgatory.close()
    await turn()
    assert.equal(waiting.size, 0, `seed ${seed}`)
    assert.equal(timers.armedCount, 0, `seed ${seed}`)
  }
})

test('readers of more partitions than are remembered come and go', async () => {
  const purgatory = new Purgatory(new TimerWheel(new HeldClock()))
  const logs = Array.from({ length: 6_000 }, (_, i) => logOf(i))
  for (const log of [logs[0]!, logs[5_999]!, logs[3_000]!]) {
    const wait = purgatory.wait([...logs, log], 60_000, () => log.highWatermark > 0)
    log.highWatermark++
    purgatory.advanced(log)
    await wait
    assert.equal(purgatory.waitingCount, 0)
  }
})

test('it works with the real clock', { timeout: 5_000 }, async () => {
  const timers = new TimerWheel(systemClock)
  const purgatory = new Purgatory(timers)
  const keepAlive = setInterval(() => {}, 1_000)
  await purgatory.wait([logOf(0)], 1, () => false)
  clearInterval(keepAlive)
  timers.close()
})
