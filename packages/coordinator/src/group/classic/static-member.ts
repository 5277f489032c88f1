/**
 * KIP-345: a static member that restarts comes without its member id. It takes its predecessor's place, who is fenced from then on,
 * and as long as the group is stable and its protocol stays, nobody else notices.
 */
import { mapWith, mapWithout } from '../../versioned-map.ts'
import { setWith, setWithout } from '../../versioned-set.ts'
import type { Join } from './event.ts'
import { beginRebalance, joinedMembers, maybeCompleteJoin, proceed } from './join-phase.ts'
import type { Outbox } from './outbox.ts'
import { groupRecord } from './replay.ts'
import { selectProtocol } from './select-protocol.ts'
import {
  type GroupState,
  type Member,
  type MemberId,
  type Members,
  type Populated,
  type PreparingRebalance,
  type Stable,
  sessionTimerOf,
} from './state.ts'
import { subscribedTopicsOf } from './subscription.ts'

export interface Takeover {
  readonly event: Join
  readonly oldMemberId: MemberId
  readonly newMemberId: MemberId
}

export function takeOver(state: Populated, takeover: Takeover, out: Outbox): GroupState {
  const fenced = fence(state, takeover, out)
  const members = replaced(fenced.members, takeover)
  out.keepAlive(members.get(takeover.newMemberId)!)
  const leader = fenced.leader === takeover.oldMemberId ? takeover.newMemberId : fenced.leader
  switch (fenced.kind) {
    case 'PreparingRebalance':
      return maybeCompleteJoin(park({ ...fenced, members, leader }, takeover), out)
    case 'CompletingRebalance': {
      // The leader may be assigning to the old id at this moment, so the round cannot be kept.
      return proceed(park(beginRebalance({ ...fenced, members, leader: leader! }, out), takeover), out)
    }
    case 'Stable': {
      const next: Stable = { ...fenced, members, leader: leader! }
      if (selectProtocol(members) === fenced.protocolName) return keepRound(next, state.leader!, takeover, out)
      return proceed(park(beginRebalance(next, out), takeover), out)
    }
    default:
      return fenced satisfies never
  }
}

/** Whatever the predecessor waits for, it is not given: it may be another process with the same instance id. */
function fence<S extends Populated>(state: S, { oldMemberId }: Takeover, out: Outbox): S {
  out.disarm(sessionTimerOf(oldMemberId))
  if (state.kind === 'PreparingRebalance') {
    const request = state.joining.get(oldMemberId)
    if (request === undefined) return state
    out.refuseJoin(request, 'FENCED_INSTANCE_ID', oldMemberId)
    return { ...state, joining: mapWithout(state.joining, oldMemberId) }
  }
  if (state.kind === 'CompletingRebalance') {
    const request = state.syncing.get(oldMemberId)
    if (request === undefined) return state
    out.refuseSync(request, 'FENCED_INSTANCE_ID')
    return { ...state, syncing: mapWithout(state.syncing, oldMemberId) }
  }
  return state
}

function replaced(members: Members, { event, oldMemberId, newMemberId }: Takeover): Members {
  const { protocols, rebalanceTimeoutMs, sessionTimeoutMs } = event
  const next = new Map<MemberId, Member>()
  for (const [id, member] of members) {
    if (id !== oldMemberId) next.set(id, member)
    else {
      next.set(newMemberId, {
        ...member,
        memberId: newMemberId,
        sessionTimer: sessionTimerOf(newMemberId),
        protocols,
        rebalanceTimeoutMs,
        sessionTimeoutMs,
        isNew: false,
      })
    }
  }
  return next
}

function park(state: PreparingRebalance, { event, newMemberId }: Takeover): PreparingRebalance {
  return { ...state, joining: mapWith(state.joining, newMemberId, event.request) }
}

/**
 * A newcomer that leads must not assign again. Version 9 and up can be told so (KIP-814); older ones are told that the old id
 * leads, which makes them followers.
 */
function keepRound(state: Stable, oldLeader: MemberId, takeover: Takeover, out: Outbox): Stable {
  const { event, oldMemberId, newMemberId } = takeover
  let { pendingSync } = state
  if (pendingSync.has(oldMemberId)) {
    pendingSync = setWith(setWithout(pendingSync, oldMemberId), newMemberId)
  }
  const subscribedTopics = subscribedTopicsOf(state.protocolType, state.protocolName, state.members)
  const next: Stable = { ...state, pendingSync, subscribedTopics }
  const leads = event.supportsSkippingAssignment && state.leader === newMemberId
  out.persist(state.groupId, groupRecord(next))
  out.reply(event.request, {
    kind: 'joined',
    memberId: newMemberId,
    generation: state.generation,
    protocolType: state.protocolType,
    protocolName: state.protocolName,
    leader: event.supportsSkippingAssignment ? state.leader : oldLeader,
    skipAssignment: leads,
    members: leads ? joinedMembers(next) : [],
  })
  return next
}
