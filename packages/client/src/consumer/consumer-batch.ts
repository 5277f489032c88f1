import type { KafkaRecord } from '@millrace/protocol'
import { KafkaError } from '../errors.ts'
import type { ConsumerRecord, RecordHeader, TopicPartition } from '../record.ts'
import type { Deserializer } from '../serdes.ts'

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
export function toConsumerRecord<K, V>(
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
