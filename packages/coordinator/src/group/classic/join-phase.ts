/**
 * The join phase: members come in, and each is parked until all are there or the time is up. Then the round has a new generation,
 * a leader and a protocol, and every parked member hears of it at once.
 */
import { assert } from '@millrace/base'
import type { Outbox } from './outbox.ts'
import { groupRecord } from './replay.ts'
import type { Joined, JoinedMember } from './reply.ts'
import { metadataFor, selectProtocol } from './select-protocol.ts'
import {
  type CompletingRebalance,
  type Empty,
  type GroupState,
  type Member,
  type MemberId,
  type Members,
  NO_BYTES,
  NO_WAITING,
  type PreparingRebalance,
  type Stable,
} from './state.ts'
import { subscribedTopicsOf } from './subscription.ts'

/** Leaves the present round: whoever waits for an assignment is told to join again. What follows is `proceed`. */
export function beginRebalance(state: CompletingRebalance | Stable, out: Outbox): PreparingRebalance {
  let members = state.members
  if (state.kind === 'CompletingRebalance') {
    members = unassigned(members)
    for (const [memberId, request] of state.syncing) {
      out.refuseSync(request, 'REBALANCE_IN_PROGRESS')
      out.keepAlive(members.get(memberId)!)
    }
  }
  out.disarm('sync')
  return {
    kind: 'PreparingRebalance',
    groupId: state.groupId,
    generation: state.generation,
    protocolType: state.protocolType,
    protocolName: state.protocolName,
    stateTimestampMs: out.now,
    subscribedTopics: state.subscribedTopics,
    pendingMembers: state.pendingMembers,
    members,
    leader: state.leader,
    joining: NO_WAITING,
    initial: null,
  }
}

function unassigned(members: Members): Members {
  const next = new Map<MemberId, Member>()
  for (const [id, member] of members) next.set(id, { ...member, assignment: NO_BYTES })
  return next
}

/** After `beginRebalance`: ends the join phase if nobody is missing, else sets its deadline. */
export function proceed(state: PreparingRebalance, out: Outbox): GroupState {
  if (hasAllJoined(state)) return completeJoin(state, out)
  out.armIn('join', rebalanceTimeoutMs(state.members))
  return state
}

/** Within the join phase: ends it if nobody is missing. The first round of an empty group always waits for its delay. */
export function maybeCompleteJoin(state: PreparingRebalance, out: Outbox): GroupState {
  return state.initial === null && hasAllJoined(state) ? completeJoin(state, out) : state
}

export function hasAllJoined(state: PreparingRebalance): boolean {
  return state.joining.size === state.members.size && state.pendingMembers.size === 0
}

export function rebalanceTimeoutMs(members: Members): number {
  let longest = 0
  for (const member of members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs)
  return longest
}

/** The `join` timer: the first round waits on for as long as newcomers keep coming, within its budget. */
export function expireJoin(state: PreparingRebalance, out: Outbox): GroupState {
  const { initial } = state
  if (!initial?.newMemberAdded || initial.remainingMs === 0) return completeJoin(state, out)
  const delayMs = Math.min(out.config.initialRebalanceDelayMs, initial.remainingMs)
  const remainingMs = Math.max(initial.remainingMs - initial.delayMs, 0)
  out.armIn('join', delayMs)
  return { ...state, initial: { delayMs, remainingMs, newMemberAdded: false } }
}

/** Dynamic members that did not come are dropped; static ones stay, for they come back without a rebalance. */
export function completeJoin(state: PreparingRebalance, out: Outbox): GroupState {
  out.disarm('join')
  const members = new Map<MemberId, Member>()
  for (const [id, member] of state.members) {
    if (state.joining.has(id) || member.instanceId !== null) members.set(id, member)
    else out.disarm(member.sessionTimer)
  }
  if (members.size === 0) return becomeEmpty(state, out)
  const leader = electLeader(state, members)
  if (leader === undefined) {
    // Only static members are left and none came: wait until one does, or until their sessions end.
    out.armIn('join', rebalanceTimeoutMs(members))
    return { ...state, members, leader: members.keys().next().value!, initial: null }
  }
  return startGeneration(state, members, leader, out)
}

/** The leader stays if it came, or else whoever came first. */
function electLeader(state: PreparingRebalance, members: Members): MemberId | undefined {
  if (state.leader !== null && state.joining.has(state.leader)) return state.leader
  for (const id of members.keys()) if (state.joining.has(id)) return id
  return undefined
}

function becomeEmpty(state: PreparingRebalance, out: Outbox): Empty {
  const empty: Empty = {
    kind: 'Empty',
    groupId: state.groupId,
    generation: state.generation + 1,
    protocolType: state.protocolType,
    protocolName: null,
    stateTimestampMs: out.now,
    subscribedTopics: subscribedTopicsOf(state.protocolType, null, new Map()),
    pendingMembers: state.pendingMembers,
  }
  out.persist(state.groupId, groupRecord(empty))
  return empty
}

/** Takes the members over. */
function startGeneration(
  state: PreparingRebalance,
  members: Map<MemberId, Member>,
  leader: MemberId,
  out: Outbox,
): CompletingRebalance {
  const { protocolType } = state
  assert(protocolType !== null, 'a group with members has a protocol type')
  for (const [id, member] of members) if (member.isNew) members.set(id, { ...member, isNew: false })
  const protocolName = selectProtocol(members)
  const completing: CompletingRebalance = {
    kind: 'CompletingRebalance',
    groupId: state.groupId,
    generation: state.generation + 1,
    protocolType,
    protocolName,
    stateTimestampMs: out.now,
    subscribedTopics: subscribedTopicsOf(protocolType, protocolName, members),
    pendingMembers: state.pendingMembers,
    members,
    leader,
    syncing: NO_WAITING,
  }
  for (const [id, member] of members) {
    const request = state.joining.get(id)
    if (request !== undefined) out.reply(request, joined(completing, id))
    out.keepAlive(member)
  }
  out.armIn('sync', rebalanceTimeoutMs(members))
  return completing
}

/** The present round as one of its members is told of it. */
export function joined(state: CompletingRebalance | Stable, memberId: MemberId): Joined {
  return {
    kind: 'joined',
    memberId,
    generation: state.generation,
    protocolType: state.protocolType,
    protocolName: state.protocolName,
    leader: state.leader,
    skipAssignment: false,
    members: memberId === state.leader ? joinedMembers(state) : [],
  }
}

export function joinedMembers(state: CompletingRebalance | Stable): JoinedMember[] {
  return [...state.members.values()].map(member => ({
    memberId: member.memberId,
    instanceId: member.instanceId,
    metadata: metadataFor(member, state.protocolName),
  }))
}
