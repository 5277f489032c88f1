export type {
  Arm,
  BreakGuards,
  Disarm,
  GroupEffect,
  Persist,
  PersistOffsets,
  PersistPendingOffsets,
  Reply,
} from './group/classic/effect.ts'
export type {
  Commit,
  CommitTransaction,
  DeleteGroup,
  DeleteOffsets,
  EndTransaction,
  Expire,
  ExpireOffsets,
  Failed,
  GroupEvent,
  GroupEventKind,
  GroupTimer,
  Heartbeat,
  Join,
  Leave,
  LeavingMember,
  Loaded,
  OffsetsView,
  OffsetToCommit,
  Sync,
  Unload,
} from './group/classic/event.ts'
export { replay } from './group/classic/replay.ts'
export type * from './group/classic/reply.ts'
export {
  absentGroup,
  emptyGroup,
  type GroupState,
  type GroupStateKind,
  type Member,
  type MemberId,
  type Protocol,
  type RequestId,
} from './group/classic/state.ts'
export { type GroupStep, step as stepClassicGroup } from './group/classic/step.ts'
export {
  describeGroup,
  type GroupDescription,
  type GroupListing,
  listGroup,
  type MemberDescription,
} from './group/classic/views.ts'
export { DEFAULT_GROUP_CONFIG, type GroupConfig } from './group/config.ts'
export {
  type AskedTopic,
  applyOffsets,
  type FetchedOffset,
  type FetchedTopic,
  fetchOffsets,
  type GroupOffsets,
  offsetsOfTopic,
} from './group/offsets.ts'
export type { CommittedOffset, GroupRecord, MemberRecord, OffsetRecord } from './group/record.ts'
export {
  applyPendingOffsets,
  breakGuards,
  dropPending,
  type GroupTransactions,
  type GroupTransactionsView,
  isUnstable,
  noTransactions,
  type PendingOffset,
  type PendingOffsetRecord,
  releaseGuard,
  takeGuard,
} from './group/transactions.ts'
export type { TopicPartition } from './topic-partition.ts'
export { DEFAULT_TRANSACTION_CONFIG, type TransactionConfig, type TransactionVersion } from './transaction/config.ts'
export type {
  PersistTransaction,
  ReplyTransaction,
  TransactionEffect,
  WriteMarkers,
} from './transaction/effect.ts'
export type {
  ProducerIdAndEpoch,
  TransactionEvent,
  TransactionEventKind,
  TransactionTimer,
} from './transaction/event.ts'
export {
  type TopicPartitions,
  TRANSACTION_STATUS_CODES,
  type TransactionRecord,
  type TransactionStatus,
} from './transaction/record.ts'
export { replayTransaction } from './transaction/replay.ts'
export type {
  AddError,
  EndError,
  InitError,
  ProducerError,
  TransactionReply,
  VerifyError,
} from './transaction/reply.ts'
export {
  absentTransaction,
  isEpochExhausted,
  type PartitionSet,
  PRODUCER_EPOCH_MAX,
  type TransactionRequestId,
  type TransactionState,
  type TransactionStateKind,
} from './transaction/state.ts'
export { needsProducerId, step as stepTransaction, type TransactionStep } from './transaction/step.ts'
export {
  describeTransaction,
  isListed,
  type TransactionDescription,
  type TransactionFilter,
} from './transaction/views.ts'
