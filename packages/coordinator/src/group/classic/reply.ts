/** What requests to a classic group are answered with: outcomes by Kafka's names, which the broker's handlers turn into numbers. */
import type { MemberId } from './state.ts'

/** How a failed write is told to clients: Kafka's translation of the storage error. */
export type WriteError = 'NOT_COORDINATOR' | 'COORDINATOR_NOT_AVAILABLE' | 'UNKNOWN_SERVER_ERROR'

/** Why a request names no member of the group. */
export type MemberError = 'UNKNOWN_MEMBER_ID' | 'FENCED_INSTANCE_ID'

export type JoinError =
  | MemberError
  | WriteError
  | 'INVALID_GROUP_ID'
  | 'INVALID_SESSION_TIMEOUT'
  | 'INCONSISTENT_GROUP_PROTOCOL'
  | 'MEMBER_ID_REQUIRED'
  | 'GROUP_MAX_SIZE_REACHED'
  | 'REBALANCE_IN_PROGRESS'

export type SyncError =
  | MemberError
  | WriteError
  | 'ILLEGAL_GENERATION'
  | 'INCONSISTENT_GROUP_PROTOCOL'
  | 'REBALANCE_IN_PROGRESS'

export type HeartbeatError = MemberError | WriteError | 'ILLEGAL_GENERATION' | 'REBALANCE_IN_PROGRESS'
export type LeaveError = WriteError
export type CommitError =
  | MemberError
  | WriteError
  | 'ILLEGAL_GENERATION'
  | 'REBALANCE_IN_PROGRESS'
  | 'GROUP_ID_NOT_FOUND'
  | 'TRANSACTION_ABORTABLE'
export type EndTransactionError = WriteError
export type DeleteError = WriteError | 'GROUP_ID_NOT_FOUND' | 'NON_EMPTY_GROUP'

export type GroupReply =
  | Joined
  | JoinRefused
  | Synced
  | SyncRefused
  | HeartbeatAnswered
  | Left
  | LeaveRefused
  | Committed
  | CommitRefused
  | TransactionEnded
  | TransactionNotEnded
  | OffsetsDeleted
  | GroupDeleted
  | DeleteRefused

export interface Joined {
  readonly kind: 'joined'
  readonly memberId: MemberId
  readonly generation: number
  readonly protocolType: string
  readonly protocolName: string
  readonly leader: MemberId
  readonly skipAssignment: boolean
  /** For the leader alone; empty for everyone else. */
  readonly members: readonly JoinedMember[]
}

export interface JoinedMember {
  readonly memberId: MemberId
  readonly instanceId: string | null
  readonly metadata: Uint8Array
}

export interface JoinRefused {
  readonly kind: 'joinRefused'
  readonly error: JoinError
  /** The id to answer with: with MEMBER_ID_REQUIRED the new one. */
  readonly memberId: MemberId
}

export interface Synced {
  readonly kind: 'synced'
  readonly protocolType: string
  readonly protocolName: string
  readonly assignment: Uint8Array
}

export interface SyncRefused {
  readonly kind: 'syncRefused'
  readonly error: SyncError
}

export interface HeartbeatAnswered {
  readonly kind: 'heartbeat'
  readonly error: HeartbeatError | 'NONE'
}

export interface Left {
  readonly kind: 'left'
  readonly members: readonly LeftMember[]
}

/** Ids are those of the request, so that the caller recognises them. */
export interface LeftMember {
  readonly memberId: MemberId
  readonly instanceId: string | null
  readonly error: MemberError | 'NONE'
}

export interface LeaveRefused {
  readonly kind: 'leaveRefused'
  readonly error: LeaveError
}

export interface Committed {
  readonly kind: 'committed'
  readonly partitions: readonly CommittedPartition[]
}

export interface CommittedPartition {
  readonly topic: string
  readonly partition: number
  readonly error: 'NONE' | 'OFFSET_METADATA_TOO_LARGE'
}

/** The error stands for every partition of the request. */
export interface CommitRefused {
  readonly kind: 'commitRefused'
  readonly error: CommitError
}

export interface TransactionEnded {
  readonly kind: 'transactionEnded'
}

/** The marker is to be brought again. */
export interface TransactionNotEnded {
  readonly kind: 'transactionNotEnded'
  readonly error: EndTransactionError
}

export interface OffsetsDeleted {
  readonly kind: 'offsetsDeleted'
  readonly partitions: readonly DeletedPartition[]
}

export interface DeletedPartition {
  readonly topic: string
  readonly partition: number
  readonly error: 'NONE' | 'GROUP_SUBSCRIBED_TO_TOPIC'
}

export interface GroupDeleted {
  readonly kind: 'groupDeleted'
}

/** Answers deleteOffsets and deleteGroup as a whole. */
export interface DeleteRefused {
  readonly kind: 'deleteRefused'
  readonly error: DeleteError
}
