/**
 * Everything that can happen to a classic group. Events carry the time, and every id and random value that the group may need;
 * what depends on a request's version comes as a fact, so that the group itself knows no versions.
 */
import type { TopicPartition } from '../../topic-partition.ts'
import type { CommittedOffset } from '../record.ts'
import type { GroupTransactionsView } from '../transactions.ts'
import type { WriteError } from './reply.ts'
import type { MemberId, Protocol, RequestId, SessionTimer } from './state.ts'

/** `session:` for each member and for each pending id, `join` for the end of the join phase, `sync` for the end of the sync phase. */
export type GroupTimer = SessionTimer | 'join' | 'sync'

export type GroupEvent =
  | Join
  | Sync
  | Heartbeat
  | Leave
  | Commit
  | EndTransaction
  | DeleteOffsets
  | DeleteGroup
  | ExpireOffsets
  | Expire
  | Loaded
  | Unload
  | Failed

export type GroupEventKind = GroupEvent['kind']

interface Base {
  readonly now: number
}

interface Request extends Base {
  readonly request: RequestId
}

export interface Join extends Request {
  readonly kind: 'join'
  /** Empty for a newcomer. */
  readonly memberId: MemberId
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** A fresh uuid: a newcomer's id is `<instance id or client id>-<uuid>`. Of no use to a member that has its id. */
  readonly uuid: string
  readonly sessionTimeoutMs: number
  /** The session timeout where the request has none (version 0). */
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  /** In the member's order of preference. */
  readonly protocols: readonly Protocol[]
  /** KIP-394: a dynamic newcomer is given an id and told to come again with it (version 4 and up). */
  readonly memberIdRequired: boolean
  /** KIP-814: a static leader that took over may be told not to assign (version 9 and up). */
  readonly supportsSkippingAssignment: boolean
}

export interface Sync extends Request {
  readonly kind: 'sync'
  readonly memberId: MemberId
  readonly instanceId: string | null
  readonly generation: number
  /** Null where the request has none (below version 5). */
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignments: ReadonlyMap<MemberId, Uint8Array>
}

export interface Heartbeat extends Request {
  readonly kind: 'heartbeat'
  readonly memberId: MemberId
  readonly instanceId: string | null
  readonly generation: number
}

export interface Leave extends Request {
  readonly kind: 'leave'
  readonly members: readonly LeavingMember[]
}

export interface LeavingMember {
  /** Empty when an administrator removes a static member by its instance id. */
  readonly memberId: MemberId
  readonly instanceId: string | null
}

/** OffsetCommit and TxnOffsetCommit. */
export interface Commit extends Request {
  readonly kind: 'commit'
  readonly memberId: MemberId
  readonly instanceId: string | null
  /** -1 from an administrator, or from a consumer that does not use group membership. */
  readonly generation: number
  /** Set for TxnOffsetCommit: the offsets stay pending until the transaction's marker. The coordinator has said that it is open. */
  readonly transaction: CommitTransaction | null
  /** A missing group with a generation is GROUP_ID_NOT_FOUND (version 9 and up), ILLEGAL_GENERATION before. */
  readonly supportsGroupIdNotFound: boolean
  /** -1: the broker's. */
  readonly retentionTimeMs: number
  readonly offsets: readonly OffsetToCommit[]
  readonly transactions: GroupTransactionsView
}

export interface CommitTransaction {
  readonly producerId: number
  /** Taken before the coordinator was asked (`takeGuard`). */
  readonly guard: number
}

export interface OffsetToCommit {
  readonly topic: string
  readonly topicId: string | null
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string | null
}

/** A group's offsets by topic and partition, as the events that need them get to see them. */
export type OffsetsView = ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>>

/** A transaction's marker: what the producer's transaction left pending is committed or dropped. Once or often makes no difference. */
export interface EndTransaction extends Request {
  readonly kind: 'endTransaction'
  readonly producerId: number
  readonly committed: boolean
  readonly transactions: GroupTransactionsView
}

export interface DeleteOffsets extends Request {
  readonly kind: 'deleteOffsets'
  readonly partitions: readonly TopicPartition[]
  readonly offsets: OffsetsView
  readonly transactions: GroupTransactionsView
}

export interface DeleteGroup extends Request {
  readonly kind: 'deleteGroup'
  readonly offsets: OffsetsView
  readonly transactions: GroupTransactionsView
}

/** Due every `offsets.retention.check.interval.ms`. */
export interface ExpireOffsets extends Base {
  readonly kind: 'expireOffsets'
  readonly offsets: OffsetsView
  readonly transactions: GroupTransactionsView
}

/** An armed timer's time has come. The timer is no longer armed. */
export interface Expire extends Base {
  readonly kind: 'expire'
  readonly timer: GroupTimer
}

/** The group was replayed from its record, and this node serves it from now on. */
export interface Loaded extends Base {
  readonly kind: 'loaded'
}

/** This node no longer serves the group: everyone who waits is sent away. */
export interface Unload extends Base {
  readonly kind: 'unload'
}

/** The durable write of `event`'s step failed: its state and all its effects were dropped. */
export interface Failed extends Base {
  readonly kind: 'failed'
  readonly event: GroupEvent
  readonly error: WriteError
}
