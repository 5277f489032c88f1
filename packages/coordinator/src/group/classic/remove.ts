import { mapWithout } from '../../versioned-map.ts'
import { setWithout } from '../../versioned-set.ts'
import { beginRebalance, maybeCompleteJoin, proceed } from './join-phase.ts'
import type { Outbox } from './outbox.ts'
import {
  type GroupState,
  type Living,
  type MemberId,
  type Populated,
  type PreparingRebalance,
  sessionTimerOf,
} from './state.ts'

/** Takes the id from those that were handed out and not used. */
export function withoutPending<S extends Living>(state: S, memberId: MemberId, out: Outbox): S {
  out.disarm(sessionTimerOf(memberId))
  return { ...state, pendingMembers: setWithout(state.pendingMembers, memberId) }
}

/** If the member waits in its join it is told that it is unknown, so that it joins anew should it still live. */
export function withoutMembers(state: PreparingRebalance, ids: Iterable<MemberId>, out: Outbox): PreparingRebalance {
  let { members, joining } = state
  for (const id of ids) {
    const request = joining.get(id)
    if (request !== undefined) out.refuseJoin(request, 'UNKNOWN_MEMBER_ID', '')
    out.disarm(sessionTimerOf(id))
    joining = mapWithout(joining, id)
    members = mapWithout(members, id)
  }
  const leader =
    state.leader !== null && members.has(state.leader) ? state.leader : (members.keys().next().value ?? null)
  return { ...state, members, joining, leader }
}

/** Removes members and goes on with the group: a round that has begun has to begin again, one that gathers may now be complete. */
export function removeMembers(state: Populated, ids: Iterable<MemberId>, out: Outbox): GroupState {
  if (state.kind === 'PreparingRebalance') return maybeCompleteJoin(withoutMembers(state, ids, out), out)
  return proceed(withoutMembers(beginRebalance(state, out), ids, out), out)
}
