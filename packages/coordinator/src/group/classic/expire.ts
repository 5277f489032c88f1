/** Timers that have run out. A timer that no longer means anything in the group's state is ignored. */
import type { Expire } from './event.ts'
import { beginRebalance, completeJoin, expireJoin, hasAllJoined, proceed } from './join-phase.ts'
import type { Outbox } from './outbox.ts'
import { withoutMembers, withoutPending } from './remove.ts'
import type {
  CompletingRebalance,
  Empty,
  GroupState,
  MemberId,
  Populated,
  PreparingRebalance,
  Stable,
} from './state.ts'
import { missingSyncs } from './sync.ts'

const SESSION = 'session:'

export function expireEmpty(state: Empty, event: Expire, out: Outbox): GroupState {
  const memberId = sessionOf(event)
  return memberId !== undefined && state.pendingMembers.has(memberId) ? withoutPending(state, memberId, out) : state
}

export function expirePreparing(state: PreparingRebalance, event: Expire, out: Outbox): GroupState {
  if (event.timer === 'join') return expireJoin(state, out)
  const left = withoutSession(state, event, out)
  // Unlike a member that leaves, one that lapses ends even the first round's delay, as it does in Kafka.
  return left !== state && hasAllJoined(left) ? completeJoin(left, out) : left
}

export function expireRound(state: CompletingRebalance | Stable, event: Expire, out: Outbox): GroupState {
  if (event.timer !== 'sync') {
    const memberId = sessionOf(event)
    if (memberId === undefined || isAlive(state, memberId)) return state
    if (!state.members.has(memberId)) {
      return state.pendingMembers.has(memberId) ? withoutPending(state, memberId, out) : state
    }
    return proceed(withoutMembers(beginRebalance(state, out), [memberId], out), out)
  }
  const missing = missingSyncs(state)
  return missing.size === 0 ? state : proceed(withoutMembers(beginRebalance(state, out), missing, out), out)
}

function withoutSession(state: PreparingRebalance, event: Expire, out: Outbox): PreparingRebalance {
  const memberId = sessionOf(event)
  if (memberId === undefined || isAlive(state, memberId)) return state
  if (state.members.has(memberId)) return withoutMembers(state, [memberId], out)
  return state.pendingMembers.has(memberId) ? withoutPending(state, memberId, out) : state
}

/** Who waits for an answer cannot heartbeat, and counts as alive; but a newcomer waits no longer than its own limit. */
function isAlive(state: Populated, memberId: MemberId): boolean {
  const member = state.members.get(memberId)
  return member !== undefined && !member.isNew && isWaiting(state, memberId)
}

function isWaiting(state: Populated, memberId: MemberId): boolean {
  switch (state.kind) {
    case 'PreparingRebalance':
      return state.joining.has(memberId)
    case 'CompletingRebalance':
      return state.syncing.has(memberId)
    case 'Stable':
      return false
    default:
      return state satisfies never
  }
}

function sessionOf({ timer }: Expire): MemberId | undefined {
  return timer.startsWith(SESSION) ? timer.slice(SESSION.length) : undefined
}
