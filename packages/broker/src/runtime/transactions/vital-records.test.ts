import assert from 'node:assert/strict'
import { test } from 'node:test'
import { absentTransaction, replayTransaction, type TransactionRecord } from '@millrace/coordinator'
import { FORGOTTEN_EPOCHS_MAX, isVitalRecord } from './vital-records.ts'

const isPromised = (topic: string): boolean => topic === 'promised'

const record = (status: TransactionRecord['status'], ...topics: string[]): TransactionRecord => ({
  transactionalId: 'tx',
  producerId: 1,
  previousProducerId: 1,
  nextProducerId: -1,
  producerEpoch: 3,
  lastProducerEpoch: 2,
  transactionTimeoutMs: 60_000,
  status,
  partitions: topics.map(topic => ({ topic, partitions: [0] })),
  groups: ['g'],
  lastUpdateTimestampMs: 2,
  startTimestampMs: 1,
  clientTransactionVersion: 2,
})

const absent = absentTransaction('tx')
const ongoing = (...topics: string[]) => replayTransaction(record('Ongoing', ...topics))

test('an epoch that is given out is on the device first', () => {
  assert(isVitalRecord(absent, record('Empty'), isPromised))
})

test('a partition of a promised topic is in its transaction, on the device, before it is written to', () => {
  assert(isVitalRecord(ongoing('other'), record('Ongoing', 'other', 'promised'), isPromised))
  assert(!isVitalRecord(ongoing('promised'), record('Ongoing', 'other', 'promised'), isPromised))
  assert(!isVitalRecord(absent, record('Ongoing', 'other'), isPromised))
  const more = { ...record('Ongoing'), partitions: [{ topic: 'promised', partitions: [0, 1] }] }
  assert(isVitalRecord(ongoing('promised'), more, isPromised))
})

test('a decision is on the device before its markers when a promised topic is in it', () => {
  for (const status of ['PrepareCommit', 'PrepareAbort'] as const) {
    assert(isVitalRecord(ongoing('promised', 'other'), record(status, 'promised', 'other'), isPromised))
    assert(!isVitalRecord(ongoing('other'), record(status, 'other'), isPromised))
  }
})

test('of the epochs that decisions give out, one in so many is on the device first', () => {
  const vital = Array.from({ length: 3 * FORGOTTEN_EPOCHS_MAX }, (_, producerEpoch) => producerEpoch).filter(epoch =>
    isVitalRecord(ongoing('other'), { ...record('PrepareCommit', 'other'), producerEpoch: epoch }, isPromised),
  )
  assert.deepEqual(vital, [0, FORGOTTEN_EPOCHS_MAX, 2 * FORGOTTEN_EPOCHS_MAX])
})

test('what the next start would do again may be lost', () => {
  for (const status of ['CompleteCommit', 'CompleteAbort'] as const)
    assert(!isVitalRecord(absent, record(status, 'promised'), isPromised))
  assert(!isVitalRecord(absent, null, isPromised))
})
