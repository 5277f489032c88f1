/** JoinGroup: newcomers, pending members that come with their new id, static members that come back, and members that rejoin. */
import { mapWith } from '../../versioned-map.ts'
import { setWith } from '../../versioned-set.ts'
import type { Join } from './event.ts'
import { beginRebalance, joined, maybeCompleteJoin, proceed } from './join-phase.ts'
import { refuseMember, staticMemberId } from './member-check.ts'
import type { Outbox } from './outbox.ts'
import { withoutMembers, withoutPending } from './remove.ts'
import { groupRecord } from './replay.ts'
import type { JoinError } from './reply.ts'
import { sameProtocols, supportsProtocols } from './select-protocol.ts'
import {
  type CompletingRebalance,
  type Dead,
  type Empty,
  emptyGroup,
  type GroupState,
  type Living,
  type Member,
  type MemberId,
  membersOf,
  NO_BYTES,
  type Populated,
  type PreparingRebalance,
  type Stable,
  sessionTimerOf,
} from './state.ts'
import { takeOver } from './static-member.ts'

/** A newcomer makes the group, and the group is stored even if the newcomer is then refused or has yet to come again. */
export function createGroup(state: Dead, event: Join, out: Outbox): GroupState {
  const error = refuseRequest(state.groupId, event, out) ?? refuseAbsent(state, event)
  if (error !== undefined) return refuse(state, event, error, out)
  const created = emptyGroup(state.groupId, out.now)
  out.persist(state.groupId, groupRecord(created))
  return joinEmpty(created, event, out)
}

function refuseAbsent(state: Dead, event: Join): JoinError | undefined {
  if (state.unloaded) return 'COORDINATOR_NOT_AVAILABLE'
  return event.memberId === '' ? undefined : 'UNKNOWN_MEMBER_ID'
}

export function joinEmpty(state: Empty, event: Join, out: Outbox): GroupState {
  const error = refuseRequest(state.groupId, event, out)
  return error === undefined ? admit(state, event, out) : refuse(state, event, error, out)
}

/** The group counts those who wait, not its members, so that the last to rejoin are the ones that a lowered limit turns away. */
export function joinPreparing(state: PreparingRebalance, event: Join, out: Outbox): GroupState {
  const error = refuseRequest(state.groupId, event, out)
  if (error !== undefined) return refuse(state, event, error, out)
  const hasRoom = state.joining.has(event.memberId) || state.joining.size < out.config.groupSizeMax
  return hasRoom ? admit(state, event, out) : turnAway(state, event, out)
}

export function joinRound(state: CompletingRebalance | Stable, event: Join, out: Outbox): GroupState {
  const error = refuseRequest(state.groupId, event, out)
  if (error !== undefined) return refuse(state, event, error, out)
  const hasRoom = state.members.has(event.memberId) || state.members.size < out.config.groupSizeMax
  return hasRoom ? admit(state, event, out) : turnAway(state, event, out)
}

function refuseRequest(groupId: string, event: Join, { config }: Outbox): JoinError | undefined {
  if (groupId === '') return 'INVALID_GROUP_ID'
  return event.sessionTimeoutMs < config.sessionTimeoutMsMin || event.sessionTimeoutMs > config.sessionTimeoutMsMax
    ? 'INVALID_SESSION_TIMEOUT'
    : undefined
}

function refuse<S extends GroupState>(state: S, event: Join, error: JoinError, out: Outbox): S {
  out.refuseJoin(event.request, error, event.memberId)
  return state
}

/** There is no place for the member: if it was in the group, or had an id, it no longer has. */
function turnAway(state: Populated, event: Join, out: Outbox): GroupState {
  out.refuseJoin(event.request, 'GROUP_MAX_SIZE_REACHED', '')
  const left = state.pendingMembers.has(event.memberId) ? withoutPending(state, event.memberId, out) : state
  if (left.kind !== 'PreparingRebalance') return left
  return maybeCompleteJoin(left.members.has(event.memberId) ? withoutMembers(left, [event.memberId], out) : left, out)
}

function admit(state: Living, event: Join, out: Outbox): GroupState {
  if (!supportsProtocols(state, event.protocolType, event.protocols)) {
    return refuse(state, event, 'INCONSISTENT_GROUP_PROTOCOL', out)
  }
  return event.memberId === '' ? joinNewcomer(state, event, out) : joinKnown(state, event, out)
}

function joinNewcomer(state: Living, event: Join, out: Outbox): GroupState {
  const memberId = `${event.instanceId ?? event.clientId}-${event.uuid}`
  if (event.instanceId === null) {
    return event.memberIdRequired ? handOutId(state, event, memberId, out) : addMember(state, event, memberId, out)
  }
  const replaced = staticMemberId(membersOf(state), event.instanceId)
  return replaced === undefined || state.kind === 'Empty'
    ? addMember(state, event, memberId, out)
    : takeOver(state, { event, oldMemberId: replaced, newMemberId: memberId }, out)
}

/** KIP-394: the id lapses unless its owner comes again with it, so a client that never hears the answer leaves no ghost behind. */
function handOutId(state: Living, event: Join, memberId: MemberId, out: Outbox): Living {
  if (state.pendingMembers.size >= out.config.pendingMembersMax) {
    out.refuseJoin(event.request, 'GROUP_MAX_SIZE_REACHED', '')
    return state
  }
  out.refuseJoin(event.request, 'MEMBER_ID_REQUIRED', memberId)
  out.armIn(sessionTimerOf(memberId), event.sessionTimeoutMs)
  return { ...state, pendingMembers: setWith(state.pendingMembers, memberId) }
}

function joinKnown(state: Living, event: Join, out: Outbox): GroupState {
  const { memberId, instanceId } = event
  if (instanceId === null && state.pendingMembers.has(memberId)) {
    return addMember(withoutPending(state, memberId, out), event, memberId, out)
  }
  const error = refuseMember(membersOf(state), memberId, instanceId)
  if (error !== undefined || state.kind === 'Empty') return refuse(state, event, error ?? 'UNKNOWN_MEMBER_ID', out)
  return rejoin(state, event, out)
}

/**
 * Who comes again with nothing new has only missed the answer, and gets the present round. A stable group's leader is taken at
 * its word: it joins to have the assignment made anew for reasons that its metadata does not show.
 */
function rejoin(state: Populated, event: Join, out: Outbox): GroupState {
  const { memberId } = event
  const member = state.members.get(memberId)!
  if (state.kind === 'PreparingRebalance')
    return maybeCompleteJoin(withJoining(state, renewed(member, event), event, out), out)
  const leads = state.kind === 'Stable' && state.leader === memberId
  if (!leads && sameProtocols(member.protocols, event.protocols)) {
    out.reply(event.request, joined(state, memberId))
    return state
  }
  return proceed(withJoining(beginRebalance(state, out), renewed(member, event), event, out), out)
}

function renewed(member: Member, event: Join): Member {
  const { protocols, rebalanceTimeoutMs, sessionTimeoutMs } = event
  return { ...member, protocols, rebalanceTimeoutMs, sessionTimeoutMs }
}

function withJoining(state: PreparingRebalance, member: Member, event: Join, out: Outbox): PreparingRebalance {
  const superseded = state.joining.get(member.memberId)
  if (superseded !== undefined) out.refuseJoin(superseded, 'REBALANCE_IN_PROGRESS', member.memberId)
  return {
    ...state,
    members: mapWith(state.members, member.memberId, member),
    joining: mapWith(state.joining, member.memberId, event.request),
  }
}

function addMember(state: Living, event: Join, memberId: MemberId, out: Outbox): GroupState {
  const member: Member = {
    memberId,
    sessionTimer: sessionTimerOf(memberId),
    instanceId: event.instanceId,
    clientId: event.clientId,
    clientHost: event.clientHost,
    rebalanceTimeoutMs: event.rebalanceTimeoutMs,
    sessionTimeoutMs: event.sessionTimeoutMs,
    protocols: event.protocols,
    assignment: NO_BYTES,
    isNew: true,
  }
  out.armIn(member.sessionTimer, out.config.newMemberJoinTimeoutMs)
  switch (state.kind) {
    case 'Empty':
      return firstMember(state, member, event, out)
    case 'PreparingRebalance': {
      const initial = state.initial === null ? null : { ...state.initial, newMemberAdded: true }
      const protocolType = state.members.size === 0 ? event.protocolType : state.protocolType
      const leader = state.leader ?? memberId
      return maybeCompleteJoin(withJoining({ ...state, initial, protocolType, leader }, member, event, out), out)
    }
    case 'CompletingRebalance':
    case 'Stable':
      return proceed(withJoining(beginRebalance(state, out), member, event, out), out)
    default:
      return state satisfies never
  }
}

/** An empty group's first round waits a while, since those who start a group seldom start one member alone (KIP-134). */
function firstMember(state: Empty, member: Member, event: Join, out: Outbox): PreparingRebalance {
  const delayMs = out.config.initialRebalanceDelayMs
  out.armIn('join', delayMs)
  return {
    ...state,
    kind: 'PreparingRebalance',
    protocolType: event.protocolType,
    stateTimestampMs: out.now,
    members: new Map([[member.memberId, member]]),
    leader: member.memberId,
    joining: new Map([[member.memberId, event.request]]),
    initial: {
      delayMs,
      remainingMs: Math.max(member.rebalanceTimeoutMs - delayMs, 0),
      newMemberAdded: false,
    },
  }
}
