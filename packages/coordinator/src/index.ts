export type { Arm, Disarm, GroupEffect, Persist, PersistOffsets, Reply } from './group/classic/effect.ts'
export type {
  Commit,
  DeleteGroup,
  DeleteOffsets,
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
  TopicPartition,
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
