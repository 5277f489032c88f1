/** Heartbeat, the hot path: the state stays the very same object, because liveness is in the timer and not in the member. */
import type { Heartbeat } from './event.ts'
import { refuseMember } from './member-check.ts'
import type { Outbox } from './outbox.ts'
import type { HeartbeatAnswered } from './reply.ts'
import type { CompletingRebalance, Dead, Empty, GroupState, Populated, PreparingRebalance, Stable } from './state.ts'

export function heartbeatNobody(state: Dead | Empty, event: Heartbeat, out: Outbox): GroupState {
  const isUnloaded = state.kind === 'Dead' && state.unloaded
  out.reply(event.request, answer(isUnloaded ? 'COORDINATOR_NOT_AVAILABLE' : 'UNKNOWN_MEMBER_ID'))
  return state
}

/** The heartbeat counts, and its answer calls the member to join. */
export function heartbeatPreparing(state: PreparingRebalance, event: Heartbeat, out: Outbox): GroupState {
  return heartbeat(state, event, 'REBALANCE_IN_PROGRESS', out)
}

export function heartbeatRound(state: CompletingRebalance | Stable, event: Heartbeat, out: Outbox): GroupState {
  return heartbeat(state, event, 'NONE', out)
}

function heartbeat(state: Populated, event: Heartbeat, error: HeartbeatAnswered['error'], out: Outbox): GroupState {
  const refused = refuseHeartbeat(state, event)
  if (refused === undefined) out.keepAlive(state.members.get(event.memberId)!)
  out.reply(event.request, answer(refused ?? error))
  return state
}

function refuseHeartbeat(state: Populated, event: Heartbeat): HeartbeatAnswered['error'] | undefined {
  const error = refuseMember(state.members, event.memberId, event.instanceId)
  if (error !== undefined) return error
  return event.generation === state.generation ? undefined : 'ILLEGAL_GENERATION'
}

function answer(error: HeartbeatAnswered['error']): HeartbeatAnswered {
  return { kind: 'heartbeat', error }
}
