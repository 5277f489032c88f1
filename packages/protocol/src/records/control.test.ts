import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasValidCrc, readBatchHeader } from './batch.ts'
import { BatchBuilder } from './batch-builder.ts'
import { buildEndTransactionMarker, readControlRecord } from './control.ts'

for (const kind of ['commit', 'abort'] as const) {
  test(`a ${kind} marker is a control batch of one offset and says who ended what`, () => {
    const batch = buildEndTransactionMarker({
      kind,
      producerId: 4000,
      producerEpoch: 3,
      coordinatorEpoch: 11,
      timestamp: 1_764_000_000_000,
      baseOffset: 90,
      partitionLeaderEpoch: 1,
    })
    const header = readBatchHeader(batch, 0)
    assert.equal(header.attributes, 0x30)
    assert.deepEqual([header.producerId, header.producerEpoch, header.baseSequence], [4000, 3, -1])
    assert.deepEqual([header.baseOffset, header.lastOffset, header.recordCount], [90, 90, 1])
    assert.ok(hasValidCrc(batch, 0))
    assert.deepEqual(readControlRecord(batch, 0), {
      kind,
      type: kind === 'abort' ? 0 : 1,
      offset: 90,
      timestamp: 1_764_000_000_000,
      coordinatorEpoch: 11,
      value: Buffer.from([0, 0, 0, 0, 0, 11]),
    })
  })
}

function controlBatch(key: Buffer | null, value: Buffer | null): Buffer {
  const builder = new BatchBuilder()
  builder.append({ key, value })
  return builder.build({ isControl: true })
}

test('control records of other types are named, unknown ones are skipped', () => {
  const kinds = [2, 3, 4, 5, 6, 7, -5].map(type => {
    const key = Buffer.alloc(4)
    key.writeInt16BE(type, 2)
    return readControlRecord(controlBatch(key, Buffer.alloc(2)), 0)!.kind
  })
  assert.deepEqual(kinds, [
    'leader-change',
    'snapshot-header',
    'snapshot-footer',
    'kraft-version',
    'kraft-voters',
    'unknown',
    'unknown',
  ])
})

test('a control record without a whole key or marker is unknown', () => {
  assert.equal(readControlRecord(controlBatch(null, null), 0)!.kind, 'unknown')
  assert.equal(readControlRecord(controlBatch(Buffer.from([0, 0, 0]), null), 0)!.kind, 'unknown')
  assert.equal(readControlRecord(controlBatch(Buffer.alloc(4), Buffer.alloc(5)), 0)!.kind, 'unknown')
})

test('data batches are no control records', () => {
  const builder = new BatchBuilder()
  builder.append({ key: Buffer.alloc(4), value: Buffer.alloc(6) })
  assert.equal(readControlRecord(builder.build(), 0), undefined)
})
