import assert from 'node:assert/strict'
import { it } from 'node:test'
import { sampleBatch } from '../sample-batch.ts'
import { batchAt, stampBatch } from './batch-view.ts'
import { LogTail, TailCache } from './tail-cache.ts'

const size = sampleBatch().length
const all = { maxBytes: 1_000_000, evenIfTooLarge: true }

function appendTo(cache: TailCache, tail: LogTail, offset: number): void {
  const records = sampleBatch()
  stampBatch(records, offset, 0)
  cache.keep(tail, batchAt(records, 0)!, records)
}

it('lets go of the oldest batch of all partitions first', () => {
  const cache = new TailCache(size * 4)
  const [a, b] = [new LogTail(), new LogTail()]
  for (let i = 0; i < 3; i++) appendTo(cache, a, i)
  for (let i = 0; i < 3; i++) appendTo(cache, b, i)
  assert.equal(cache.bytes, size * 4)
  assert.equal(a.read(1, 3, all), undefined)
  assert.equal(a.read(2, 3, all)?.bytes, size)
  assert.equal(b.read(0, 3, all)?.bytes, size * 3)
})

it('keeps the budget and its place over many appends', () => {
  const cache = new TailCache(size * 10)
  const tail = new LogTail()
  for (let i = 0; i < 5000; i++) {
    appendTo(cache, tail, i)
    assert.equal(tail.read(i, i + 1, all)?.nextOffset, i + 1)
  }
  assert(cache.bytes <= size * 10)
  assert.equal(tail.read(4989, 5000, all), undefined)
  assert.equal(tail.read(4990, 5000, all)?.bytes, size * 10)
})

it('begins anew after a batch that is too large for it', () => {
  const cache = new TailCache(size * 8)
  const tail = new LogTail()
  appendTo(cache, tail, 0)
  const large = sampleBatch({ values: [Buffer.alloc(size * 3)] })
  stampBatch(large, 1, 0)
  cache.keep(tail, batchAt(large, 0)!, large)
  assert.equal(tail.read(0, 9, all), undefined)
  for (let i = 2; i < 20; i++) appendTo(cache, tail, i)
  assert.equal(tail.read(1, 20, all), undefined)
  assert.equal(tail.read(19, 20, all)?.bytes, size)
})

it('joins many small batches into one piece', () => {
  const cache = new TailCache(1_000_000)
  const tail = new LogTail()
  for (let i = 0; i < 100; i++) appendTo(cache, tail, i)
  assert.equal(tail.read(0, 100, all)?.records.length, 1)
  assert.equal(tail.read(90, 100, all)?.records.length, 10)
})

it('does not hold a large buffer for a small view', () => {
  const cache = new TailCache(1_000_000)
  const tail = new LogTail()
  const frame = Buffer.alloc(100_000)
  sampleBatch().copy(frame, 500)
  const view = frame.subarray(500, 500 + size)
  cache.keep(tail, batchAt(view, 0)!, view)
  assert.equal(tail.read(0, 1, all)?.records[0]?.buffer.byteLength, size)
})
