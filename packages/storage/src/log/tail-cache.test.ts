import assert from 'node:assert/strict'
import { it } from 'node:test'
import { BufferPool, poisonReleasedBuffers, systemClock } from '@millrace/base'
import fc from 'fast-check'
import { HeldClock } from '../disk/disk-fixture.ts'
import { sampleBatch } from '../sample-batch.ts'
import { batchAt, stampBatch } from './batch-view.ts'
import { LogTail, TailCache } from './tail-cache.ts'

poisonReleasedBuffers()

const size = sampleBatch().length
const blocks = new BufferPool({ blockBytesMin: 1024, blockBytesMax: 1 << 20, keptBytesMax: 1 << 20 }, systemClock)
const all = { allowance: { maxBytes: 1_000_000, evenIfTooLarge: true }, blocks }

/** As a producer's request does: its memory is something else's right after. */
function appendTo(cache: TailCache, tail: LogTail, offset: number, value = Buffer.from('value')): Buffer {
  const records = sampleBatch({ values: [value] })
  stampBatch(records, offset, 0)
  const before = Buffer.from(records)
  cache.keep(tail, batchAt(records, 0)!, records)
  records.fill(0xee)
  return before
}

it('lets go of the oldest batches of all partitions first', () => {
  const cache = new TailCache(16 * 1200, systemClock)
  const [a, b] = [new LogTail(), new LogTail()]
  for (let i = 0; i < 10; i++) appendTo(cache, a, i, Buffer.alloc(1030))
  for (let i = 0; i < 10; i++) appendTo(cache, b, i, Buffer.alloc(1030))
  assert(cache.bytes <= 16 * 1200)
  assert.equal(a.read(1, 10, all), undefined)
  assert.equal(b.read(2, 10, all)?.nextOffset, 10)
  assert.equal(a.read(9, 10, all)?.nextOffset, 10)
})

it('keeps the budget and its place over many appends', () => {
  const cache = new TailCache(100_000, systemClock)
  const tail = new LogTail()
  for (let i = 0; i < 5000; i++) {
    appendTo(cache, tail, i)
    assert.equal(tail.read(i, i + 1, all)?.nextOffset, i + 1)
    assert(cache.bytes <= 100_000)
  }
  assert.equal(tail.read(0, 5000, all), undefined)
  assert.equal(tail.read(4950, 5000, all)?.nextOffset, 5000)
})

it('begins anew after a batch that is too large for it', () => {
  const cache = new TailCache(size * 16, systemClock)
  const tail = new LogTail()
  appendTo(cache, tail, 0)
  appendTo(cache, tail, 1, Buffer.alloc(size * 6))
  assert.equal(tail.read(0, 9, all), undefined)
  for (let i = 2; i < 20; i++) appendTo(cache, tail, i)
  assert.equal(tail.read(1, 20, all), undefined)
  assert.equal(tail.read(19, 20, all)?.nextOffset, 20)
})

it('gives out no more than is allowed, but one batch where that is owed', () => {
  const cache = new TailCache(1_000_000, systemClock)
  const tail = new LogTail()
  const first = appendTo(cache, tail, 0)
  appendTo(cache, tail, 1)
  const read = (maxBytes: number, evenIfTooLarge: boolean) =>
    tail.read(0, 2, { allowance: { maxBytes, evenIfTooLarge }, blocks })!
  assert.deepEqual(read(first.length * 2 - 1, false).records, [first])
  assert.deepEqual(read(1, true).records, [first])
  assert.deepEqual(read(1, false), { records: [], bytes: 0, nextOffset: 0 })
})

it('gives back what was not used for a while, and keeps what is', async () => {
  const clock = new HeldClock()
  const cache = new TailCache(400_000, clock)
  const [quiet, busy] = [new LogTail(), new LogTail()]
  for (let i = 0; i < 6; i++) appendTo(cache, quiet, i, Buffer.alloc(40_000))
  const filled = cache.bytes
  await clock.pass(3_000)
  assert.equal(cache.bytes, filled)
  const last = appendTo(cache, busy, 0, Buffer.alloc(40_000, 7))
  await clock.pass(3_000)
  assert(cache.bytes < filled)
  assert.equal(quiet.read(0, 6, all), undefined)
  assert.deepEqual(busy.read(0, 1, all)?.records, [last])
  await clock.pass(6_000)
  assert.equal(cache.bytes, 0)
  assert.equal(busy.read(0, 1, all), undefined)
  appendTo(cache, busy, 1)
  assert.equal(busy.read(1, 2, all)?.nextOffset, 2)
})

it('keeps what is read again and again, though nothing is written', async () => {
  const clock = new HeldClock()
  const cache = new TailCache(400_000, clock)
  const tail = new LogTail()
  const sent = appendTo(cache, tail, 0)
  for (let i = 0; i < 5; i++) {
    await clock.pass(3_000)
    assert.deepEqual(tail.read(0, 1, all)?.records, [sent])
  }
  await clock.pass(6_000)
  assert.equal(tail.read(0, 1, all), undefined)
})

it('gives each reader a copy: what was read outlives its slab, and a block that comes back is nobody else’s', () => {
  const cache = new TailCache(400_000, systemClock)
  const tail = new LogTail()
  const sent = appendTo(cache, tail, 0, Buffer.alloc(40_000, 7))
  const [mine, other] = [tail.read(0, 1, all)!, tail.read(0, 1, all)!]
  other.lease!.release()
  for (let i = 1; i < 30; i++) appendTo(cache, tail, i, Buffer.alloc(40_000, i))
  assert.equal(tail.read(0, 1, all), undefined)
  assert.deepEqual(mine.records, [sent])
})

it('gives out the bytes that were appended, however partitions, sizes, readers and evictions come together', () => {
  const step = fc.record({
    tail: fc.nat(2),
    bytes: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1000, max: 30_000 })),
    readBack: fc.nat(6),
    maxBytes: fc.integer({ min: 1, max: 60_000 }),
    isForgotten: fc.boolean(),
  })
  const run = fc.property(fc.array(step, { maxLength: 80 }), steps => {
    const cache = new TailCache(100_000, systemClock)
    const logs = Array.from({ length: 3 }, () => ({ tail: new LogTail(), sent: [] as Buffer[] }))
    for (const [i, { tail: at, bytes, readBack, maxBytes, isForgotten }] of steps.entries()) {
      const { tail, sent } = logs[at]!
      sent.push(appendTo(cache, tail, sent.length, Buffer.alloc(bytes, i)))
      if (isForgotten && i % 9 === 0) tail.clear()
      const offset = Math.max(0, sent.length - 1 - readBack)
      const read = tail.read(offset, sent.length, { allowance: { maxBytes, evenIfTooLarge: true }, blocks })
      assert(cache.bytes <= 100_000)
      if (read === undefined) continue
      assert(read.nextOffset > offset)
      assert(read.bytes <= maxBytes || read.nextOffset === offset + 1)
      assert.deepEqual(Buffer.concat([...read.records]), Buffer.concat(sent.slice(offset, read.nextOffset)))
      read.lease?.release()
    }
  })
  fc.assert(run, { seed: 4711, numRuns: 300 })
})
