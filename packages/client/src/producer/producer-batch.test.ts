import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BufferPool, systemClock } from '@millrace/base'
import {
  baseSequenceOf,
  hasValidCrc,
  producerEpochOf,
  producerIdOf,
  readRecords,
  recordCountOf,
} from '@millrace/protocol'
import { KafkaError } from '../errors.ts'
import { ProducerBatch } from './producer-batch.ts'

function filled(values: readonly string[], told: (index: number, offset: number) => void): ProducerBatch {
  const batch = new ProducerBatch(0, 1000)
  for (const [index, value] of values.entries())
    batch.append({ timestamp: 5, value: Buffer.from(value) }, (_, offset) => told(index, offset))
  return batch
}

const valuesOf = (bytes: Buffer): string[] =>
  [...readRecords(bytes, 0, { maxBytes: 10_000 })].map(({ value }) => value!.toString())

test('a batch is encoded once and takes another identity without its records', () => {
  const batch = filled(['a', 'b'], () => {})
  const none = batch.encode({ codec: 'gzip', level: undefined })
  assert.deepEqual([producerIdOf(none, 0), baseSequenceOf(none, 0)], [-1, -1])
  batch.identity = { producerId: 2 ** 40, producerEpoch: 3 }
  batch.baseSequence = 9
  const again = batch.encode({ codec: 'gzip', level: undefined })
  assert.equal(again, none)
  assert.deepEqual([producerIdOf(again, 0), producerEpochOf(again, 0), baseSequenceOf(again, 0)], [2 ** 40, 3, 9])
  assert.equal(hasValidCrc(again, 0), true)
  assert.deepEqual(valuesOf(again), ['a', 'b'])
})

test('halves of a batch take over records, deliveries and sequences', () => {
  const told = new Map<number, number>()
  const batch = filled(['a', 'b', 'c', 'd', 'e'], (index, offset) => told.set(index, offset))
  batch.identity = { producerId: 1, producerEpoch: 0 }
  batch.baseSequence = 0x7fff_fffe
  batch.encode({ codec: 'lz4', level: undefined })
  let done = false
  batch.onDone(() => {
    done = true
  })
  const [left, right] = batch.split(1000)
  assert.deepEqual(valuesOf(left!.encode({ codec: 'none', level: undefined })), ['a', 'b', 'c'])
  assert.equal(recordCountOf(right!.encode({ codec: 'none', level: undefined }), 0), 2)
  assert.equal(right!.baseSequence, 1)
  left!.succeed(10, -1)
  assert.equal(done, false)
  right!.succeed(20, -1)
  assert.equal(done, true)
  assert.deepEqual(
    [...told],
    [
      [0, 10],
      [1, 11],
      [2, 12],
      [3, 20],
      [4, 21],
    ],
  )
})

test('only records that nobody waits for are counted as silently lost', () => {
  const batch = new ProducerBatch(0, 1000)
  const errors: unknown[] = []
  batch.append({ timestamp: 0 }, undefined)
  batch.append({ timestamp: 0 }, error => errors.push(error))
  const error = new KafkaError('TIMED_OUT', 'too late')
  assert.equal(batch.fail(error), 1)
  assert.deepEqual(errors, [error])
})

function pooled(): { readonly pool: BufferPool; readonly batch: ProducerBatch } {
  const pool = new BufferPool({ blockBytesMin: 512, blockBytesMax: 65_536, keptBytesMax: 1_000_000 }, systemClock)
  const batch = new ProducerBatch(0, 1000, pool)
  batch.append({ timestamp: 5, value: Buffer.alloc(700, 'a') }, undefined)
  return { pool, batch }
}

test('memory of a batch is used again once the broker has answered with an offset, and that of a compressed one at once', () => {
  const { pool, batch } = pooled()
  batch.encode({ codec: 'none', level: undefined })
  assert.equal(pool.keptBytes, 0)
  batch.succeed(0, -1)
  assert.ok(pool.keptBytes >= 1000)
  const compressed = pooled()
  const bytes = compressed.batch.encode({ codec: 'gzip', level: undefined })
  assert.ok(compressed.pool.keptBytes >= 1000)
  assert.deepEqual(valuesOf(bytes), ['a'.repeat(700)])
  compressed.batch.succeed(0, -1)
})

test('memory that a socket may still read is not used again: after a retry, a failure, or without an answer', () => {
  const endings: readonly ((batch: ProducerBatch) => void)[] = [
    batch => {
      batch.attempts = 1
      batch.succeed(0, -1)
    },
    batch => batch.fail(new KafkaError('TIMED_OUT', 'too late')),
    batch => batch.succeed(-1, -1),
  ]
  for (const end of endings) {
    const { pool, batch } = pooled()
    batch.encode({ codec: 'none', level: undefined })
    end(batch)
    assert.equal(pool.keptBytes, 0)
  }
})

test('records that outgrow the memory of their batch lie in other memory, whole', () => {
  const { batch } = pooled()
  batch.append({ timestamp: 5, value: Buffer.alloc(2000, 'b') }, undefined)
  assert.deepEqual(valuesOf(batch.encode({ codec: 'none', level: undefined })), ['a'.repeat(700), 'b'.repeat(2000)])
  batch.succeed(0, -1)
})
