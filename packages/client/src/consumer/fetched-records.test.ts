import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchBuilder, buildEndTransactionMarker } from '@millrace/protocol'
import { AssignedPartition } from './assigned-partition.ts'
import { FetchedRecords } from './fetched-records.ts'

interface Batch {
  readonly baseOffset: number
  readonly values: readonly string[]
  readonly producerId?: number
}

function batch({ baseOffset, values, producerId }: Batch): Buffer {
  const builder = new BatchBuilder()
  for (const value of values) builder.append({ timestamp: 1, value: Buffer.from(value) })
  const transaction =
    producerId === undefined ? {} : { producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true }
  return builder.build({ baseOffset, partitionLeaderEpoch: 3, codec: 'lz4', ...transaction })
}

const marker = (kind: 'commit' | 'abort', producerId: number, baseOffset: number): Buffer =>
  buildEndTransactionMarker({ kind, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1, baseOffset })

function fetched(
  bytes: Buffer,
  from = 0,
  aborted: { producerId: number; firstOffset: number }[] | null = null,
): FetchedRecords {
  const partition = new AssignedPartition('t', 0)
  partition.seek(from)
  return new FetchedRecords(partition, bytes, { aborted, checkCrcs: true })
}

const all = (records: FetchedRecords): string[] => records.take(1000).records.map(({ value }) => value!.toString())

test('records come in the portions that are asked for, across batches', () => {
  const records = fetched(
    Buffer.concat([batch({ baseOffset: 0, values: ['a', 'b', 'c'] }), batch({ baseOffset: 3, values: ['d'] })]),
  )
  const first = records.take(2)
  assert.deepEqual([first.records.length, first.nextOffset, first.leaderEpoch], [2, 2, 3])
  assert.deepEqual(all(records), ['c', 'd'])
  assert.equal(records.isDone, true)
})

test('records before the offset that was asked for are left out', () => {
  assert.deepEqual(all(fetched(batch({ baseOffset: 10, values: ['a', 'b', 'c'] }), 12)), ['c'])
})

test('a batch that is cut off at the end counts as not there', () => {
  const bytes = Buffer.concat([
    batch({ baseOffset: 0, values: ['a'] }),
    batch({ baseOffset: 1, values: ['b'] }).subarray(0, 70),
  ])
  assert.equal(FetchedRecords.endOffset(bytes), 1)
  assert.deepEqual(all(fetched(bytes)), ['a'])
  assert.equal(FetchedRecords.endOffset(bytes.subarray(0, 30)), undefined)
})

test('aborted transactions and markers are left out, and committed ones are not', () => {
  const bytes = Buffer.concat([
    batch({ baseOffset: 0, values: ['plain'] }),
    batch({ baseOffset: 1, values: ['aborted'], producerId: 1 }),
    batch({ baseOffset: 2, values: ['committed'], producerId: 2 }),
    marker('abort', 1, 3),
    batch({ baseOffset: 4, values: ['later of the same'], producerId: 1 }),
    marker('commit', 2, 5),
    marker('commit', 1, 6),
  ])
  const records = fetched(bytes, 0, [{ producerId: 1, firstOffset: 1 }])
  const taken = records.take(1000)
  assert.deepEqual(
    taken.records.map(({ value }) => value!.toString()),
    ['plain', 'committed', 'later of the same'],
  )
  assert.equal(taken.nextOffset, 7)
})

test('without a list of aborted transactions only markers are left out', () => {
  const bytes = Buffer.concat([batch({ baseOffset: 0, values: ['open'], producerId: 1 }), marker('abort', 1, 1)])
  assert.deepEqual(all(fetched(bytes)), ['open'])
})

test('a fetch of nothing to show moves the position all the same', () => {
  const taken = fetched(marker('commit', 1, 5), 5).take(10)
  assert.deepEqual([taken.records.length, taken.nextOffset], [0, 6])
})

test('a wrong checksum is told with the place', () => {
  const bytes = batch({ baseOffset: 0, values: ['a'] })
  bytes[bytes.length - 1]! ^= 1
  assert.throws(() => fetched(bytes).take(1), { code: 'CORRUPT_MESSAGE', topic: 't', partition: 0, offset: 0 })
})

test('what is put back comes out again first', () => {
  const records = fetched(batch({ baseOffset: 0, values: ['a', 'b', 'c'] }))
  const taken = records.take(3)
  records.putBack({ ...taken, records: taken.records.slice(1) })
  assert.equal(records.isDone, false)
  assert.deepEqual(all(records), ['b', 'c'])
})

test('an answer to an older question is recognised', () => {
  const records = fetched(batch({ baseOffset: 0, values: ['a'] }))
  assert.equal(records.isStale, false)
  records.partition.seek(7)
  assert.equal(records.isStale, true)
})
