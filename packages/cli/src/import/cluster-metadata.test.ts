import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClusterMetadataLog } from './cluster-metadata.ts'
import { batchOf, type Entry, framed, newFolder, writeSegment } from './kafka-log-fixture.ts'
import { ConfigRecord, ProducerIdsRecord, RemoveTopicRecord, recordTypes, TopicRecord } from './metadata-records.ts'

const FIRST = '00000000000000000000.log'
const idOf = (letter: string): string => letter.repeat(21).concat('A')

const topic = (name: string, topicId: string): Entry =>
  framed(recordTypes.topic, TopicRecord.encode({ name, topicId }, 0))
const removed = (topicId: string): Entry => framed(recordTypes.removeTopic, RemoveTopicRecord.encode({ topicId }, 0))
const config = (resourceName: string, name: string, value: string | null, resourceType = 2): Entry =>
  framed(recordTypes.config, ConfigRecord.encode({ resourceType, resourceName, name, value }, 0))
const producerIds = (nextProducerId: number): Entry =>
  framed(recordTypes.producerIds, ProducerIdsRecord.encode({ brokerId: 1, brokerEpoch: 1, nextProducerId }, 0))

/** With more after the fields that are read, as in every version of the record. */
function partition(partitionId: number, topicId: string): Entry {
  const fields = Buffer.alloc(40)
  fields.writeInt32BE(partitionId, 0)
  Buffer.from(topicId, 'base64url').copy(fields, 4)
  return framed(recordTypes.partition, fields)
}

test('topics come with their number of partitions and what is set of them', t => {
  const folder = newFolder(t)
  writeSegment(folder, FIRST, [
    batchOf(0, [
      topic('a', idOf('a')),
      partition(0, idOf('a')),
      partition(1, idOf('a')),
      config('a', 'retention.ms', '5'),
    ]),
    batchOf(4, [
      config('a', 'segment.bytes', '9'),
      config('a', 'segment.bytes', null),
      config('1', 'x', 'y', 4),
      producerIds(2000),
    ]),
  ])
  const log = ClusterMetadataLog.read(folder)
  assert.deepEqual([...log.topics.values()], [{ id: idOf('a'), name: 'a', partitionCount: 2 }])
  assert.deepEqual([...log.configs.get('a')!], [['retention.ms', '5']])
  assert.equal(log.configs.has('1'), false)
  assert.equal(log.nextProducerId, 2000)
})

test('a topic that was removed takes its configurations along, and may come again with another id', t => {
  const folder = newFolder(t)
  writeSegment(folder, FIRST, [
    batchOf(0, [topic('a', idOf('a')), config('a', 'retention.ms', '5'), removed(idOf('a')), topic('a', idOf('b'))]),
  ])
  const log = ClusterMetadataLog.read(folder)
  assert.deepEqual([...log.topics.keys()], [idOf('b')])
  assert.equal(log.configs.has('a'), false)
})

test('the newest snapshot counts, and of the log what comes after it', t => {
  const folder = newFolder(t)
  writeSegment(folder, '00000000000000000002-0000000001.checkpoint', [batchOf(0, [topic('kept', idOf('k'))])])
  writeSegment(folder, FIRST, [
    batchOf(0, [topic('old', idOf('o')), removed(idOf('o'))]),
    batchOf(2, [topic('new', idOf('n'))]),
  ])
  const names = [...ClusterMetadataLog.read(folder).topics.values()].map(({ name }) => name)
  assert.deepEqual(names, ['kept', 'new'])
})

test('records of kinds and frames that are not known are passed over', t => {
  const folder = newFolder(t)
  writeSegment(folder, FIRST, [
    batchOf(0, [framed(99, Buffer.alloc(3)), [null, Buffer.from([2, 2, 0])], [null, null], topic('a', idOf('a'))]),
  ])
  assert.equal(ClusterMetadataLog.read(folder).topics.size, 1)
})
