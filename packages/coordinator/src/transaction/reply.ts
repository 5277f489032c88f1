/**
 * What requests about transactions are answered with: outcomes by Kafka's names, which the broker's handlers turn into numbers. PRODUCER_FENCED
 * is INVALID_PRODUCER_EPOCH to clients that do not know it (InitProducerId below 4, AddPartitionsToTxn, AddOffsetsToTxn and EndTxn below 2), and
 * to all that write (Produce, TxnOffsetCommit); TRANSACTION_ABORTABLE is INVALID_TXN_STATE to Produce below 11 and TxnOffsetCommit below 4.
 */
import type { WriteError } from '../group/classic/reply.ts'
import type { TopicPartition } from '../topic-partition.ts'

/** Why a request speaks of no transaction that is open to it. */
export type ProducerError = WriteError | 'INVALID_PRODUCER_ID_MAPPING' | 'PRODUCER_FENCED' | 'CONCURRENT_TRANSACTIONS'

export type InitError =
  | WriteError
  | 'INVALID_REQUEST'
  | 'INVALID_TRANSACTION_TIMEOUT'
  | 'PRODUCER_FENCED'
  | 'CONCURRENT_TRANSACTIONS'

export type AddError = ProducerError | 'INVALID_REQUEST'
export type VerifyError = ProducerError | 'INVALID_REQUEST'
export type EndError = ProducerError | 'INVALID_REQUEST' | 'INVALID_TXN_STATE'

export type TransactionReply =
  | Initialized
  | InitRefused
  | Added
  | AddRefused
  | Verified
  | VerifyRefused
  | Ended
  | EndRefused

export interface Initialized {
  readonly kind: 'initialized'
  readonly producerId: number
  readonly producerEpoch: number
}

export interface InitRefused {
  readonly kind: 'initRefused'
  readonly error: InitError
}

/** Answers addPartitions and addOffsets. */
export interface Added {
  readonly kind: 'added'
}

/** The error stands for every partition of the request. */
export interface AddRefused {
  readonly kind: 'addRefused'
  readonly error: AddError
}

export interface Verified {
  readonly kind: 'verified'
  readonly partitions: readonly VerifiedPartition[]
  readonly groups: readonly VerifiedGroup[]
}

export interface VerifiedPartition extends TopicPartition {
  readonly error: 'NONE' | 'TRANSACTION_ABORTABLE'
}

export interface VerifiedGroup {
  readonly groupId: string
  readonly error: 'NONE' | 'TRANSACTION_ABORTABLE'
}

/** The error stands for every partition and group of the request. */
export interface VerifyRefused {
  readonly kind: 'verifyRefused'
  readonly error: VerifyError
}

/** Id and epoch to go on with; EndTxn tells them from version 5 on. */
export interface Ended {
  readonly kind: 'ended'
  readonly producerId: number
  readonly producerEpoch: number
}

export interface EndRefused {
  readonly kind: 'endRefused'
  readonly error: EndError
}
