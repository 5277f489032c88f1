/** The settings that transactions depend on. Each is one of Kafka's broker configurations unless it says otherwise. */
export interface TransactionConfig {
  /** `transaction.max.timeout.ms` */
  readonly transactionTimeoutMsMax: number
  /** `transactional.id.expiration.ms` */
  readonly transactionalIdExpirationMs: number
  /** The finalised feature `transaction.version`: how transactions are aborted that nobody asked to end. */
  readonly transactionVersion: TransactionVersion
  /** Goes into every marker: a marker of a lower one is refused by partitions that saw a higher. It rises with each new owner of the id. */
  readonly coordinatorEpoch: number
  /** How long after a failed write an abort or a completion is tried again. Kafka looks for both at fixed intervals. */
  readonly retryMs: number
  /** Partitions and groups in one transaction. Kafka has no such limit but that of a record's size, which it answers alike. */
  readonly partitionsMax: number
}

/** 0 and 1 are the classic protocol; with 2 (KIP-890) each end bumps the epoch. */
export type TransactionVersion = 0 | 1 | 2

export const DEFAULT_TRANSACTION_CONFIG: TransactionConfig = {
  transactionTimeoutMsMax: 900_000,
  transactionalIdExpirationMs: 604_800_000,
  transactionVersion: 2,
  coordinatorEpoch: 0,
  retryMs: 10_000,
  partitionsMax: 50_000,
}
