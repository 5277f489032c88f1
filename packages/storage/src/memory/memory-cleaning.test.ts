import assert from 'node:assert/strict'
import { it } from 'node:test'
import { baseOffsetOf, readRecords } from '@millrace/protocol'
import { batchesOf, TestTopic } from '../conformance.ts'
import { HeldClock } from '../disk/disk-fixture.ts'
import { keyedBatch } from '../log/cleaner/cleaner-fixture.ts'
import { sampleMarker } from '../sample-batch.ts'
import { emptyCatalog } from '../sample-catalog.ts'
import { openMemoryEngine } from './memory-engine.ts'

it('a compacted log in memory keeps the last values, and nothing of what was aborted', async () => {
  const clock = new HeldClock()
  await using engine = openMemoryEngine({ catalog: emptyCatalog, clock })
  const config = { cleanupPolicy: ['compact'] as const, segmentBytes: 300, minCleanableDirtyRatio: 0.1 }
  const topic = await TestTopic.create(engine, { config })
  const partition = topic.log()
  const admission = { askedAt: Number.POSITIVE_INFINITY, isEpochPerTransaction: false }
  const append = async (records: Buffer): Promise<void> => {
    const [outcome] = await engine.logs.append([{ partition, records, admission }])
    assert.equal(outcome?.kind, 'appended')
  }
  for (let i = 0; i < 30; i++) await append(keyedBatch({ records: [[`k${i % 3}`, `v${i}`]] }))
  await append(keyedBatch({ records: [['k0', 'aborted']], producerId: 5, baseSequence: 0, isTransactional: true }))
  await engine.logs.append([{ partition, marker: sampleMarker(5, 'abort') }])
  for (let i = 0; i < 5; i++) await append(keyedBatch({ records: [[`new${i}`, 'v']] }))
  await clock.pass(30_000)
  for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve))
  const entry = { partition, offset: 0, maxBytes: 1e6, isolation: 'read_uncommitted' as const }
  const [outcome] = await engine.logs.read([entry], { maxBytes: 1e6, atLeastOneBatch: true })
  assert(outcome?.kind === 'read')
  const left = batchesOf(outcome.records).map(batch => [
    baseOffsetOf(batch, 0),
    ...[...readRecords(batch, 0, { maxBytes: 1e6 })].map(record => record.value?.toString()),
  ])
  assert.deepEqual(left.slice(0, 4), [[27, 'v27'], [28, 'v28'], [29, 'v29'], [30]])
  assert.equal(outcome.highWatermark, 37)
})
