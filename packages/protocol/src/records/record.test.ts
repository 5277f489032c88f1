import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { batchPositions, hasValidCrc, readBatchHeader, recordCountOf, stampLogAppendTime } from './batch.ts'
import { BatchBuilder, type RecordFields } from './batch-builder.ts'
import { CompressionError, compressionCodecs } from './compression.ts'
import { CorruptRecordsError, readRecords } from './record.ts'
import { RecordCursor, varintAt, varintEnd, varintSize, writeVarint } from './record-cursor.ts'
import { type BatchRules, validateBatch } from './validate.ts'

const maxBytes = 4 * 1024 * 1024

const bytes = fc.option(fc.uint8Array({ maxLength: 300 }).map(array => Buffer.from(array)))
const timestamp = fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 2 ** 45 }))
const plain = { noNullPrototype: true }
const record = fc.record({
  timestamp,
  key: bytes,
  value: bytes,
  headers: fc.array(fc.record({ key: fc.string({ unit: 'binary', maxLength: 8 }), value: bytes }, plain), {
    maxLength: 3,
  }),
})
const records = fc.array(record, { minLength: 1, maxLength: 40 })

const rules: BatchRules = {
  maxMessageBytes: maxBytes,
  decompressedBytesMax: maxBytes,
  isZstdAllowed: true,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
  now: 0,
  keysRequired: false,
}

function builderOf(list: readonly RecordFields[]): BatchBuilder {
  const builder = new BatchBuilder()
  for (const one of list) {
    const before = builder.sizeInBytes
    builder.append(one)
    assert.ok(builder.sizeInBytes - before <= BatchBuilder.recordSizeMax(one))
  }
  return builder
}

test('what is built passes validation and reads back the same, in every codec', () => {
  fc.assert(
    fc.property(records, fc.constantFrom(...compressionCodecs), fc.nat(2 ** 40), (list, codec, baseOffset) => {
      const builder = builderOf(list)
      const size = builder.sizeInBytes
      const batch = builder.build({ codec })
      if (codec === 'none') assert.equal(batch.length, size)
      const outcome = validateBatch(batch, rules)
      assert.equal(outcome.kind, 'valid')
      const times = list.map(one => one.timestamp)
      const maxTimestamp = Math.max(...times)
      if (outcome.kind === 'valid') {
        assert.equal(outcome.maxTimestamp, maxTimestamp)
        assert.equal(outcome.maxTimestampOffsetDelta, maxTimestamp === -1 ? -1 : times.indexOf(maxTimestamp))
      }
      batch.writeBigInt64BE(BigInt(baseOffset), 0)
      const read = [...readRecords(batch, 0, { maxBytes })]
      assert.deepEqual(
        read.map(({ offset, timestamp, key, value, headers }) => ({ offset, timestamp, key, value, headers })),
        list.map((one, index) => ({ offset: baseOffset + index, ...one })),
      )
    }),
    { seed: 31, numRuns: 150 },
  )
})

test('with any bytes changed and any checksum, reading records ends in records or in one of two errors', () => {
  fc.assert(
    fc.property(
      records,
      fc.constantFrom(...compressionCodecs),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }),
      (list, codec, changes) => {
        const batch = builderOf(list).build({ codec })
        // Behind the header only: sizes there are for the batch walk to check.
        for (const [at, byte] of changes) batch[61 + (at % (batch.length - 61))] = byte
        assert.ok(!hasValidCrc(batch, 0) || validateBatch(batch, rules).kind === 'valid')
        try {
          assert.equal([...readRecords(batch, 0, { maxBytes })].length, recordCountOf(batch, 0))
        } catch (error) {
          assert.ok(error instanceof CorruptRecordsError || error instanceof CompressionError, String(error))
        }
      },
    ),
    { seed: 32, numRuns: 400 },
  )
})

test('random bytes are never taken for a batch', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), noise => {
      const buffer = Buffer.from(noise)
      assert.equal(validateBatch(buffer, rules).kind, 'refused')
      if (buffer.length > 16) buffer[16] = 2
      if (buffer.length > 61) buffer.writeInt32BE(buffer.length - 12, 8)
      assert.equal(validateBatch(buffer, rules).kind, 'refused')
      for (const at of batchPositions(buffer)) assert.equal(readBatchHeader(buffer, at).position, at)
    }),
    { seed: 33, numRuns: 500 },
  )
})

test('with log-append time all records have the max timestamp', () => {
  const batch = builderOf([{ timestamp: 5 }, { timestamp: 9 }]).build()
  stampLogAppendTime(batch, 0, 77)
  assert.deepEqual(
    [...readRecords(batch, 0, { maxBytes })].map(one => one.timestamp),
    [77, 77],
  )
})

test('key and value are views: a change to the batch shows in them', () => {
  const batch = builderOf([{ key: Buffer.from('k'), value: Buffer.from('v') }]).build()
  const [only] = [...readRecords(batch, 0, { maxBytes })]
  batch[batch.length - 2] = 'w'.charCodeAt(0)
  assert.equal(only!.value!.toString(), 'w')
  assert.equal(only!.key!.buffer, batch.buffer)
})

test('a bare header that compaction left has no records', () => {
  const batch = builderOf([{ value: null }])
    .build()
    .subarray(0, 61)
  batch.writeInt32BE(0, 57)
  batch.writeInt32BE(61 - 12, 8)
  assert.deepEqual([...readRecords(batch, 0, { maxBytes })], [])
})

test('varints are Kafka’s zig-zag and take as many bytes as foretold', () => {
  const buffer = Buffer.alloc(10)
  const known: [number, string][] = [
    [0, '00'],
    [-1, '01'],
    [1, '02'],
    [63, '7e'],
    [-64, '7f'],
    [64, '8001'],
    [2147483647, 'feffffff0f'],
    [-2147483648, 'ffffffff0f'],
    [1764000000000, '80a0dca4d766'],
  ]
  for (const [value, hex] of known) {
    const end = writeVarint(buffer, 0, value)
    assert.equal(end, varintSize(value))
    if (hex.length <= 10) {
      assert.equal(buffer.toString('hex', 0, end), hex)
      assert.equal(varintAt(buffer, 0), value)
    }
    assert.equal(varintEnd(buffer, 0), end)
  }
})

test('a cursor is used again for the next batch after one that was broken', () => {
  const cursor = new RecordCursor(Buffer.from([0x00]))
  assert.equal(cursor.next(), false)
  assert.ok(cursor.problem)
  cursor.reset(Buffer.from([0x0c, 0, 0, 0, 1, 1, 0]))
  assert.ok(cursor.next())
  assert.equal(cursor.next(), false)
  assert.equal(cursor.problem, undefined)
})
