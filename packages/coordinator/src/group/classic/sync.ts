/** SyncGroup: members wait for the leader's assignment, which is stored before anyone sees it. */
import { mapWith } from '../../versioned-map.ts'
import { type SetView, setWithout } from '../../versioned-set.ts'
import type { Sync } from './event.ts'
import { refuseMember } from './member-check.ts'
import type { Outbox } from './outbox.ts'
import { groupRecord } from './replay.ts'
import type { SyncError, Synced } from './reply.ts'
import {
  type CompletingRebalance,
  type Dead,
  type Empty,
  type GroupState,
  type Member,
  type MemberId,
  type Members,
  NO_BYTES,
  type Populated,
  type PreparingRebalance,
  type Stable,
} from './state.ts'

export function syncNobody(state: Dead | Empty, event: Sync, out: Outbox): GroupState {
  const isUnloaded = state.kind === 'Dead' && state.unloaded
  out.refuseSync(event.request, isUnloaded ? 'COORDINATOR_NOT_AVAILABLE' : 'UNKNOWN_MEMBER_ID')
  return state
}

export function syncPreparing(state: PreparingRebalance, event: Sync, out: Outbox): GroupState {
  out.refuseSync(event.request, refuseSync(state, event) ?? 'REBALANCE_IN_PROGRESS')
  return state
}

export function syncCompleting(state: CompletingRebalance, event: Sync, out: Outbox): GroupState {
  const error = refuseSync(state, event)
  if (error !== undefined) {
    out.refuseSync(event.request, error)
    return state
  }
  const superseded = state.syncing.get(event.memberId)
  if (superseded !== undefined) out.refuseSync(superseded, 'REBALANCE_IN_PROGRESS')
  const syncing = mapWith(state.syncing, event.memberId, event.request)
  const next: CompletingRebalance = { ...state, syncing }
  return event.memberId === state.leader ? assign(next, event.assignments, out) : next
}

/** The member missed the answer, or comes after the leader: the assignment is there. */
export function syncStable(state: Stable, event: Sync, out: Outbox): GroupState {
  const error = refuseSync(state, event)
  if (error !== undefined) {
    out.refuseSync(event.request, error)
    return state
  }
  out.reply(event.request, synced(state, event.memberId))
  const pendingSync = withoutSync(state.pendingSync, event.memberId, out)
  return pendingSync === state.pendingSync ? state : { ...state, pendingSync }
}

/** Members that the leader left out get nothing; ids that it made up are ignored. */
function assign(state: CompletingRebalance, assignments: Sync['assignments'], out: Outbox): Stable {
  const { syncing, kind: _, ...round } = state
  const stable: Stable = {
    ...round,
    kind: 'Stable',
    stateTimestampMs: out.now,
    pendingSync: missingSyncs(state),
    members: assigned(state.members, assignments),
  }
  if (stable.pendingSync.size === 0) out.disarm('sync')
  out.persist(state.groupId, groupRecord(stable))
  for (const [memberId, request] of syncing) {
    out.reply(request, synced(stable, memberId))
    // Its session may have ended unnoticed while it waited.
    out.keepAlive(stable.members.get(memberId)!)
  }
  return stable
}

function assigned(members: Members, assignments: Sync['assignments']): Members {
  const next = new Map<MemberId, Member>()
  for (const [id, member] of members) next.set(id, { ...member, assignment: assignments.get(id) ?? NO_BYTES })
  return next
}

function synced(state: Stable, memberId: MemberId): Synced {
  const { protocolType, protocolName } = state
  return { kind: 'synced', protocolType, protocolName, assignment: state.members.get(memberId)!.assignment }
}

/** Members that have not sent SyncGroup in this generation. */
export function missingSyncs(state: CompletingRebalance | Stable): SetView<MemberId> {
  if (state.kind === 'Stable') return state.pendingSync
  const missing = new Set<MemberId>()
  for (const id of state.members.keys()) if (!state.syncing.has(id)) missing.add(id)
  return missing
}

function withoutSync(pendingSync: SetView<MemberId>, memberId: MemberId, out: Outbox): SetView<MemberId> {
  const left = setWithout(pendingSync, memberId)
  if (left.size === 0 && left !== pendingSync) out.disarm('sync')
  return left
}

function refuseSync(state: Populated, event: Sync): SyncError | undefined {
  const error = refuseMember(state.members, event.memberId, event.instanceId)
  if (error !== undefined) return error
  if (event.generation !== state.generation) return 'ILLEGAL_GENERATION'
  return differs(event.protocolType, state.protocolType) || differs(event.protocolName, state.protocolName)
    ? 'INCONSISTENT_GROUP_PROTOCOL'
    : undefined
}

function differs(asked: string | null, chosen: string | null): boolean {
  return asked !== null && chosen !== null && asked !== chosen
}
