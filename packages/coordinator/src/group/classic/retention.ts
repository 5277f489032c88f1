/** How a group and its offsets come to an end: deleted by an administrator, or expired. */
import type { CommittedOffset, OffsetRecord } from '../record.ts'
import { dropPending, isUnstable, type PendingOffsetRecord } from '../transactions.ts'
import type { DeleteGroup, DeleteOffsets, ExpireOffsets, OffsetsView } from './event.ts'
import type { Outbox } from './outbox.ts'
import type { DeletedPartition } from './reply.ts'
import {
  absentGroup,
  type Dead,
  type Empty,
  type GroupState,
  type Living,
  type Populated,
  type Stable,
} from './state.ts'
import { CONSUMER_PROTOCOL_TYPE } from './subscription.ts'

export function deleteFromNothing(state: Dead, event: DeleteOffsets | DeleteGroup, out: Outbox): GroupState {
  const error = state.unloaded ? 'COORDINATOR_NOT_AVAILABLE' : 'GROUP_ID_NOT_FOUND'
  out.reply(event.request, { kind: 'deleteRefused', error })
  return state
}

/** Only of consumers does the group know what they read, so that of others nothing is deleted while they are there. */
export function deleteOffsetsInUse(state: Populated, event: DeleteOffsets, out: Outbox): GroupState {
  if (state.protocolType === CONSUMER_PROTOCOL_TYPE) return deleteOffsets(state, event, out)
  out.reply(event.request, { kind: 'deleteRefused', error: 'NON_EMPTY_GROUP' })
  return state
}

export function deleteOffsets(state: Empty | Populated, event: DeleteOffsets, out: Outbox): GroupState {
  const partitions: DeletedPartition[] = []
  const records: OffsetRecord[] = []
  const dropped: PendingOffsetRecord[] = []
  for (const { topic, partition } of event.partitions) {
    const isInUse = isSubscribed(state, topic)
    partitions.push({ topic, partition, error: isInUse ? 'GROUP_SUBSCRIBED_TO_TOPIC' : 'NONE' })
    if (isInUse) continue
    if (event.offsets.get(topic)?.has(partition)) records.push({ topic, partition, committed: null })
    dropped.push(...dropPending(event.transactions, { topic, partition }))
  }
  out.persistOffsets(state.groupId, records)
  out.persistPendingOffsets(state.groupId, dropped)
  out.reply(event.request, { kind: 'offsetsDeleted', partitions })
  return state
}

export function keepGroup(state: Populated, event: DeleteGroup, out: Outbox): GroupState {
  out.reply(event.request, { kind: 'deleteRefused', error: 'NON_EMPTY_GROUP' })
  return state
}

/** What is pending goes too, as in Kafka: whoever deletes the group means its positions, and the marker will find nothing. */
export function deleteGroup(state: Empty, event: DeleteGroup, out: Outbox): GroupState {
  const records = [...offsetsOf(event.offsets)].map(([topic, partition]) => ({ topic, partition, committed: null }))
  out.persistOffsets(state.groupId, records)
  out.persistPendingOffsets(state.groupId, dropPending(event.transactions))
  out.reply(event.request, { kind: 'groupDeleted' })
  return bury(state, out)
}

/** An empty group goes with its last offset. An offset that a transaction is about to replace stays, and so does the group. */
export function expireOffsetsOfEmpty(state: Empty, event: ExpireOffsets, out: Outbox): GroupState {
  // A group that had members counts from when the last one left, however old the commits; a simple one has only its commits.
  const emptySince = state.protocolType === null || state.stateTimestampMs === -1 ? undefined : state.stateTimestampMs
  return expireOffsets(state, event, out, emptySince) ? bury(state, out) : state
}

/** A consumer group loses what it no longer subscribes to. Of other groups nothing is known, so nothing expires. */
export function expireOffsetsOfStable(state: Stable, event: ExpireOffsets, out: Outbox): GroupState {
  if (state.protocolType === CONSUMER_PROTOCOL_TYPE && state.subscribedTopics !== undefined) {
    expireOffsets(state, event, out, undefined)
  }
  return state
}

/** Whether nothing is left. `since` stands for the time of each commit if it is given. */
function expireOffsets(state: Living, event: ExpireOffsets, out: Outbox, since: number | undefined): boolean {
  const records: OffsetRecord[] = []
  const transactions = event.transactions
  let isAnyLeft = transactions.pending.size > 0
  for (const [topic, partition, committed] of offsetsOf(event.offsets)) {
    const isKept = isSubscribed(state, topic) || isUnstable(transactions, topic, partition)
    if (isKept || !isExpired(committed, since, out)) isAnyLeft = true
    else records.push({ topic, partition, committed: null })
  }
  out.persistOffsets(state.groupId, records)
  return !isAnyLeft
}

function isExpired(committed: CommittedOffset, since: number | undefined, { now, config }: Outbox): boolean {
  if (committed.expireTimestampMs !== -1) return now >= committed.expireTimestampMs
  return now - (since ?? committed.commitTimestampMs) >= config.offsetsRetentionMs
}

/** When the topics are unknown, consumers are taken to read all. */
function isSubscribed(state: Living, topic: string): boolean {
  return state.subscribedTopics?.has(topic) ?? state.protocolType === CONSUMER_PROTOCOL_TYPE
}

function* offsetsOf(offsets: OffsetsView): Generator<readonly [string, number, CommittedOffset]> {
  for (const [topic, partitions] of offsets) {
    for (const [partition, committed] of partitions) yield [topic, partition, committed]
  }
}

function bury(state: Empty, out: Outbox): Dead {
  out.persist(state.groupId, null)
  for (const memberId of state.pendingMembers) out.disarm(`session:${memberId}`)
  return absentGroup(state.groupId)
}
