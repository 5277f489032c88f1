/**
 * Everything that can happen to a transactional id. Events carry the time, and a fresh producer id where one is needed; what depends on a
 * request's version comes as a fact, so that the machine itself knows no versions.
 */
import type { WriteError } from '../group/classic/reply.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { TransactionVersion } from './config.ts'
import type { TransactionRequestId } from './state.ts'

/** `timeout` of the open transaction; `complete` to try again what ends a decided one and could not be stored. */
export type TransactionTimer = 'timeout' | 'complete'

export type TransactionEvent =
  | Init
  | AddPartitions
  | AddOffsets
  | Verify
  | End
  | MarkersWritten
  | Expire
  | ExpireId
  | Loaded
  | Unload
  | Failed

export type TransactionEventKind = TransactionEvent['kind']

interface Base {
  readonly now: number
}

interface Request extends Base {
  readonly request: TransactionRequestId
}

interface ProducerRequest extends Request {
  readonly producerId: number
  readonly producerEpoch: number
}

/** Events that may need a new producer id. `needsProducerId` says whether this one will; if not, any number is ignored. */
interface MayRotate {
  readonly freshProducerId: number
}

/** InitProducerId with a transactional id. */
export interface Init extends Request, MayRotate {
  readonly kind: 'init'
  readonly timeoutMs: number
  /** The id and epoch that the producer knows itself by (KIP-360, version 3 and up); null for a new producer. */
  readonly expected: ProducerIdAndEpoch | null
  /** How many epochs may have been given out and forgotten since (a power cut): they are passed over. None without it. */
  readonly forgottenEpochs?: number
}

export interface ProducerIdAndEpoch {
  readonly producerId: number
  readonly producerEpoch: number
}

/** AddPartitionsToTxn, and with transactions v2 the first write to a partition. All are added, or none. */
export interface AddPartitions extends ProducerRequest {
  readonly kind: 'addPartitions'
  readonly partitions: readonly TopicPartition[]
  /** 2 for implicit adds and AddPartitionsToTxn from version 4, else 0. */
  readonly transactionVersion: TransactionVersion
}

/** AddOffsetsToTxn, and with transactions v2 each TxnOffsetCommit. */
export interface AddOffsets extends ProducerRequest {
  readonly kind: 'addOffsets'
  readonly groupId: string
  /** 2 for TxnOffsetCommit from version 5, else 0. */
  readonly transactionVersion: TransactionVersion
}

/** Whether partitions and groups are in the open transaction (KIP-890). Changes nothing. */
export interface Verify extends ProducerRequest {
  readonly kind: 'verify'
  readonly partitions: readonly TopicPartition[]
  readonly groups: readonly string[]
}

/** EndTxn. */
export interface End extends ProducerRequest, MayRotate {
  readonly kind: 'end'
  readonly committed: boolean
  /** 2 from version 5, else 0. */
  readonly transactionVersion: TransactionVersion
}

/** These partitions and groups have their marker, or are gone. Id and epoch are those of the effect `writeMarkers`; others are void. */
export interface MarkersWritten extends Base {
  readonly kind: 'markersWritten'
  readonly producerId: number
  readonly producerEpoch: number
  readonly partitions: readonly TopicPartition[]
  readonly groups: readonly string[]
}

/** An armed timer's time has come. The timer is no longer armed. */
export interface Expire extends Base, MayRotate {
  readonly kind: 'expire'
  readonly timer: TransactionTimer
}

/** Due every `transaction.remove.expired.transaction.cleanup.interval.ms`. */
export interface ExpireId extends Base {
  readonly kind: 'expireId'
}

/** The id was replayed from its record, and this node serves it from now on. */
export interface Loaded extends Base {
  readonly kind: 'loaded'
}

/** This node no longer serves the id. */
export interface Unload extends Base {
  readonly kind: 'unload'
}

/** The durable write of `event`'s step failed: its state and all its effects were dropped. */
export interface Failed extends Base {
  readonly kind: 'failed'
  readonly event: TransactionEvent
  readonly error: WriteError
}
