import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { batchPositions, batchSizeOf, hasValidCrc, patchBaseOffset, readBatchHeader } from './batch.ts'
import { BatchBuilder } from './batch-builder.ts'
import { compressionCodecs } from './compression.ts'
import { batchCodec, readRecords } from './record.ts'
import { validateBatch } from './validate.ts'

/**
 * A segment that Apache Kafka 4.3.1 wrote: its console producer, once with each codec, 1200 records each,
 * large enough for several blocks of snappy and lz4.
 */
const segment = readFileSync(new URL('./vectors/kafka-segment.bin', import.meta.url))
const positions = [...batchPositions(segment)]
const maxBytes = 1024 * 1024

test('the batches of Kafka’s segment are all there, whole and checked', () => {
  assert.deepEqual(
    positions.map(at => batchCodec(segment, at)),
    compressionCodecs,
  )
  assert.equal(positions.at(-1)! + batchSizeOf(segment, positions.at(-1)!), segment.length)
  for (const [index, at] of positions.entries()) {
    assert.ok(hasValidCrc(segment, at))
    const { baseOffset, recordCount, producerId, baseSequence } = readBatchHeader(segment, at)
    assert.deepEqual([baseOffset, recordCount, producerId, baseSequence], [index * 1200, 1200, index, 0])
  }
})

for (const [index, codec] of compressionCodecs.entries()) {
  test(`what Kafka’s producer wrote with ${codec} reads back as it was given`, () => {
    let line = 0
    for (const record of readRecords(segment, positions[index]!, { maxBytes })) {
      assert.equal(record.offset, index * 1200 + line)
      assert.equal(record.key!.toString(), `key${line % 7}`)
      const text = `request ${(line * 7919) % 1000} served in ${(line * 31) % 97} ms`
      assert.equal(record.value!.toString(), `{"line":${line},"codec":"${codec}","text":"${text}"}`)
      assert.deepEqual(record.headers, [{ key: `h${line}`, value: Buffer.from(codec) }])
      line++
    }
    assert.equal(line, 1200)
  })

  test(`what Kafka’s producer wrote with ${codec} passes validation unchanged`, () => {
    const at = positions[index]!
    const batch = Buffer.from(segment.subarray(at, at + batchSizeOf(segment, at)))
    patchBaseOffset(batch, 0, 0)
    const before = Buffer.from(batch)
    const outcome = validateBatch(batch, {
      maxMessageBytes: maxBytes,
      decompressedBytesMax: maxBytes,
      isZstdAllowed: true,
      timestampType: 'CreateTime',
      timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
      timestampAfterMaxMs: 0,
      now: readBatchHeader(batch, 0).maxTimestamp,
      keysRequired: true,
    })
    assert.equal(outcome.kind, 'valid')
    assert.deepEqual(batch, before)
  })
}

test('the same records built here give the bytes that Kafka’s producer gives', () => {
  const theirs = segment.subarray(0, batchSizeOf(segment, 0))
  const { producerId, producerEpoch, baseSequence, partitionLeaderEpoch } = readBatchHeader(theirs, 0)
  const builder = new BatchBuilder()
  for (const record of readRecords(theirs, 0, { maxBytes })) builder.append(record)
  assert.ok(builder.build({ producerId, producerEpoch, baseSequence, partitionLeaderEpoch }).equals(theirs))
})
