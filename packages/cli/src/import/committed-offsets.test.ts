import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildEndTransactionMarker } from '@millrace/protocol'
import { CommittedOffsets } from './committed-offsets.ts'
import { batchOf, newFolder, offsetKey, offsetValue, writeSegment } from './kafka-log-fixture.ts'

const FIRST = '00000000000000000000.log'
const SECOND = '00000000000000000002.log'

function offsetsIn(folder: string): string[] {
  const committed = new CommittedOffsets()
  committed.addFolder(folder)
  return committed.all
    .map(({ groupId, offset }) => `${groupId} ${offset.topic}-${offset.partition} ${offset.offset}`)
    .sort()
}

test('the last value of each key counts, over segments, and a null value deletes it', t => {
  const folder = join(newFolder(t), '__consumer_offsets-0')
  writeSegment(folder, FIRST, [
    batchOf(0, [
      [offsetKey('g', 'a', 0), offsetValue(1)],
      [offsetKey('g', 'a', 1), offsetValue(1)],
    ]),
  ])
  writeSegment(folder, SECOND, [
    batchOf(2, [
      [offsetKey('g', 'a', 0), offsetValue(5)],
      [offsetKey('g', 'a', 1), null],
      [offsetKey('h', 'a', 0), offsetValue(9)],
    ]),
  ])
  assert.deepEqual(offsetsIn(folder), ['g a-0 5', 'h a-0 9'])
})

test('offset, leader epoch, metadata and time are kept', t => {
  const folder = join(newFolder(t), '__consumer_offsets-0')
  writeSegment(folder, FIRST, [batchOf(0, [[offsetKey('g', 'a', 3), offsetValue(5, 'note')]])])
  const committed = new CommittedOffsets()
  committed.addFolder(folder)
  assert.deepEqual(committed.all, [
    {
      groupId: 'g',
      offset: {
        topic: 'a',
        partition: 3,
        offset: 5,
        leaderEpoch: 7,
        metadata: 'note',
        commitTimestampMs: 1000,
        expireTimestampMs: -1,
      },
    },
  ])
})

test('what a group says of its members, and keys of other kinds, are passed over', t => {
  const folder = join(newFolder(t), '__consumer_offsets-0')
  const members = Buffer.from([0, 2, 0, 1, 103])
  const unknown = Buffer.from([0, 99, 1])
  writeSegment(folder, FIRST, [
    batchOf(0, [
      [members, Buffer.alloc(3)],
      [unknown, null],
      [null, null],
      [Buffer.alloc(1), null],
    ]),
  ])
  assert.deepEqual(offsetsIn(folder), [])
})

test('offsets of a transaction count with its commit, and not with its abort or without an end', t => {
  const folder = join(newFolder(t), '__consumer_offsets-0')
  const inTransaction = (baseOffset: number, producerId: number, topic: string): Buffer =>
    batchOf(baseOffset, [[offsetKey('g', topic, 0), offsetValue(baseOffset)]], {
      producerId,
      producerEpoch: 0,
      baseSequence: 0,
      isTransactional: true,
    })
  const end = (baseOffset: number, producerId: number, kind: 'commit' | 'abort'): Buffer =>
    buildEndTransactionMarker({ kind, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1000, baseOffset })
  writeSegment(folder, FIRST, [
    inTransaction(0, 1, 'committed'),
    inTransaction(1, 2, 'aborted'),
    inTransaction(2, 3, 'open'),
    end(3, 1, 'commit'),
    end(4, 2, 'abort'),
  ])
  assert.deepEqual(offsetsIn(folder), ['g committed-0 0'])
})
