/** LeaveGroup: several members at once, each with its own outcome, and one rebalance for all of them. */
import type { Leave, LeavingMember } from './event.ts'
import { refuseMember, staticMemberId } from './member-check.ts'
import type { Outbox } from './outbox.ts'
import { removeMembers, withoutPending } from './remove.ts'
import type { LeftMember, MemberError } from './reply.ts'
import {
  type Dead,
  type Empty,
  type GroupState,
  type Living,
  type MemberId,
  membersOf,
  type Populated,
} from './state.ts'

export function leaveNothing(state: Dead, event: Leave, out: Outbox): GroupState {
  if (state.unloaded) out.reply(event.request, { kind: 'leaveRefused', error: 'COORDINATOR_NOT_AVAILABLE' })
  else {
    const members = event.members.map(leaving => outcome(leaving, 'UNKNOWN_MEMBER_ID'))
    out.reply(event.request, { kind: 'left', members })
  }
  return state
}

export function leave(state: Empty | Populated, event: Leave, out: Outbox): GroupState {
  const goneIds = new Set<MemberId>()
  const results: LeftMember[] = []
  let left: Living = state
  for (const leaving of event.members) {
    if (leaving.memberId !== '' && left.pendingMembers.has(leaving.memberId)) {
      left = withoutPending(left, leaving.memberId, out)
      results.push(outcome(leaving, 'NONE'))
      continue
    }
    const found = find(state, leaving, goneIds)
    if (found.error === 'NONE') goneIds.add(found.memberId)
    results.push(outcome(leaving, found.error))
  }
  const next = settle(left, state, goneIds, out)
  out.reply(event.request, { kind: 'left', members: results })
  return next
}

/** An id that was handed out and is now given back changes nothing for a round that has begun; in Kafka it starts a needless one. */
function settle(left: Living, before: Living, goneIds: ReadonlySet<MemberId>, out: Outbox): GroupState {
  if (left.kind === 'Empty') return left
  if (goneIds.size === 0 && (left === before || left.kind !== 'PreparingRebalance')) return left
  return removeMembers(left, goneIds, out)
}

type Found = { readonly error: 'NONE'; readonly memberId: MemberId } | { readonly error: MemberError }

/** An administrator names a static member by its instance alone. A member that is named twice is unknown the second time. */
function find(state: Living, { memberId, instanceId }: LeavingMember, goneIds: ReadonlySet<MemberId>): Found {
  const members = membersOf(state)
  if (memberId === '') {
    const named = instanceId === null ? undefined : staticMemberId(members, instanceId)
    return named === undefined || goneIds.has(named)
      ? { error: 'UNKNOWN_MEMBER_ID' }
      : { error: 'NONE', memberId: named }
  }
  if (goneIds.has(memberId)) return { error: 'UNKNOWN_MEMBER_ID' }
  const error = refuseMember(members, memberId, instanceId)
  return error === undefined ? { error: 'NONE', memberId } : { error }
}

function outcome({ memberId, instanceId }: LeavingMember, error: LeftMember['error']): LeftMember {
  return { memberId, instanceId, error }
}
