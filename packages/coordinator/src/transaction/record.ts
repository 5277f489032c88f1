/**
 * What a transactional id leaves on disk: the fields of Kafka's TransactionLogValue, so that they can be written in Kafka's own format as well
 * as in a database, and two that Kafka lacks: `lastProducerEpoch`, without which a repeated InitProducerId (KIP-360) is fenced after a restart,
 * and `groups`, which Kafka writes as partitions of `__consumer_offsets`.
 */
import type { TransactionVersion } from './config.ts'

export interface TransactionRecord {
  readonly transactionalId: string
  readonly producerId: number
  /** The id before the last transition; -1 for none. It differs from `producerId` only right after a rotation. */
  readonly previousProducerId: number
  /** In Prepare* at an exhausted epoch: the id that the producer goes on with. Else -1. */
  readonly nextProducerId: number
  /** With transactions v2 the bumped one, from the decision on: it is the one that markers carry. */
  readonly producerEpoch: number
  /** -1 for none. */
  readonly lastProducerEpoch: number
  readonly transactionTimeoutMs: number
  readonly status: TransactionStatus
  readonly partitions: readonly TopicPartitions[]
  readonly groups: readonly string[]
  readonly lastUpdateTimestampMs: number
  /** -1 while the id never had a transaction since it was last initialised. */
  readonly startTimestampMs: number
  readonly clientTransactionVersion: TransactionVersion
}

export interface TopicPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

/** Kafka's names, by Kafka's numbers. Dead and PrepareEpochFence are never stored; a list request may name them nevertheless. */
export const TRANSACTION_STATUS_CODES = {
  Empty: 0,
  Ongoing: 1,
  PrepareCommit: 2,
  PrepareAbort: 3,
  CompleteCommit: 4,
  CompleteAbort: 5,
  Dead: 6,
  PrepareEpochFence: 7,
} as const

export type TransactionStatus = Exclude<keyof typeof TRANSACTION_STATUS_CODES, 'Dead' | 'PrepareEpochFence'>
