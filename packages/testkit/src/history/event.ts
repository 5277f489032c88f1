/**
 * What clients of a broker did and saw, one line of JSON each: the form in which histories of the simulation and of real processes are judged by one checker.
 * README.md beside this file says what each line means, who writes it and when.
 */
export const HISTORY_VERSION = 1

interface Line<Kind extends string> {
  readonly kind: Kind
  /** Milliseconds on one monotonic clock for all writers; of an answer: when it was there. */
  readonly at: number
}

interface ClientLine<Kind extends string> extends Line<Kind> {
  /** Names one client's life: a client that is started again has another name. */
  readonly client: string
}

export type PartitionOffset = readonly [topic: string, partition: number, offset: number]
export type SeenRecord = readonly [offset: number, value: string]
/** `unknown`: no answer, or one that leaves open whether it happened (a time-out, a lost connection). */
export type OperationOutcome = 'acked' | 'refused' | 'unknown'
export type IsolationName = 'read_uncommitted' | 'read_committed'

export interface RunLine extends Line<'run'> {
  readonly version: typeof HISTORY_VERSION
  readonly about: string
  /** Committed offsets, generations and producer ids survive a power cut. */
  readonly catalogIsDurable: boolean
}

export interface TopicLine extends Line<'topic'> {
  /** One life of a topic: a name that is used again needs something to tell its lives apart, say its id. */
  readonly topic: string
  readonly partitions: number
  /** `flush.messages` of the topic; null where it is unset. */
  readonly flushMessages: number | null
  /** Retention or somebody's DeleteRecords may move its log start. */
  readonly shrinks: boolean
  /** Its cleanup.policy has compact: records may go from the middle. */
  readonly compacts?: boolean
}

export interface TopicGoneLine extends Line<'topicGone'> {
  readonly topic: string
}

export interface FaultLine extends Line<'fault'> {
  /** `powerCut` is the only one that changes what is allowed. */
  readonly fault:
    | 'start'
    | 'stop'
    | 'kill'
    | 'thread'
    | 'powerCut'
    | 'pause'
    | 'continue'
    | 'disk'
    | 'clock'
    | 'network'
  readonly detail?: string
}

/** Written before the damage is done: from then on an answer from these offsets may be an error, and never a wrong record. */
export interface DamagedLine extends Line<'damaged'> {
  readonly topic: string
  readonly partition: number
  readonly from: number
  /** Exclusive. */
  readonly to: number
  readonly detail?: string
}

export interface ProducerIdLine extends ClientLine<'producerId'> {
  readonly producerId: number
  readonly epoch: number
  readonly transactionalId?: string
  /** When it was asked for, if that was another time. */
  readonly began?: number
}

export interface SendLine extends ClientLine<'send'> {
  /** Unique in the run; `sent` has the same. */
  readonly id: string
  readonly topic: string
  readonly partition: number
  /** One batch's, in order. Unique in the run. */
  readonly values: readonly string[]
  readonly idempotent: boolean
  /** The client promises that what it sends to a partition appears in the order of its `send` lines. */
  readonly ordered: boolean
  readonly transaction?: string
}

export interface SentLine extends ClientLine<'sent'> {
  readonly id: string
  readonly outcome: OperationOutcome
  /** Where the first value went; absent or -1 where the client was not told (acks 0, a duplicate of long ago). */
  readonly baseOffset?: number
  readonly error?: string
}

export interface ReadLine extends ClientLine<'read'> {
  /** When the request left. */
  readonly began: number
  readonly topic: string
  readonly partition: number
  /** The offset that was asked for. */
  readonly position: number
  readonly records: readonly SeenRecord[]
  readonly isolation: IsolationName
  readonly group?: string
  readonly highWatermark?: number
  readonly lastStableOffset?: number
  readonly logStart?: number
}

/** The client goes to another position on purpose, or was sent there: nothing is said of what lies between. */
export interface SeekLine extends ClientLine<'seek'> {
  readonly topic: string
  readonly partition: number
  readonly position: number
}

export interface AssignedLine extends ClientLine<'assigned'> {
  /** When the request left; without it nothing is said of answers that came after a power cut. */
  readonly began?: number
  readonly group: string
  readonly generation: number
  readonly member: string
  readonly partitions: readonly (readonly [topic: string, partition: number])[]
}

export interface CommitLine extends ClientLine<'commit'> {
  readonly id: string
  readonly group: string
  /** -1: by a client that is no member. */
  readonly generation: number
  readonly member: string
  readonly offsets: readonly PartitionOffset[]
  readonly transaction?: string
}

export interface CommittedLine extends ClientLine<'committed'> {
  readonly id: string
  readonly outcome: OperationOutcome
  readonly error?: string
}

export interface FetchedOffsetsLine extends ClientLine<'fetchedOffsets'> {
  readonly began: number
  readonly group: string
  /** -1: none is committed. */
  readonly offsets: readonly PartitionOffset[]
}

export interface DeletedRecordsLine extends ClientLine<'deletedRecords'> {
  readonly began: number
  readonly topic: string
  readonly partition: number
  readonly logStart: number
}

export interface BeginLine extends ClientLine<'begin'> {
  readonly transaction: string
}

/** Written before the request leaves. */
export interface EndLine extends ClientLine<'end'> {
  readonly transaction: string
  readonly commit: boolean
}

export interface EndedLine extends ClientLine<'ended'> {
  readonly transaction: string
  /** `refused`: it is known that this end did not happen (the transaction timed out, the producer was fenced). */
  readonly outcome: OperationOutcome
}

export interface FinalLine extends Line<'final'> {
  readonly topic: string
  readonly partition: number
  readonly isolation: IsolationName
  readonly logStart: number
  readonly highWatermark: number
  /** All there is, read when everything has come to rest. */
  readonly records: readonly SeenRecord[]
  /** Offsets of control records, from a reader that sees them: without it nothing is said of gaps where transactions are. */
  readonly markers?: readonly number[]
  /** When every transaction has had the time to end: below the high watermark only if one hangs. */
  readonly lastStableOffset?: number
}

export interface FinalOffsetsLine extends Line<'finalOffsets'> {
  readonly group: string
  readonly offsets: readonly PartitionOffset[]
}

export type HistoryLine =
  | RunLine
  | TopicLine
  | TopicGoneLine
  | FaultLine
  | DamagedLine
  | ProducerIdLine
  | SendLine
  | SentLine
  | ReadLine
  | SeekLine
  | AssignedLine
  | CommitLine
  | CommittedLine
  | FetchedOffsetsLine
  | DeletedRecordsLine
  | BeginLine
  | EndLine
  | EndedLine
  | FinalLine
  | FinalOffsetsLine
