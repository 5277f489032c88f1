import { type CreateTopics, ZERO_UUID } from '@millrace/protocol'
import type { CallOptions } from '../client-options.ts'
import { type KafkaError, wireError } from '../errors.ts'
import type { TopicPartition } from '../record.ts'
import { type ConfigEntry, configEntry } from './config-entry.ts'

export interface NewTopic {
  readonly name: string
  /** Default: the broker's `num.partitions`. */
  readonly partitions?: number | undefined
  /** Default: the broker's `default.replication.factor`. */
  readonly replicationFactor?: number | undefined
  /** By partition, the brokers that are to hold it, the preferred leader first; excludes the two numbers. */
  readonly assignments?: readonly (readonly number[])[] | undefined
  readonly configs?: Readonly<Record<string, string | number | boolean>> | undefined
}

export interface CreatedTopic {
  readonly name: string
  /** Undefined with brokers that do not know topic ids. */
  readonly id: string | undefined
  /** -1 if the broker does not tell. */
  readonly partitions: number
  readonly replicationFactor: number
  readonly configs: readonly ConfigEntry[]
}

export interface ValidateOptions extends CallOptions {
  /** Only finds out whether it could be done. */
  readonly validateOnly?: boolean | undefined
}

export interface NewPartitions {
  readonly topic: string
  /** How many there are to be in all. */
  readonly count: number
  /** For each new partition, the brokers that are to hold it. */
  readonly assignments?: readonly (readonly number[])[] | undefined
}

export interface RecordsToDelete extends TopicPartition {
  /** Records before this offset go; -1: all that are there. */
  readonly beforeOffset: number
}

export interface ActiveProducer {
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  /** Milliseconds since 1970. */
  readonly lastTimestamp: number
  readonly coordinatorEpoch: number
  /** The first offset of its open transaction; -1 if there is none. */
  readonly currentTransactionStartOffset: number
}

export function newTopic({ name, partitions = -1, replicationFactor = -1, assignments = [], configs = {} }: NewTopic) {
  return {
    name,
    numPartitions: partitions,
    replicationFactor,
    assignments: assignments.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value: String(value) })),
  }
}

type CreateTopicsAnswer = ReturnType<typeof CreateTopics.response.decode>['topics'][number]

export function createdTopic(topic: CreateTopicsAnswer): CreatedTopic | KafkaError {
  const { name, topicId, errorCode, errorMessage, numPartitions, replicationFactor, configs } = topic
  if (errorCode !== 0) return wireError(errorCode, `topic '${name}'`, { topic: name, detail: errorMessage })
  return {
    name,
    id: topicId === ZERO_UUID ? undefined : topicId,
    partitions: numPartitions,
    replicationFactor,
    configs: (configs ?? []).map(configEntry),
  }
}
