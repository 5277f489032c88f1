import type { KafkaRecord } from '@millrace/protocol'
import { KafkaError } from '../errors.ts'
import type { ConsumerRecord, RecordHeader, TopicPartition } from '../record.ts'
import type { Deserializer } from '../serdes.ts'
import type { HandedOver } from './fetcher.ts'

/** Records of one partition, in order. */
export interface ConsumerBatch<K = Buffer, V = Buffer> extends TopicPartition {
  /** Never empty. */
  readonly records: readonly ConsumerRecord<K, V>[]
  readonly firstOffset: number
  readonly lastOffset: number
  /** The end of what can be read, as of the fetch that brought this; -1 if unknown. */
  readonly highWatermark: number
}

export interface Deserializers<K, V> {
  readonly key: Deserializer<K>
  readonly value: Deserializer<V>
}

const NO_HEADERS: readonly RecordHeader[] = []

/** Throws `DESERIALIZATION_FAILED`, which says which record it was. */
function toConsumerRecord<K, V>(
  record: KafkaRecord,
  { topic, partition }: TopicPartition,
  { key, value }: Deserializers<K, V>,
): ConsumerRecord<K, V> {
  const { offset, timestamp, key: keyBytes, value: valueBytes } = record
  try {
    return {
      topic,
      partition,
      offset,
      timestamp,
      key: keyBytes === null ? null : key.deserialize(keyBytes, topic),
      value: valueBytes === null ? null : value.deserialize(valueBytes, topic),
      headers: record.headerCount === 0 ? NO_HEADERS : record.headers,
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const message = `the record at offset ${offset} of ${topic}-${partition} cannot be deserialized: ${reason}`
    throw new KafkaError('DESERIALIZATION_FAILED', message, { cause: error, topic, partition, offset })
  }
}

/** Hands records over one by one; the position follows. What is not taken goes back. `isOver` is asked before each further record. */
export function* oneByOne<K, V>(
  handed: HandedOver,
  deserializers: Deserializers<K, V>,
  isOver: () => boolean,
): Generator<ConsumerRecord<K, V>, void, undefined> {
  const { partition: own, records, nextOffset, leaderEpoch } = handed
  const { generation } = own
  let index = 0
  try {
    while (index < records.length) {
      const record = toConsumerRecord(records[index]!, own, deserializers)
      index++
      own.advance(index === records.length ? nextOffset : record.offset + 1, leaderEpoch)
      yield record
      if (own.generation !== generation) return
      own.markProcessed()
      if (own.paused || isOver()) return
    }
  } finally {
    if (index < records.length) handed.putBack(index)
  }
}

/** A record that cannot be deserialized ends the batch before it, and is the error of the next. */
export function asBatch<K, V>(handed: HandedOver, deserializers: Deserializers<K, V>): ConsumerBatch<K, V> {
  const { partition: own, records: raw, nextOffset, leaderEpoch } = handed
  const records: ConsumerRecord<K, V>[] = []
  try {
    for (const record of raw) records.push(toConsumerRecord(record, own, deserializers))
    own.advance(nextOffset, leaderEpoch)
  } catch (error) {
    handed.putBack(records.length)
    if (records.length === 0) throw error
    own.advance(records.at(-1)!.offset + 1, leaderEpoch)
  }
  return {
    topic: own.topic,
    partition: own.partition,
    records,
    firstOffset: records[0]!.offset,
    lastOffset: records.at(-1)!.offset,
    highWatermark: own.highWatermark,
  }
}
