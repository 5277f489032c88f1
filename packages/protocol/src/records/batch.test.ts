import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  attributesOf,
  BATCH_OVERHEAD,
  baseOffsetOf,
  batchPositions,
  batchSizeOf,
  CORRUPT_BATCH,
  forEachBatch,
  hasValidCrc,
  int64At,
  isControl,
  isLogAppendTime,
  isTransactional,
  LOG_APPEND_TIME_BIT,
  lastSequenceOf,
  nextOffsetOf,
  PARTIAL_BATCH,
  patchBaseOffset,
  patchLeaderEpoch,
  readBatchHeader,
  stampLogAppendTime,
  wholeBatchSize,
  writeInt64,
} from './batch.ts'
import { BatchBuilder } from './batch-builder.ts'

function batchOf(count: number, fields = {}): Buffer {
  const builder = new BatchBuilder()
  for (let i = 0; i < count; i++) builder.append({ timestamp: 1000 + i, value: Buffer.from(`value ${i}`) })
  return builder.build(fields)
}

test('64-bit values are exact over the safe integers', () => {
  const buffer = Buffer.alloc(8)
  for (const value of [0, 1, -1, 2 ** 32, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53 - 1), 1764000000000, -2]) {
    writeInt64(buffer, 0, value)
    assert.equal(int64At(buffer, 0), value)
    assert.equal(buffer.readBigInt64BE(0), BigInt(value))
  }
})

test('the header says what the batch was built with', () => {
  const batch = batchOf(3, {
    producerId: 2 ** 40 + 7,
    producerEpoch: 5,
    baseSequence: 2147483646,
    isTransactional: true,
    baseOffset: 2 ** 45,
    partitionLeaderEpoch: 9,
  })
  const header = readBatchHeader(batch, 0)
  assert.deepEqual(
    { ...header, crc: 0 },
    {
      position: 0,
      sizeInBytes: batch.length,
      baseOffset: 2 ** 45,
      partitionLeaderEpoch: 9,
      magic: 2,
      crc: 0,
      attributes: 0x10,
      lastOffsetDelta: 2,
      lastOffset: 2 ** 45 + 2,
      baseTimestamp: 1000,
      maxTimestamp: 1002,
      producerId: 2 ** 40 + 7,
      producerEpoch: 5,
      baseSequence: 2147483646,
      lastSequence: 0,
      recordCount: 3,
    },
  )
  assert.ok(isTransactional(batch, 0) && !isControl(batch, 0) && !isLogAppendTime(batch, 0))
  assert.equal(lastSequenceOf(batch, 0), 0)
  assert.equal(nextOffsetOf(batch, 0), 2 ** 45 + 3)
})

test('base offset and leader epoch change without the checksum', () => {
  const batch = batchOf(1)
  patchBaseOffset(batch, 0, 2 ** 50)
  patchLeaderEpoch(batch, 0, 12)
  assert.equal(baseOffsetOf(batch, 0), 2 ** 50)
  assert.ok(hasValidCrc(batch, 0))
})

test('stamping sets the bit, the max timestamp and the checksum, anywhere in a buffer', () => {
  const buffer = Buffer.concat([Buffer.alloc(7), batchOf(2)])
  stampLogAppendTime(buffer, 7, 5_000_000)
  assert.equal(attributesOf(buffer, 7), LOG_APPEND_TIME_BIT)
  assert.equal(readBatchHeader(buffer, 7).maxTimestamp, 5_000_000)
  assert.equal(readBatchHeader(buffer, 7).baseTimestamp, 1000)
  assert.ok(hasValidCrc(buffer, 7))
})

test('batches are walked up to a tail that is cut at any byte', () => {
  const [first, second] = [batchOf(2), batchOf(5)]
  const both = Buffer.concat([first, second])
  for (let length = 0; length <= both.length; length++) {
    const seen: number[] = []
    const stop = forEachBatch(both.subarray(0, length), (at, size) => {
      seen.push(at)
      assert.equal(size, batchSizeOf(both, at))
    })
    const whole = length === both.length ? 2 : length >= first.length ? 1 : 0
    assert.deepEqual(seen, [0, first.length].slice(0, whole))
    assert.equal(stop, [0, first.length, both.length][whole])
    assert.deepEqual([...batchPositions(both.subarray(0, length))], seen)
  }
})

test('a length that cannot be and a foreign magic are corrupt, a far end is partial', () => {
  const batch = batchOf(1)
  for (const length of [-1, 0, BATCH_OVERHEAD - 13, -2147483648]) {
    const broken = Buffer.from(batch)
    broken.writeInt32BE(length, 8)
    assert.equal(wholeBatchSize(broken, 0, broken.length), CORRUPT_BATCH)
  }
  const longer = Buffer.from(batch)
  longer.writeInt32BE(2147483647, 8)
  assert.equal(wholeBatchSize(longer, 0, longer.length), PARTIAL_BATCH)
  const old = Buffer.from(batch)
  old[16] = 1
  assert.equal(wholeBatchSize(old, 0, old.length), CORRUPT_BATCH)
})
