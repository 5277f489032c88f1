/** The group's life on this node, and what becomes of it when a write fails. */
import type { Expire, Failed, GroupEvent, Loaded, Unload } from './event.ts'
import { expireEmpty, expirePreparing, expireRound } from './expire.ts'
import { beginRebalance, proceed } from './join-phase.ts'
import { leave } from './leave.ts'
import type { Outbox } from './outbox.ts'
import {
  type CompletingRebalance,
  type Dead,
  type Empty,
  type GroupState,
  type Living,
  membersOf,
  NO_WAITING,
  type Populated,
  type Stable,
  sessionTimerOf,
} from './state.ts'

/** Members that were there before a restart get one session timeout to show themselves. */
export function wake(state: Stable, _event: Loaded, out: Outbox): GroupState {
  for (const member of state.members.values()) out.keepAlive(member)
  // The limit was lowered: a rebalance lets members commit before some of them are turned away.
  return state.members.size > out.config.groupSizeMax ? proceed(beginRebalance(state, out), out) : state
}

export function ignore<S extends GroupState>(state: S): S {
  return state
}

export function unload(state: Living, _event: Unload, out: Outbox): Dead {
  if (state.kind === 'PreparingRebalance') {
    for (const [memberId, request] of state.joining) out.refuseJoin(request, 'NOT_COORDINATOR', memberId)
  }
  if (state.kind === 'CompletingRebalance') {
    for (const request of state.syncing.values()) out.refuseSync(request, 'NOT_COORDINATOR')
  }
  for (const { sessionTimer } of membersOf(state).values()) out.disarm(sessionTimer)
  for (const memberId of state.pendingMembers) out.disarm(sessionTimerOf(memberId))
  out.disarm('join')
  out.disarm('sync')
  return { kind: 'Dead', groupId: state.groupId, unloaded: true }
}

/** The request is told, and the group stays as it was. */
export function refuseFailed<S extends GroupState>(state: S, { event, error }: Failed, out: Outbox): S {
  answerFailed(event, error, out)
  return state
}

/** The assignment could not be stored: all who wait for it hear why, and have to join again. */
export function abandonRound(state: CompletingRebalance, failed: Failed, out: Outbox): GroupState {
  const { event, error } = failed
  if (event.kind !== 'sync') return goOn(state, failed, out)
  out.refuseSync(event.request, error)
  for (const [memberId, request] of state.syncing) {
    if (memberId === event.memberId) out.refuseSync(request, 'REBALANCE_IN_PROGRESS')
    else out.refuseSync(request, error)
    out.keepAlive(state.members.get(memberId)!)
  }
  return proceed(beginRebalance({ ...state, syncing: NO_WAITING }, out), out)
}

/**
 * Members that left are gone, stored or not. Should this node stop before the next write, an older generation comes back whose
 * members never show themselves, and lapses.
 */
export function goOn(state: Empty | Populated, failed: Failed, out: Outbox): GroupState {
  const { event } = failed
  if (event.kind !== 'leave' && event.kind !== 'expire') return refuseFailed(state, failed, out)
  const next = event.kind === 'leave' ? leave(state, event, out) : goOnExpiring(state, event, out)
  out.dropWrites()
  return next
}

function goOnExpiring(state: Empty | Populated, event: Expire, out: Outbox): GroupState {
  switch (state.kind) {
    case 'Empty':
      return expireEmpty(state, event, out)
    case 'PreparingRebalance':
      return expirePreparing(state, event, out)
    case 'CompletingRebalance':
    case 'Stable':
      return expireRound(state, event, out)
    default:
      return state satisfies never
  }
}

function answerFailed(event: GroupEvent, error: Failed['error'], out: Outbox): void {
  switch (event.kind) {
    case 'join':
      return out.refuseJoin(event.request, error, '')
    case 'sync':
      return out.refuseSync(event.request, error)
    case 'heartbeat':
      return out.reply(event.request, { kind: 'heartbeat', error })
    case 'leave':
      return out.reply(event.request, { kind: 'leaveRefused', error })
    case 'commit':
      return out.reply(event.request, { kind: 'commitRefused', error })
    case 'endTransaction':
      return out.reply(event.request, { kind: 'transactionNotEnded', error })
    case 'deleteOffsets':
    case 'deleteGroup':
      return out.reply(event.request, { kind: 'deleteRefused', error })
    case 'expire':
    case 'expireOffsets':
    case 'loaded':
    case 'unload':
    case 'failed':
      return
    default:
      return event satisfies never
  }
}
