import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@millrace/base'
import { logConformance, TestTopic } from '../conformance.ts'
import { sampleBatch } from '../sample-batch.ts'
import { emptyCatalog } from '../sample-catalog.ts'
import { transactionConformance } from '../transaction-conformance.ts'
import { openMemoryEngine } from './memory-engine.ts'

const open = () => openMemoryEngine({ catalog: emptyCatalog, clock: systemClock })

logConformance('memory', open)
transactionConformance('memory', open)

test('a small batch does not hold the large buffer that it arrived in', async () => {
  const topic = await TestTopic.create(await open())
  const batch = sampleBatch()
  const arrived = Buffer.alloc(65_536)
  batch.copy(arrived, 100)
  await topic.append(arrived.subarray(100, 100 + batch.length))
  const outcome = await topic.read(0)
  assert(outcome.kind === 'read')
  assert.deepEqual(
    outcome.records.map(({ buffer }) => buffer.byteLength),
    [batch.length],
  )
})
