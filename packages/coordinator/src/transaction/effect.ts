/**
 * What a step asks of the shell, in order. A write comes first, before every other effect of the step: the shell makes it durable and then
 * performs the rest. If it fails, it performs nothing, keeps the old state, and steps it with a `failed` event.
 */
import type { TransactionVersion } from './config.ts'
import type { TransactionTimer } from './event.ts'
import type { TransactionRecord } from './record.ts'
import type { TransactionReply } from './reply.ts'
import type { PartitionSet, TransactionRequestId } from './state.ts'

export type TransactionEffect =
  | PersistTransaction
  | WriteMarkers
  | ReplyTransaction
  | ArmTransaction
  | DisarmTransaction

/** `record` null deletes the id's record. */
export interface PersistTransaction {
  readonly kind: 'persist'
  readonly transactionalId: string
  readonly record: TransactionRecord | null
}

/**
 * Ends the transaction in partitions and groups. The shell tries until each has its marker or is gone, and says so with `markersWritten`; the
 * order does not matter, nor does it how many are told at once. It may be asked again for what it has written: markers are idempotent.
 */
export interface WriteMarkers {
  readonly kind: 'writeMarkers'
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  readonly committed: boolean
  readonly partitions: PartitionSet
  readonly groups: ReadonlySet<string>
  /** With 2 a partition takes the marker only if its epoch is beyond the producer's present one, or if no transaction is open there. */
  readonly transactionVersion: TransactionVersion
}

export interface ReplyTransaction {
  readonly kind: 'reply'
  readonly to: TransactionRequestId
  readonly reply: TransactionReply
}

/** Sets the timer, or moves it if it is armed. */
export interface ArmTransaction {
  readonly kind: 'arm'
  readonly timer: TransactionTimer
  readonly at: number
}

/** May name a timer that is not armed. */
export interface DisarmTransaction {
  readonly kind: 'disarm'
  readonly timer: TransactionTimer
}
