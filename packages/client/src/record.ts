import type { RecordHeader } from '@millrace/protocol'

export type { RecordHeader } from '@millrace/protocol'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export const topicPartitionKey = (topic: string, partition: number): string => `${topic}-${partition}`

/** Headers to send: an object for names that are unique, or a list where order or repetition matters. Text is sent as UTF-8. */
export type HeadersInput =
  | Readonly<Record<string, string | Uint8Array | null>>
  | readonly { readonly key: string; readonly value: string | Uint8Array | null }[]

/** What a producer takes. `value: null` is a tombstone: on a compacted topic it deletes the key. */
export interface ProducerRecord<K = Uint8Array | string, V = Uint8Array | string> {
  readonly topic: string
  /** Chosen by the partitioner when left out. */
  readonly partition?: number | undefined
  readonly key?: K | null | undefined
  readonly value: V | null
  readonly headers?: HeadersInput | undefined
  /** Milliseconds since 1970; default: now. */
  readonly timestamp?: number | undefined
}

/** Where a record went. */
export interface RecordMetadata {
  readonly topic: string
  readonly partition: number
  /** -1 when the broker does not tell: with acks 0, and for a duplicate whose first copy it no longer remembers. */
  readonly offset: number
  /** The record's own time, or the broker's if the topic stamps its records on arrival. */
  readonly timestamp: number
}

/** A position in a partition, as it is committed. */
export interface OffsetAndMetadata {
  /** The offset of the next record to read. */
  readonly offset: number
  readonly leaderEpoch?: number | undefined
  /** Free text that is stored beside the offset. */
  readonly metadata?: string | undefined
}

/** A record as it is read. Bytes are views of the response they came in: copy what is to be kept for long. */
export interface ConsumerRecord<K = Buffer, V = Buffer> extends TopicPartition {
  readonly offset: number
  /** Milliseconds since 1970, -1 if it has none. */
  readonly timestamp: number
  readonly key: K | null
  /** Null is a tombstone. */
  readonly value: V | null
  readonly headers: readonly RecordHeader[]
}

const NO_HEADERS: readonly RecordHeader[] = []

export function encodeHeaders(headers: HeadersInput | undefined): readonly RecordHeader[] {
  if (headers === undefined) return NO_HEADERS
  if (Array.isArray(headers)) return headers.map(({ key, value }) => ({ key, value: headerBytes(value) }))
  return Object.entries(headers as Record<string, string | Uint8Array | null>).map(([key, value]) => ({
    key,
    value: headerBytes(value),
  }))
}

function headerBytes(value: string | Uint8Array | null): Buffer | null {
  if (value === null) return null
  if (typeof value === 'string') return Buffer.from(value)
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}
