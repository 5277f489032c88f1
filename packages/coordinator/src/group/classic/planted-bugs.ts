/** Groups with one bug each: the simulation must find every one. */
import { type Honest, type PlantedBug, spoilers } from '../../simulation/planted-bug.ts'
import { DEFAULT_GROUP_CONFIG } from '../config.ts'
import { NO_TRANSACTIONS } from '../transactions.ts'
import type { GroupEffect } from './effect.ts'
import type { GroupEvent } from './event.ts'
import type { StepFunction } from './simulated-shell.ts'
import { type GroupState, type Member, membersOf, NO_IDS, type Stable } from './state.ts'
import { step } from './step.ts'

export type GroupBug = PlantedBug<StepFunction>
type Seen = Honest<GroupState, GroupEvent, GroupEffect>

const { bug, effectBug, replyBug } = spoilers(step)

function stableBug(name: string, breaks: RegExp, change: (state: Stable, honest: Seen) => GroupState): GroupBug {
  return bug(name, breaks, honest => ({
    state: honest.state.kind === 'Stable' ? change(honest.state, honest) : honest.state,
    effects: honest.effects,
  }))
}

function firstOf(state: GroupState): Member | undefined {
  return membersOf(state).values().next().value
}

const answers: readonly GroupBug[] = [
  effectBug('answers a waiting sync twice', /I1/, effect =>
    effect.kind === 'reply' && effect.reply.kind === 'synced' ? [effect, effect] : [effect],
  ),
  replyBug('forgets the join that a second one replaces', /I1/, (reply, { state }) =>
    reply.kind === 'joinRefused' && reply.error === 'REBALANCE_IN_PROGRESS' && state.kind !== 'Stable'
      ? undefined
      : reply,
  ),
  replyBug('forgets the syncs whose write failed', /I1/, (reply, { event }) =>
    event.kind === 'failed' && reply.kind === 'syncRefused' ? undefined : reply,
  ),
  replyBug('forgets the joins of a group that it unloads', /I1/, (reply, { event }) =>
    event.kind === 'unload' ? undefined : reply,
  ),
  replyBug('tells every member that it leads', /I11/, (reply, { state }) =>
    reply.kind === 'joined' && state.kind === 'CompletingRebalance' ? { ...reply, leader: reply.memberId } : reply,
  ),
  replyBug('gives the members to followers too', /I11/, (reply, { state }) =>
    reply.kind === 'joined' && state.kind === 'CompletingRebalance' && reply.members.length === 0
      ? { ...reply, members: [{ memberId: 'x', instanceId: null, metadata: new Uint8Array() }] }
      : reply,
  ),
  replyBug('takes heartbeats of an older generation', /I12|I13/, reply =>
    reply.kind === 'heartbeat' && reply.error === 'ILLEGAL_GENERATION' ? { ...reply, error: 'NONE' } : reply,
  ),
  replyBug('takes heartbeats of a fenced instance', /I12/, reply =>
    reply.kind === 'heartbeat' && reply.error === 'FENCED_INSTANCE_ID' ? { ...reply, error: 'NONE' } : reply,
  ),
]

const writes: readonly GroupBug[] = [
  bug('shows assignments before they are stored', /I2/, ({ state, effects }) => ({
    state,
    effects: [...effects.filter(({ kind }) => kind !== 'persist'), ...effects.filter(({ kind }) => kind === 'persist')],
  })),
  effectBug('does not store assignments', /I4|I10/, (effect, { event }) =>
    effect.kind === 'persist' && event.kind === 'sync' ? [] : [effect],
  ),
  effectBug('does not store that the group is empty', /I10/, (effect, { state, before }) =>
    effect.kind === 'persist' && state.kind === 'Empty' && before.kind !== 'Dead' ? [] : [effect],
  ),
  effectBug('does not store a takeover', /I10/, (effect, { event, state }) =>
    effect.kind === 'persist' && event.kind === 'join' && state.kind === 'Stable' ? [] : [effect],
  ),
  effectBug('leaves offsets behind when it deletes a group', /I10/, (effect, { event }) =>
    effect.kind === 'persistOffsets' && event.kind === 'deleteGroup' ? [] : [effect],
  ),
  effectBug('confirms commits that it does not store', /I14/, (effect, { event }) =>
    effect.kind === 'persistOffsets' && event.kind === 'commit' ? [] : [effect],
  ),
  bug('stores commits that it refuses', /I14/, ({ state, effects, event }) => {
    if (
      event.kind !== 'commit' ||
      !effects.some(effect => effect.kind === 'reply' && effect.reply.kind === 'commitRefused')
    ) {
      return { state, effects }
    }
    const records = event.offsets.map(({ topic, partition }) => ({ topic, partition, committed: null }))
    return { state, effects: [{ kind: 'persistOffsets', groupId: state.groupId, records }, ...effects] }
  }),
]

const transactions: readonly GroupBug[] = [
  effectBug('loses what a transaction commits', /I16/, (effect, { event }) =>
    effect.kind === 'persistOffsets' && event.kind === 'endTransaction' ? [] : [effect],
  ),
  bug('commits what a transaction aborts', /I16/, ({ before, event, state, effects }) =>
    event.kind === 'endTransaction'
      ? step(before, { ...event, committed: true }, DEFAULT_GROUP_CONFIG)
      : { state, effects },
  ),
  bug('lets a marker undo later commits', /I16/, ({ state, effects }) => ({
    state,
    effects: effects.map(effect =>
      effect.kind === 'persistPendingOffsets'
        ? { ...effect, records: effect.records.filter(({ pending }) => !pending?.isSuperseded) }
        : effect,
    ),
  })),
  effectBug('leaves guards whole at a marker', /I17/, effect => (effect.kind === 'breakGuards' ? [] : [effect])),
  bug('expires a group whose offsets are pending', /I10|I16/, ({ before, event, state, effects }) => {
    if (event.kind !== 'expireOffsets') return { state, effects }
    const blind = { ...event, transactions: NO_TRANSACTIONS }
    return step(before, blind, { ...DEFAULT_GROUP_CONFIG, offsetsRetentionMs: 60_000 })
  }),
]

const timers: readonly GroupBug[] = [
  effectBug('does not count heartbeats', /I13/, (effect, { event }) =>
    effect.kind === 'arm' && event.kind === 'heartbeat' ? [] : [effect],
  ),
  effectBug('keeps the sessions of members that left', /I5/, (effect, { event }) =>
    effect.kind === 'disarm' && effect.timer.startsWith('session:') && event.kind === 'leave' ? [] : [effect],
  ),
  effectBug('wakes without sessions', /I6/, (effect, { event }) =>
    effect.kind === 'arm' && event.kind === 'loaded' ? [] : [effect],
  ),
  effectBug('waits for syncs without an end', /I5/, effect =>
    effect.kind === 'arm' && effect.timer === 'sync' ? [] : [effect],
  ),
  bug('moves the deadline with every join', /I8/, ({ state, effects, event }) => ({
    state,
    effects:
      event.kind === 'join' && state.kind === 'PreparingRebalance'
        ? [...effects, { kind: 'arm', timer: 'join', at: event.now + 60_000 }]
        : effects,
  })),
  bug('lets pending ids live on', /I6|I15/, ({ state, effects, event, before }) =>
    event.kind === 'expire' && before.kind === 'Empty' ? { state: before, effects: [] } : { state, effects },
  ),
  bug('keeps a lapsed member', /I6|I15/, ({ state, effects, event, before }) =>
    event.kind === 'expire' && event.timer !== 'join' && before.kind === 'Stable'
      ? { state: before, effects: [] }
      : { state, effects },
  ),
]

const states: readonly GroupBug[] = [
  bug('opens a round without a new generation', /I3/, ({ state, effects, before }) => ({
    state:
      state.kind === 'CompletingRebalance' && before.kind === 'PreparingRebalance'
        ? { ...state, generation: before.generation }
        : state,
    effects,
  })),
  stableBug('swaps assignments after they were stored', /I10/, state => {
    const first = firstOf(state)!
    const spoilt = { ...first, assignment: Uint8Array.of(1, 2, 3, 4, 5) }
    return { ...state, members: new Map(state.members).set(first.memberId, spoilt) }
  }),
  bug('keeps a leader that left', /I7/, ({ state, effects, before, event }) => ({
    state:
      event.kind === 'leave' && state.kind === 'PreparingRebalance' && before.kind !== 'Empty' && before.kind !== 'Dead'
        ? { ...state, leader: before.leader }
        : state,
    effects,
  })),
  bug('drops static members that did not come back in time', /I5/, ({ state, effects, before }) => {
    if (state.kind !== 'CompletingRebalance' || before.kind !== 'PreparingRebalance') return { state, effects }
    const members = new Map([...state.members].filter(([id]) => before.joining.has(id)))
    return { state: { ...state, members }, effects }
  }),
  stableBug('changes what it was given', /I9/, (state, { before }) => {
    if (before.kind === 'Stable') (before as { stateTimestampMs: number }).stateTimestampMs++
    return state
  }),
  stableBug('copies the group for a heartbeat', /I13/, (state, { event }) =>
    event.kind === 'heartbeat' ? { ...state } : state,
  ),
  stableBug('forgets who has not synced', /I5/, state =>
    state.pendingSync.size > 0 ? { ...state, pendingSync: NO_IDS } : state,
  ),
  bug('admits a static member beside the one it replaces', /I5|I6|I7/, ({ state, effects, before, event }) => {
    if (event.kind !== 'join' || event.instanceId === null || state.kind !== 'Stable' || before.kind !== 'Stable')
      return { state, effects }
    return { state: { ...state, members: new Map([...before.members, ...state.members]) }, effects }
  }),
]

export const PLANTED_BUGS: readonly GroupBug[] = [...answers, ...writes, ...transactions, ...timers, ...states]
