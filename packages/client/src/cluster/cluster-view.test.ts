import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZERO_UUID } from '@millrace/protocol'
import { type MetadataTopic, topicView } from './cluster-view.ts'

const told = (leaderId: number, leaderEpoch: number, topicId = 'abcdefghijklmnopqrstuv'): MetadataTopic => ({
  errorCode: 0,
  name: 't',
  topicId,
  isInternal: false,
  topicAuthorizedOperations: 0,
  partitions: [
    {
      errorCode: 0,
      partitionIndex: 0,
      leaderId,
      leaderEpoch,
      replicaNodes: [1, 2],
      isrNodes: [1],
      offlineReplicas: [],
    },
  ],
})

test('news of an older leader epoch is not believed', () => {
  const known = topicView(told(1, 5), undefined)
  assert.equal(topicView(told(2, 4), known).partitions[0]!.leaderId, 1)
  assert.equal(topicView(told(2, 6), known).partitions[0]!.leaderId, 2)
  assert.equal(topicView(told(-1, 5), known).partitions[0]!.leaderId, -1)
})

test('a topic that was created anew begins its epochs anew', () => {
  const known = topicView(told(1, 5), undefined)
  assert.equal(topicView(told(2, 0, 'vutsrqponmlkjihgfedcba'), known).partitions[0]!.leaderId, 2)
})

test('a broker without topic ids and epochs is believed in all it says', () => {
  const known = topicView(told(1, -1, ZERO_UUID), undefined)
  assert.equal(known.id, undefined)
  assert.equal(topicView(told(2, -1, ZERO_UUID), known).partitions[0]!.leaderId, 2)
})
