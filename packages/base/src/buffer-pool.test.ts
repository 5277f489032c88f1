import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from './assert.ts'
import { BufferPool, poisonReleasedBuffers } from './buffer-pool.ts'

const pool = () => new BufferPool({ blockBytesMin: 1024, blockBytesMax: 8192, keptBytesMax: 16_384 })

test('a block that was given back serves the next of its size, in as many bytes as are asked for', () => {
  const p = pool()
  const first = p.take(5000)
  const memory = first.bytes.buffer
  assert.equal(first.bytes.length, 5000)
  first.release()
  assert.equal(p.keptBytes, 8192)
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

test('a block is neither released twice nor looked at after its release', () => {
  const block = pool().take(10)
  block.release()
  assert.throws(() => block.release(), AssertionError)
  assert.throws(() => block.bytes, AssertionError)
})

test('once it is poisoned, a view that outlives the release shows it', () => {
  poisonReleasedBuffers()
  const block = pool().take(10)
  const view = block.bytes.fill(1)
  block.release()
  assert.deepEqual([...view], Array(10).fill(0xdb))
})
