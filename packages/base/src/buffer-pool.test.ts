import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AssertionError } from './assert.ts'
import { BufferPool, freeBuffer, type PooledBlock, poisonReleasedBuffers } from './buffer-pool.ts'
import type { Clock } from './clock.ts'

/** Runs what is scheduled when it is told to, and says how often it was asked. */
class HeldClock implements Clock {
  readonly #due: (() => void)[] = []
  now = (): number => 0
  monotonicMs = (): number => 0

  get waitingCount(): number {
    return this.#due.length
  }

  schedule(_: number, run: () => void): { cancel: () => void } {
    this.#due.push(run)
    return { cancel: () => {} }
  }

  fire(): void {
    for (const run of this.#due.splice(0)) run()
  }
}

const limits = { blockBytesMin: 1024, blockBytesMax: 8192, keptBytesMax: 16_384 }
const pool = (clock: Clock = new HeldClock()) => new BufferPool(limits, clock)

test('a block that was given back serves the next of its size, in as many bytes as are asked for', () => {
  const p = pool()
  const first = p.take(5000)
  const memory = first.bytes.buffer
  assert.equal(first.bytes.length, 5000)
  first.release()
  assert.equal(p.keptBytes, 5120)
  const second = p.take(4097)
  assert.equal(second.bytes.buffer, memory)
  assert.equal(second.bytes.length, 4097)
  assert.equal(p.keptBytes, 0)
})

test('two that are out at the same time never share memory', () => {
  const p = pool()
  const lent = Array.from({ length: 10 }, (_, i) => p.take(1000 + i * 900))
  assert.equal(new Set(lent.map(block => block.bytes.buffer)).size, 10)
  for (const block of lent) block.release()
  const again = Array.from({ length: 10 }, (_, i) => p.take(1000 + i * 900))
  assert.equal(new Set(again.map(block => block.bytes.buffer)).size, 10)
})

test('no more is kept than the limit, and nothing that is larger than blocks are', () => {
  const p = pool()
  const lent = [8192, 8192, 8192, 1, 100_000].map(bytes => p.take(bytes))
  assert.equal(lent[3]!.bytes.buffer.byteLength, 1024)
  assert.equal(lent[4]!.bytes.length, 100_000)
  for (const block of lent) block.release()
  assert.equal(p.keptBytes, 16_384)
})

test('what is not kept is freed at once, and a view of it that is left sees nothing', () => {
  const block = pool().take(100_000)
  const view = block.bytes
  block.release()
  assert.equal(view.length, 0)
  const whole = Buffer.allocUnsafeSlow(5000)
  freeBuffer(whole)
  assert.equal(whole.length, 0)
})

test('blocks that nobody needs for a while are freed, and then nothing is scheduled any more', () => {
  const clock = new HeldClock()
  const p = pool(clock)
  assert.equal(clock.waitingCount, 0)
  const lent = [p.take(8000), p.take(8000)]
  for (const block of lent) block.release()
  clock.fire()
  assert.equal(p.keptBytes, 16_384, 'both were needed since the last look')
  p.take(8000).release()
  clock.fire()
  assert.equal(p.keptBytes, 8192, 'one at a time was')
  clock.fire()
  assert.equal(p.keptBytes, 0)
  assert.equal(clock.waitingCount, 0)
})

test('a block is neither released twice nor looked at after its release', () => {
  const block = pool().take(10)
  block.release()
  assert.throws(() => block.release(), AssertionError)
  assert.throws(() => block.bytes, AssertionError)
})

test('whatever is taken, given back, forgotten and trimmed: blocks that are out keep their bytes, and little is larger than asked for', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('take' as const), bytes: fc.integer({ min: 1, max: 12_000 }) }),
    fc.record({ kind: fc.constantFrom('release' as const, 'forget' as const), which: fc.nat() }),
    fc.constant({ kind: 'trim' as const }),
  )
  const run = fc.property(fc.array(step, { maxLength: 60 }), steps => {
    const clock = new HeldClock()
    const p = pool(clock)
    const out: { block: PooledBlock; mark: number }[] = []
    for (const [i, taken] of steps.entries()) {
      if (taken.kind === 'trim') clock.fire()
      else if (taken.kind === 'take') {
        const block = p.take(taken.bytes)
        assert(block.bytes.buffer.byteLength <= Math.max(1024, taken.bytes * 1.25 + 1))
        block.bytes.fill(i)
        out.push({ block, mark: i & 0xff })
      } else if (out.length > 0) {
        const [chosen] = out.splice(taken.which % out.length, 1)
        if (taken.kind === 'release') chosen!.block.release()
      }
      assert(p.keptBytes <= limits.keptBytesMax)
      for (const { block, mark } of out) assert(block.bytes.every(byte => byte === mark))
    }
  })
  fc.assert(run, { seed: 4711, numRuns: 300 })
})

test('once it is poisoned, a view that outlives the release shows it', () => {
  poisonReleasedBuffers()
  const block = pool().take(10)
  const view = block.bytes.fill(1)
  block.release()
  assert.deepEqual([...view], Array(10).fill(0xdb))
})
