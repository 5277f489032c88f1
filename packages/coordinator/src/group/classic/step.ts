/**
 * The only way to change a classic group. `step` reads no clock, draws no random number and touches no socket or disk: what it needs
 * is in the event, and what is to be done leaves as effects. The table says what every event means in every state; SPEC.md shows it
 * to people, and a test holds the two together.
 */
import type { GroupConfig } from '../config.ts'
import { commitAlive, commitCompleting, commitToEmpty, commitToNothing } from './commit.ts'
import type { GroupEffect } from './effect.ts'
import { endNothing, endTransaction } from './end-transaction.ts'
import type { GroupEvent, GroupEventKind } from './event.ts'
import { expireEmpty, expirePreparing, expireRound } from './expire.ts'
import { heartbeatNobody, heartbeatPreparing, heartbeatRound } from './heartbeat.ts'
import { createGroup, joinEmpty, joinPreparing, joinRound } from './join.ts'
import { leave, leaveNothing } from './leave.ts'
import { abandonRound, goOn, ignore, refuseFailed, unload, wake } from './lifetime.ts'
import { Outbox } from './outbox.ts'
import {
  deleteFromNothing,
  deleteGroup,
  deleteOffsets,
  deleteOffsetsInUse,
  expireOffsetsOfEmpty,
  expireOffsetsOfStable,
  keepGroup,
} from './retention.ts'
import type { GroupState, GroupStateKind } from './state.ts'
import { syncCompleting, syncNobody, syncPreparing, syncStable } from './sync.ts'

export interface GroupStep {
  readonly state: GroupState
  readonly effects: readonly GroupEffect[]
}

type StateOf<K extends GroupStateKind> = Extract<GroupState, { kind: K }>
type EventOf<K extends GroupEventKind> = Extract<GroupEvent, { kind: K }>
type Transition<S extends GroupState, E extends GroupEvent> = (state: S, event: E, out: Outbox) => GroupState
type Table = {
  readonly [S in GroupStateKind]: { readonly [E in GroupEventKind]: Transition<StateOf<S>, EventOf<E>> }
}

export const TRANSITIONS: Table = {
  Dead: {
    join: createGroup,
    sync: syncNobody,
    heartbeat: heartbeatNobody,
    leave: leaveNothing,
    commit: commitToNothing,
    endTransaction: endNothing,
    deleteOffsets: deleteFromNothing,
    deleteGroup: deleteFromNothing,
    expireOffsets: ignore,
    expire: ignore,
    loaded: ignore,
    unload: ignore,
    failed: refuseFailed,
  },
  Empty: {
    join: joinEmpty,
    sync: syncNobody,
    heartbeat: heartbeatNobody,
    leave,
    commit: commitToEmpty,
    endTransaction,
    deleteOffsets,
    deleteGroup,
    expireOffsets: expireOffsetsOfEmpty,
    expire: expireEmpty,
    loaded: ignore,
    unload,
    failed: goOn,
  },
  PreparingRebalance: {
    join: joinPreparing,
    sync: syncPreparing,
    heartbeat: heartbeatPreparing,
    leave,
    commit: commitAlive,
    endTransaction,
    deleteOffsets: deleteOffsetsInUse,
    deleteGroup: keepGroup,
    expireOffsets: ignore,
    expire: expirePreparing,
    loaded: ignore,
    unload,
    failed: goOn,
  },
  CompletingRebalance: {
    join: joinRound,
    sync: syncCompleting,
    heartbeat: heartbeatRound,
    leave,
    commit: commitCompleting,
    endTransaction,
    deleteOffsets: deleteOffsetsInUse,
    deleteGroup: keepGroup,
    expireOffsets: ignore,
    expire: expireRound,
    loaded: ignore,
    unload,
    failed: abandonRound,
  },
  Stable: {
    join: joinRound,
    sync: syncStable,
    heartbeat: heartbeatRound,
    leave,
    commit: commitAlive,
    endTransaction,
    deleteOffsets: deleteOffsetsInUse,
    deleteGroup: keepGroup,
    expireOffsets: expireOffsetsOfStable,
    expire: expireRound,
    loaded: wake,
    unload,
    failed: goOn,
  },
}

export function step(state: GroupState, event: GroupEvent, config: GroupConfig): GroupStep {
  const out = new Outbox(config, event.now)
  // The table pairs kinds with their own transitions; TypeScript cannot follow the pairing through two look-ups.
  const transition = TRANSITIONS[state.kind][event.kind] as Transition<GroupState, GroupEvent>
  return { state: transition(state, event, out), effects: out.effects }
}
