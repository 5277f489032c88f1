import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasValidCrc, maxTimestampOf, patchCrc, readBatchHeader, writeInt64 } from './batch.ts'
import { BatchBuilder, type BatchFields, type RecordFields } from './batch-builder.ts'
import { type CompressionCodec, compress, compressionCodecs, compressionIds } from './compression.ts'
import { buildEndTransactionMarker } from './control.ts'
import { recompressBatch } from './recompress.ts'
import { CorruptRecordsError, readRecords } from './record.ts'
import { type BatchError, type BatchRefusal, type BatchRules, type ValidBatch, validateBatch } from './validate.ts'

const now = 1_764_000_000_000

const rules: BatchRules = {
  maxMessageBytes: 1_048_588,
  decompressedBytesMax: 8 * 1024 * 1024,
  isZstdAllowed: true,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: 3_600_000,
  now,
  keysRequired: false,
}

const three: RecordFields[] = [
  { timestamp: now - 5, key: Buffer.from('a'), value: Buffer.from('one') },
  { timestamp: now, key: null, value: Buffer.from('two') },
  { timestamp: now - 9, key: Buffer.from('c'), value: null, headers: [{ key: 'h', value: null }] },
]

function batchOf(records: readonly RecordFields[], fields: BatchFields = {}): Buffer {
  const builder = new BatchBuilder()
  for (const record of records) builder.append(record)
  return builder.build(fields)
}

/** A batch whose header was changed by its own sender, who also got the checksum right. */
function changed(change: (batch: Buffer) => void, fields: BatchFields = {}): Buffer {
  const batch = batchOf(three, fields)
  change(batch)
  patchCrc(batch, 0)
  return batch
}

/** A batch with any record bytes behind a header that fits them otherwise. */
function withContent(content: Buffer, codec: CompressionCodec = 'none', recordCount = 3): Buffer {
  const batch = Buffer.concat([batchOf(three).subarray(0, 61), content])
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt16BE(compressionIds[codec], 21)
  batch.writeInt32BE(recordCount - 1, 23)
  batch.writeInt32BE(recordCount, 57)
  patchCrc(batch, 0)
  return batch
}

function refused(batch: Buffer, error: BatchError, change: Partial<BatchRules> = {}): BatchRefusal {
  const outcome = validateBatch(batch, { ...rules, ...change })
  assert.equal(outcome.kind, 'refused')
  assert.equal((outcome as BatchRefusal).error, error, (outcome as BatchRefusal).message)
  return outcome as BatchRefusal
}

function accepted(batch: Buffer, change: Partial<BatchRules> = {}): ValidBatch {
  const outcome = validateBatch(batch, { ...rules, ...change })
  assert.equal(outcome.kind, 'valid', (outcome as BatchRefusal).message)
  return outcome as ValidBatch
}

for (const codec of compressionCodecs) {
  test(`a batch with ${codec} passes and tells what the log needs`, () => {
    const batch = batchOf(three, { codec, producerId: 7, producerEpoch: 2, baseSequence: 40, isTransactional: true })
    const before = Buffer.from(batch)
    assert.deepEqual(accepted(batch), {
      kind: 'valid',
      sizeInBytes: batch.length,
      codec,
      recordCount: 3,
      lastOffsetDelta: 2,
      producerId: 7,
      producerEpoch: 2,
      baseSequence: 40,
      isTransactional: true,
      maxTimestamp: now,
      maxTimestampOffsetDelta: 1,
    })
    assert.deepEqual(batch, before)
  })

  test(`with ${codec}, a max timestamp that the records do not have is corrected in place`, () => {
    const batch = changed(b => writeInt64(b, 35, now + 50_000_000), { codec })
    assert.equal(accepted(batch).maxTimestamp, now)
    assert.equal(maxTimestampOf(batch, 0), now)
    assert.ok(hasValidCrc(batch, 0))
  })

  test(`with ${codec}, each record without a key is named on a compacted topic`, () => {
    const refusal = refused(batchOf([...three, { value: null }], { codec }), 'INVALID_RECORD', { keysRequired: true })
    assert.deepEqual(
      refusal.recordErrors.map(({ batchIndex }) => batchIndex),
      [1, 3],
    )
  })

  test(`recompressing ${codec} gives the same records in every codec`, () => {
    const batch = batchOf(three, { codec, producerId: 7, producerEpoch: 2, baseSequence: 40 })
    for (const target of compressionCodecs) {
      const rewritten = recompressBatch(batch, { codec: target, maxBytes: 1000 })
      assert.equal(accepted(rewritten).codec, target)
      assert.equal(readBatchHeader(rewritten, 0).baseSequence, 40)
      const content = (b: Buffer) =>
        [...readRecords(b, 0, { maxBytes: 1000 })].map(r => [r.offset, r.timestamp, r.key, r.value, r.headers])
      assert.deepEqual(content(rewritten), content(batch))
    }
  })

  test(`with ${codec}, what decompresses to more than the limit is too large`, () => {
    const batch = batchOf([{ timestamp: now, value: Buffer.alloc(400_000) }], { codec })
    if (codec === 'none') accepted(batch, { decompressedBytesMax: 1000 })
    else refused(batch, 'MESSAGE_TOO_LARGE', { decompressedBytesMax: 100_000 })
  })

  test(`a changed byte anywhere in a batch with ${codec} is refused, but where the broker writes itself`, () => {
    const batch = batchOf(three, { codec })
    for (let at = 0; at < batch.length; at++) {
      const broken = Buffer.from(batch)
      broken[at]! ^= 0x41
      const { kind } = validateBatch(broken, rules)
      assert.equal(kind, at >= 12 && at < 16 ? 'valid' : 'refused', `byte ${at}`)
    }
  })
}

test('nothing, a part of a batch, and a batch longer than what came are no whole batch', () => {
  refused(Buffer.alloc(0), 'INVALID_RECORD')
  const batch = batchOf(three)
  for (let length = 0; length < batch.length; length++) refused(batch.subarray(0, length), 'INVALID_RECORD')
  refused(changed(b => b).map((byte, at) => (at === 8 ? 0x7f : byte)) as Buffer, 'INVALID_RECORD')
})

test('a partition takes one batch; a cut second one is dropped', () => {
  const batch = batchOf(three)
  refused(Buffer.concat([batch, batch]), 'INVALID_RECORD')
  assert.equal(accepted(Buffer.concat([batch, batch.subarray(0, 40)])).sizeInBytes, batch.length)
  refused(Buffer.concat([batch, Buffer.alloc(40)]), 'CORRUPT_MESSAGE')
})

test('magic 0 and 1 are invalid, others corrupt', () => {
  for (const [magic, error] of [
    [0, 'INVALID_RECORD'],
    [1, 'INVALID_RECORD'],
    [3, 'CORRUPT_MESSAGE'],
    [255, 'CORRUPT_MESSAGE'],
  ] as const) {
    const batch = batchOf(three)
    batch[16] = magic
    refused(batch, error)
  }
})

test('lengths shorter than a header are corrupt', () => {
  for (const length of [-1, 0, 48]) {
    const batch = batchOf(three)
    batch.writeInt32BE(length, 8)
    refused(batch, 'CORRUPT_MESSAGE')
  }
})

test('the header rules of clients hold', () => {
  refused(
    changed(b => writeInt64(b, 0, 5)),
    'INVALID_RECORD',
  )
  refused(
    changed(b => b.writeInt32BE(3, 23)),
    'INVALID_RECORD',
  )
  refused(
    changed(b => b.writeInt32BE(-1, 23)),
    'INVALID_RECORD',
  )
  refused(
    changed(b => b.writeInt32BE(0, 57)),
    'INVALID_RECORD',
  )
  refused(
    changed(b => b.writeInt32BE(4, 57)),
    'INVALID_RECORD',
  )
  refused(
    changed(b => b.writeInt16BE(0x20, 21)),
    'INVALID_RECORD',
  )
  refused(
    changed(b => b.writeInt16BE(0x08, 21)),
    'INVALID_TIMESTAMP',
  )
  refused(
    changed(b => b.writeInt16BE(0x10, 21)),
    'INVALID_RECORD',
  )
  refused(
    changed(b => b.writeInt16BE(5, 21)),
    'UNSUPPORTED_COMPRESSION_TYPE',
  )
  refused(batchOf(three, { producerId: 9, producerEpoch: 0, baseSequence: -1 }), 'INVALID_RECORD')
  refused(
    changed(b => b.writeInt32BE(2147483647, 43), { producerId: 1, baseSequence: 0 }),
    'INVALID_RECORD',
  )
  refused(
    buildEndTransactionMarker({ kind: 'commit', producerId: 1, producerEpoch: 0, coordinatorEpoch: 0, timestamp: now }),
    'INVALID_RECORD',
  )
})

test('zstd needs a request that may carry it', () => {
  refused(batchOf(three, { codec: 'zstd' }), 'UNSUPPORTED_COMPRESSION_TYPE', { isZstdAllowed: false })
  accepted(batchOf(three, { codec: 'lz4' }), { isZstdAllowed: false })
})

test('the size limit is the size as sent, to the byte', () => {
  const batch = batchOf(three)
  accepted(batch, { maxMessageBytes: batch.length })
  refused(batch, 'MESSAGE_TOO_LARGE', { maxMessageBytes: batch.length - 1 })
})

test('timestamps outside the window are refused record by record, none at all is let through', () => {
  const late = batchOf([{ timestamp: now }, { timestamp: now + 3_600_001 }, { timestamp: now + 3_600_000 }])
  assert.deepEqual(
    refused(late, 'INVALID_TIMESTAMP').recordErrors.map(({ batchIndex }) => batchIndex),
    [1],
  )
  const old = batchOf([{ timestamp: now - 1001 }, { timestamp: now - 1000 }])
  assert.equal(refused(old, 'INVALID_TIMESTAMP', { timestampBeforeMaxMs: 1000 }).recordErrors.length, 1)
  accepted(old)
  accepted(late, { timestampType: 'LogAppendTime' })
  const none = accepted(batchOf([{ value: null }, { value: null }]), {
    timestampBeforeMaxMs: 0,
    timestampAfterMaxMs: 0,
  })
  assert.deepEqual([none.maxTimestamp, none.maxTimestampOffsetDelta], [-1, -1])
  refused(
    changed(b => b.writeInt32BE(2147483647, 27)),
    'INVALID_TIMESTAMP',
    { timestampAfterMaxMs: 2 ** 63 },
  )
})

test('inner lengths and counts that lie are refused, plain and compressed', () => {
  const good = batchOf(three).subarray(61)
  const lies: [string, Buffer, number][] = [
    ['fewer records than counted', good, 4],
    ['more records than counted', good, 2],
    ['no records', Buffer.alloc(0), 1],
    ['a record longer than its batch', Buffer.from([0x7e, 0, 0, 0, 1, 1, 0]), 1],
    ['a negative record length', Buffer.from([0x03, 0, 0, 0, 1, 1, 0]), 1],
    ['a record with bytes left over', Buffer.from([0x0e, 0, 0, 0, 1, 1, 0, 0]), 1],
    ['a key longer than its record', Buffer.from([0x0c, 0, 0, 0, 0x7e, 1, 0]), 1],
    ['a value longer than its record', Buffer.from([0x0c, 0, 0, 0, 1, 0xfe, 0]), 1],
    ['a billion headers', Buffer.from([0x14, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f]), 1],
    ['a negative header count', Buffer.from([0x0c, 0, 0, 0, 1, 1, 1]), 1],
    ['a header without a key', Buffer.from([0x10, 0, 0, 0, 1, 1, 2, 1, 1]), 1],
    ['a varint without an end', Buffer.from([0x16, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]), 1],
    ['a length that is cut', Buffer.from([0x80]), 1],
    ['a first offset delta of 1', Buffer.from([0x0c, 0, 0, 2, 1, 1, 0]), 1],
    ['an empty record', Buffer.from([0x00]), 1],
  ]
  assert.equal(accepted(withContent(Buffer.from([0x0c, 0, 0, 0, 1, 1, 0]), 'none', 1)).recordCount, 1)
  for (const [name, content, count] of lies) {
    for (const codec of compressionCodecs) {
      const batch = withContent(compress(codec, content), codec, count)
      assert.equal(refused(batch, 'INVALID_RECORD').recordErrors.length, 0, name)
      if (name !== 'a first offset delta of 1')
        assert.throws(() => [...readRecords(batch, 0, { maxBytes: 1000 })], CorruptRecordsError, name)
    }
  }
})

test('bytes that the codec cannot read are invalid, with the checksum right', () => {
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const)
    refused(withContent(Buffer.from('nonsense'), codec), 'INVALID_RECORD')
})

test('a small batch does not get a huge answer', () => {
  const batch = batchOf(
    Array.from({ length: 30_000 }, () => ({ value: null })),
    { codec: 'zstd' },
  )
  assert.equal(refused(batch, 'INVALID_RECORD', { keysRequired: true }).recordErrors.length, 10_000)
})
