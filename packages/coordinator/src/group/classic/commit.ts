/** Who may commit offsets, and what is stored. The offsets themselves are kept outside the group's state (offsets.ts). */
import { assert } from '@millrace/base'
import type { CommittedOffset, OffsetRecord } from '../record.ts'
import { type PendingOffsetRecord, supersede } from '../transactions.ts'
import type { Commit, CommitTransaction, OffsetToCommit } from './event.ts'
import { refuseMember } from './member-check.ts'
import type { Outbox } from './outbox.ts'
import type { CommitError, CommittedPartition } from './reply.ts'
import {
  type CompletingRebalance,
  type Dead,
  type Empty,
  emptyGroup,
  type GroupState,
  type Living,
  membersOf,
  type Populated,
  type PreparingRebalance,
  type Stable,
} from './state.ts'

/** Offsets without a group make a simple one: it has no record of its own and lives as long as its offsets. */
export function commitToNothing(state: Dead, event: Commit, out: Outbox): GroupState {
  if (state.unloaded) return refuse(state, event, 'COORDINATOR_NOT_AVAILABLE', out)
  if (event.generation >= 0) {
    return refuse(state, event, event.supportsGroupIdNotFound ? 'GROUP_ID_NOT_FOUND' : 'ILLEGAL_GENERATION', out)
  }
  return commitToEmpty(emptyGroup(state.groupId, out.now), event, out)
}

/** Without a generation the request is an administrator's, or of a consumer that does not use membership: nobody is in its way. */
export function commitToEmpty(state: Empty, event: Commit, out: Outbox): GroupState {
  const error = event.generation < 0 ? undefined : refuseCommit(state, event)
  return error === undefined ? store(state, event, out) : refuse(state, event, error, out)
}

/** A member commits its last positions before it joins again; the commit shows that it lives. */
export function commitAlive(state: PreparingRebalance | Stable, event: Commit, out: Outbox): GroupState {
  const error = refuseCommit(state, event)
  if (error !== undefined) return refuse(state, event, error, out)
  const member = state.members.get(event.memberId)
  if (event.transaction === null && member !== undefined) out.keepAlive(member)
  return store(state, event, out)
}

/** The member knows the generation but not its assignment yet, so that it cannot mean what it commits. Transactions are exempt. */
export function commitCompleting(state: CompletingRebalance, event: Commit, out: Outbox): GroupState {
  const error = refuseCommit(state, event) ?? (event.transaction !== null ? undefined : 'REBALANCE_IN_PROGRESS')
  return error === undefined ? store(state, event, out) : refuse(state, event, error, out)
}

function refuseCommit(state: Empty | Populated, event: Commit): CommitError | undefined {
  const { generation, memberId, instanceId } = event
  if (generation >= 0 || memberId !== '' || instanceId !== null) {
    const error = refuseMember(membersOf(state), memberId, instanceId)
    if (error !== undefined) return error
    return generation === state.generation ? undefined : 'ILLEGAL_GENERATION'
  }
  return event.transaction !== null ? undefined : 'UNKNOWN_MEMBER_ID'
}

function refuse<S extends GroupState>(state: S, event: Commit, error: CommitError, out: Outbox): S {
  out.reply(event.request, { kind: 'commitRefused', error })
  return state
}

function store<S extends Living>(state: S, event: Commit, out: Outbox): S {
  const { transaction } = event
  if (transaction !== null && !isOpen(transaction, event)) return refuse(state, event, 'TRANSACTION_ABORTABLE', out)
  const records: OffsetRecord[] = []
  const partitions: CommittedPartition[] = []
  const expireTimestampMs = event.retentionTimeMs === -1 ? -1 : out.now + event.retentionTimeMs
  for (const asked of event.offsets) {
    const { topic, partition } = asked
    const isTooLarge = (asked.metadata?.length ?? 0) > out.config.offsetMetadataLengthMax
    partitions.push({ topic, partition, error: isTooLarge ? 'OFFSET_METADATA_TOO_LARGE' : 'NONE' })
    if (!isTooLarge) records.push({ topic, partition, committed: committed(asked, out.now, expireTimestampMs) })
  }
  if (transaction === null) storeOffsets(state, event, records, out)
  else storePending(state, event, records, out)
  out.reply(event.request, { kind: 'committed', partitions })
  return state
}

/** False when a marker came after the coordinator was asked: whatever is stored now would wait for another one. */
function isOpen({ producerId, guard }: CommitTransaction, { transactions }: Commit): boolean {
  return transactions.guards.get(guard) === producerId
}

function storeOffsets(state: Living, { transactions }: Commit, records: readonly OffsetRecord[], out: Outbox): void {
  out.persistOffsets(state.groupId, records)
  out.persistPendingOffsets(
    state.groupId,
    records.flatMap(record => supersede(transactions, record, Number.POSITIVE_INFINITY)),
  )
}

function committed(asked: OffsetToCommit, now: number, expireTimestampMs: number): CommittedOffset {
  return {
    offset: asked.offset,
    leaderEpoch: asked.leaderEpoch,
    metadata: asked.metadata ?? '',
    commitTimestampMs: now,
    expireTimestampMs,
    topicId: asked.topicId,
  }
}

function storePending(state: Living, event: Commit, records: readonly OffsetRecord[], out: Outbox): void {
  const { transaction, transactions } = event
  assert(transaction !== null, 'offsets are pending in a transaction')
  const sequence = transactions.nextSequence
  const pending = records.flatMap(({ topic, partition, committed }): PendingOffsetRecord[] => {
    if (committed === null) return []
    const offset = { committed, sequence, isSuperseded: false }
    return [{ producerId: transaction.producerId, topic, partition, pending: offset }]
  })
  out.persistPendingOffsets(state.groupId, pending)
}
