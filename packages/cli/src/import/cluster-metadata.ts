/** Topics and their configurations as Kafka's own metadata log has them, from its newest snapshot and all segments after it. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { baseOffsetOf, isControl, Reader, readRecords } from '@millrace/protocol'
import { offsetOfFile } from '@millrace/storage'
import { scanSegment } from '../segments/scan-segment.ts'
import {
  ConfigRecord,
  ProducerIdsRecord,
  RemoveTopicRecord,
  recordTypes,
  TOPIC_RESOURCE,
  TopicRecord,
} from './metadata-records.ts'

const BATCH_BYTES_MAX = 256 * 1024 * 1024

export interface KafkaTopic {
  readonly id: string
  readonly name: string
  partitionCount: number
}

export class ClusterMetadataLog {
  /** By id. */
  readonly topics = new Map<string, KafkaTopic>()
  /** By topic name. */
  readonly configs = new Map<string, Map<string, string>>()
  /** Ids below this may be in use by producers. */
  nextProducerId = 0

  static read(folder: string): ClusterMetadataLog {
    const log = new ClusterMetadataLog()
    const names = readdirSync(folder).sort()
    const snapshot = names.findLast(name => /^\d{20}-\d{10}\.checkpoint$/.test(name))
    const from = snapshot === undefined ? 0 : Number(snapshot.slice(0, 20))
    if (snapshot !== undefined) log.#file(join(folder, snapshot), 0)
    for (const name of names) if (offsetOfFile(name, '.log') !== undefined) log.#file(join(folder, name), from)
    return log
  }

  #file(path: string, from: number): void {
    for (const { buffer, at } of scanSegment(path)) {
      if (isControl(buffer, at) || baseOffsetOf(buffer, at) < from) continue
      for (const { value } of readRecords(buffer, at, { maxBytes: BATCH_BYTES_MAX }))
        if (value !== null) this.#apply(value)
    }
  }

  #apply(value: Buffer): void {
    const reader = new Reader(value)
    if (reader.uvarint() !== 1) return
    const type = reader.uvarint()
    const version = reader.uvarint()
    switch (type) {
      case recordTypes.topic: {
        const { topicId: id, name } = TopicRecord.read(reader, version)
        this.topics.set(id, { id, name, partitionCount: 0 })
        return
      }
      case recordTypes.partition: {
        // The first two fields; those after them say who holds the partition, which means nothing here.
        const partitionId = reader.int32()
        const topicId = reader.uuid()
        const topic = this.topics.get(topicId)
        if (topic !== undefined) topic.partitionCount = Math.max(topic.partitionCount, partitionId + 1)
        return
      }
      case recordTypes.config: {
        const record = ConfigRecord.read(reader, version)
        if (record.resourceType === TOPIC_RESOURCE) this.#config(record.resourceName, record.name, record.value)
        return
      }
      case recordTypes.removeTopic: {
        const { topicId } = RemoveTopicRecord.read(reader, version)
        const name = this.topics.get(topicId)?.name
        this.topics.delete(topicId)
        if (name !== undefined) this.configs.delete(name)
        return
      }
      case recordTypes.producerIds:
        this.nextProducerId = Math.max(this.nextProducerId, ProducerIdsRecord.read(reader, version).nextProducerId)
    }
  }

  #config(topic: string, name: string, value: string | null): void {
    const own = this.configs.get(topic) ?? new Map<string, string>()
    this.configs.set(topic, own)
    if (value === null) own.delete(name)
    else own.set(name, value)
  }
}
