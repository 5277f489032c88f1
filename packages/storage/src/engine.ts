/**
 * The seam between the broker and where its data lives. Handlers and coordinators know these interfaces and nothing below them.
 *
 * Two kinds of engine must both be natural here: segment files on this machine (an append is over in the same turn), and batches in an object
 * store with their order in a database (an append is one upload and one commit, some hundred milliseconds later, for many partitions at once).
 * So an answer may come now or later (`MaybePromise`), offsets are known when it comes and not before, and whatever must be decided at the point
 * where an offset is assigned (sequence numbers, producer epochs, transactions) is decided inside `append`.
 */
import type { Lease } from '@millrace/base'
import type { Catalog } from './catalog/catalog.ts'

/** The value itself where it is known at once, so that the common path costs no promise. */
export type MaybePromise<T> = T | Promise<T>

export interface StorageEngine extends AsyncDisposable {
  readonly catalog: Catalog
  readonly logs: LogEngine
  /** Stops taking work, makes what was acknowledged safe against a crash of the machine, and leaves the marker of a clean stop. */
  close(): Promise<void>
}

export interface LogEngine {
  /**
   * Opens every partition that the catalog knows, recovering what an unclean stop left behind. Partitions that cannot be read are reported and
   * answer KAFKA_STORAGE_ERROR; the others are served. A partition may be used from when `opened` was told of it: before all of them are.
   */
  start(topics: readonly TopicLayout[], opened?: PartitionOpened): Promise<StartReport>
  /**
   * Makes the partitions that are led here ready for reads and writes. Partitions that are open already are left as they are; one that another node led until
   * now is taken over.
   */
  create(layout: TopicLayout): MaybePromise<void>
  /** Takes the topic's partitions out of service at once; their bytes go after `fileDeleteDelayMs`. */
  remove(topicId: string): MaybePromise<void>
  configure(topicId: string, config: LogConfig): void
  /**
   * Ends this node's lead of the partition: from the call on nothing is written or read here. Answers what the next leader is to know
   * (`LeaderTerm.handover`) once all is as safe as a clean stop makes it.
   */
  release(partition: PartitionLog): Promise<string>
  partition(topicId: string, partition: number): PartitionLog | undefined

  /**
   * Appends validated batches and transaction markers, one to a partition, and answers in the order of the entries once all of them are as safe as
   * their topic asks (written, or with `flushMessages` reached also fsynced).
   *
   * Until it answers, `records` are the engine's: it writes base offset and leader epoch into them. Then they are the caller's again, who may use their
   * memory for something else at once, so what the engine keeps it keeps in memory of its own. After a rejection nobody knows who still looks at them.
   */
  append(entries: readonly AppendEntry[]): MaybePromise<readonly AppendOutcome[]>

  /**
   * Reads whole batches of several partitions under one byte budget, in the order of the entries. Never waits for data: that is the purgatory's
   * work, woken by `LogListener.advanced`. The views stay valid as long as the caller has them, or until it releases the outcome's lease.
   */
  read(entries: readonly ReadEntry[], budget: ReadBudget): MaybePromise<readonly ReadOutcome[]>

  listOffset(partition: PartitionLog, query: OffsetQuery): MaybePromise<OffsetFound | LogRefusal>
  /** KIP-320: where the given leader epoch ends in this log. */
  epochEnd(partition: PartitionLog, leaderEpoch: number): MaybePromise<EpochEnd | LogRefusal>
  /** Moves the log start up to `beforeOffset` (-1: the high watermark) and answers the new log start. */
  deleteRecords(
    partition: PartitionLog,
    beforeOffset: number,
  ): MaybePromise<{ readonly kind: 'deleted'; readonly logStartOffset: number } | LogRefusal>
  activeProducers(partition: PartitionLog): MaybePromise<readonly ActiveProducer[]>
  /**
   * Whether the producer's transaction has begun here, so that its next batch needs no admission. False where the engine does not know it at once:
   * asking the coordinator once more is never wrong.
   */
  hasOpenTransaction(partition: PartitionLog, producer: ProducerEpoch): boolean
  directories(): MaybePromise<readonly LogDirectory[]>
  /** Of an engine that cleans its logs in the background. */
  cleaning?(): CleaningReport
  /** The one listener, set by the broker before `start`. */
  listen(listener: LogListener): void
}

/** Called in the turn from which on `partition` answers it. */
export type PartitionOpened = (topicId: string, partition: number) => void

export interface LogListener {
  /** The high watermark, the last stable offset or the log start of the partition moved. Called in the turn in which it becomes readable. */
  advanced(partition: PartitionLog): void
  /** The partition went out of service (disk fault, removal): whoever waits for it is to ask again and gets the error. */
  failed(partition: PartitionLog): void
}

/** One topic's partitions as the catalog has them. */
export interface TopicLayout {
  readonly topic: string
  /** Kafka's text form of a UUID: 22 characters of URL-safe base64. */
  readonly topicId: string
  readonly partitionCount: number
  readonly config: LogConfig
  /** The partitions that this node leads. Absent: all of them. */
  readonly led?: ReadonlySet<number>
  /** Of partitions that were given a leader; the others go by their logs. */
  readonly terms?: ReadonlyMap<number, LeaderTerm>
}

/** One node's lead of a partition. */
export interface LeaderTerm {
  readonly leaderEpoch: number
  /** What the leader before left. Empty where there is nothing to say. */
  readonly handover: string
}

/** Numbers of the layout's partitions that are led here, rising. */
export function* ledPartitions({ partitionCount, led }: TopicLayout): Generator<number> {
  for (let partition = 0; partition < partitionCount; partition++)
    if (led === undefined || led.has(partition)) yield partition
}

/**
 * One partition as its engine knows it: what a handler may read without asking, and the handle by which it asks. Engines extend it; nobody else does.
 */
export interface PartitionLog {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly leaderEpoch: number
  /** As far as this node knows: on disk exact, in a cluster it may lag behind the database. */
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  /** Why every read and write is refused, if it is. */
  readonly outOfService?: LogRefusal | undefined
}

/** The topic configurations that a log itself obeys, resolved. Sizes in bytes, times in milliseconds; -1 means no limit where Kafka says so. */
export interface LogConfig {
  readonly cleanupPolicy: readonly ('compact' | 'delete')[]
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly segmentJitterMs: number
  readonly segmentIndexBytes: number
  readonly indexIntervalBytes: number
  readonly retentionMs: number
  readonly retentionBytes: number
  readonly fileDeleteDelayMs: number
  readonly flushMessages: number
  readonly flushMs: number
  readonly preallocate: boolean
  readonly minCleanableDirtyRatio: number
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  /** How long tombstones and transaction markers stay after the cleaning that finds nothing else for them to do. */
  readonly deleteRetentionMs: number
}

export type AppendEntry = BatchEntry | MarkerEntry

export interface BatchEntry {
  readonly partition: PartitionLog
  /** Exactly one record batch (magic 2) that passed `validateBatch`. */
  readonly records: Buffer
  /** Lets a transactional batch begin its transaction here. Without it only one is taken whose transaction has begun already (INVALID_TXN_STATE). */
  readonly admission?: TransactionAdmission
}

/** The coordinator's word that the partition is in the producer's transaction. It is weighed where the offset is assigned, because it can be late. */
export interface TransactionAdmission {
  /**
   * The partition's high watermark when the coordinator was asked. A marker of the producer at or above it ended that very transaction, and what comes
   * after it would hang for ever (KIP-890). Infinity where nothing is to be held against it.
   */
  readonly askedAt: number
  /** `transaction.version` 2: an epoch is one transaction, so that a producer without state begins at sequence 0. */
  readonly isEpochPerTransaction: boolean
}

export interface MarkerEntry {
  readonly partition: PartitionLog
  readonly marker: TransactionMarker
}

/** The last word on a transaction in a partition. Written again, it does no harm. */
export interface TransactionMarker {
  readonly producerId: number
  /** With version 2 the epoch after the transaction's, so that nothing of it can follow. */
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  readonly commit: boolean
  /** `transaction.version` by which the transaction ran. */
  readonly transactionVersion: number
}

export interface ProducerEpoch {
  readonly producerId: number
  readonly producerEpoch: number
}

export type AppendOutcome =
  | {
      /** `duplicate`: the producer sent this batch before (KIP-98); the offsets are those of the first time and nothing was appended. */
      readonly kind: 'appended' | 'duplicate'
      readonly baseOffset: number
      readonly logAppendTimeMs: number
      readonly logStartOffset: number
    }
  | LogRefusal

export interface LogRefusal {
  readonly kind: 'refused'
  readonly error: LogError
  readonly message: string
}

/** Kafka's names; what each means is in errors.ts of the protocol. */
export type LogError =
  | 'UNKNOWN_TOPIC_OR_PARTITION'
  /** The topic is here, the partition is another node's by now. */
  | 'NOT_LEADER_OR_FOLLOWER'
  | 'KAFKA_STORAGE_ERROR'
  /** What is stored is damaged; the partition goes on being served. */
  | 'CORRUPT_MESSAGE'
  | 'OFFSET_OUT_OF_RANGE'
  | 'OUT_OF_ORDER_SEQUENCE_NUMBER'
  | 'INVALID_PRODUCER_EPOCH'
  | 'INVALID_TXN_STATE'
  | 'TRANSACTION_COORDINATOR_FENCED'
  | 'RECORD_LIST_TOO_LARGE'
  | 'UNSUPPORTED_FOR_MESSAGE_FORMAT'
  | 'POLICY_VIOLATION'

export type Isolation = 'read_uncommitted' | 'read_committed'

export interface ReadEntry {
  readonly partition: PartitionLog
  readonly offset: number
  /** Bytes wanted of this partition at the most. */
  readonly maxBytes: number
  readonly isolation: Isolation
}

export interface ReadBudget {
  /** Bytes wanted of all partitions together. */
  readonly maxBytes: number
  /** Return the first batch of the first partition that has data even if it alone is over the limits (KIP-74), so that a reader always gets on. */
  readonly atLeastOneBatch: boolean
}

export type ReadOutcome =
  | {
      readonly kind: 'read'
      /** Whole batches, joined on the wire. The first may begin before the offset asked for. */
      readonly records: readonly Buffer[]
      readonly bytes: number
      readonly highWatermark: number
      readonly lastStableOffset: number
      readonly logStartOffset: number
      /** With read_committed: the aborted transactions that overlap `records`. */
      readonly abortedTransactions: readonly AbortedTransaction[]
      /** Of the memory that `records` are in. To be released when nobody looks at them any more; to forget it is safe, and slower. */
      readonly lease?: Lease | undefined
    }
  | (LogRefusal & { readonly highWatermark: number; readonly logStartOffset: number })

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export type OffsetQuery =
  | { readonly kind: 'earliest' | 'max_timestamp' }
  | { readonly kind: 'latest'; readonly isolation: Isolation }
  /** The first record at or after the time. */
  | { readonly kind: 'timestamp'; readonly timestampMs: number; readonly isolation: Isolation }

/** `offset` -1 (and `timestampMs` -1) when no record fits. */
export interface OffsetFound {
  readonly kind: 'found'
  readonly offset: number
  readonly timestampMs: number
  readonly leaderEpoch: number
}

export interface EpochEnd {
  readonly kind: 'epoch'
  /** -1 when the epoch is not known at all. */
  readonly leaderEpoch: number
  readonly endOffset: number
}

export interface ActiveProducer {
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly lastTimestampMs: number
  readonly coordinatorEpoch: number
  /** -1 without an open transaction. */
  readonly currentTransactionFirstOffset: number
}

export interface LogDirectory {
  readonly path: string
  readonly error: 'KAFKA_STORAGE_ERROR' | undefined
  /** -1 when not known. */
  readonly totalBytes: number
  readonly usableBytes: number
  readonly partitions: readonly { readonly topic: string; readonly partition: number; readonly sizeBytes: number }[]
}

/** What the cleaner did since the start, and what it saw last. Shares are from 0 to 1. */
export interface CleaningReport {
  readonly cleanings: number
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly recordsRead: number
  readonly recordsKept: number
  /** Of the dirtiest log. */
  readonly dirtyRatioMax: number
  /** How full the map of keys was in the last cleaning. */
  readonly mapUtilization: number
  readonly lastCleaningMs: number
  /** Bytes left of those read in the last cleaning. */
  readonly recopyRatio: number
  /** For how long a record had been overdue by `max.compaction.lag.ms`. */
  readonly overdueMsMax: number
  readonly sinceLastLookMs: number
  /** Damaged logs, which are not cleaned before the next start, by data folder. */
  readonly uncleanable: readonly { readonly path: string; readonly logs: number; readonly bytes: number }[]
}

/** Before the first cleaning, and of an engine that cleans nothing. */
export const NO_CLEANING: CleaningReport = {
  cleanings: 0,
  bytesRead: 0,
  bytesWritten: 0,
  recordsRead: 0,
  recordsKept: 0,
  dirtyRatioMax: 0,
  mapUtilization: 0,
  lastCleaningMs: 0,
  recopyRatio: 0,
  overdueMsMax: 0,
  sinceLastLookMs: 0,
  uncleanable: [],
}

export interface StartReport {
  readonly partitionCount: number
  readonly cleanStart: boolean
  readonly recoveredSegments: number
  readonly truncatedBytes: number
  readonly failures: readonly { readonly topic: string; readonly partition: number; readonly reason: string }[]
}

/** A fault of the place where data lives: a disk, a file, a database. What a client did wrong is a `LogRefusal` and never this. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly code: StorageErrorCode
  /** The file or folder that it is about. */
  readonly path: string | undefined

  constructor(code: StorageErrorCode, message: string, options: { cause?: unknown; path?: string } = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.path = options.path
  }
}

export type StorageErrorCode = 'LOCKED' | 'DISK_FULL' | 'IO' | 'CORRUPT' | 'CLOSED' | 'INCOMPATIBLE'
