/** The invariants of SPEC.md, as checks of one step that the simulation makes after each. I1 and I2 are in the simulated shell. */
import { assert } from '@millrace/base'
import { VersionedMap } from '../../versioned-map.ts'
import { VersionedSet } from '../../versioned-set.ts'
import type { Commit, GroupTimer } from './event.ts'
import { groupRecord, replay } from './replay.ts'
import type { Joined } from './reply.ts'
import { selectProtocol } from './select-protocol.ts'
import type { Observation, SimulatedShell, TimelessEvent } from './simulated-shell.ts'
import { TransactionModel } from './simulated-transactions.ts'
import {
  type CompletingRebalance,
  type GroupState,
  type Member,
  type MemberId,
  membersOf,
  NO_IDS,
  type Populated,
  type RequestId,
  type Stable,
} from './state.ts'
import { missingSyncs } from './sync.ts'

/** Bytes and maps as text, so that two states can be told apart. */
export function fingerprint(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (inner instanceof Uint8Array) return `bytes ${inner.join(' ')}`
    if (inner instanceof Map || inner instanceof VersionedMap) return ['map', ...inner]
    if (inner instanceof Set || inner instanceof VersionedSet) return ['set', ...inner]
    return inner === undefined ? 'undefined' : inner
  })
}

export class Invariants {
  /** What each member was given in each generation of the group's present life. */
  readonly #given = new Map<string, string>()
  readonly #syncs = new Map<RequestId, MemberId>()
  readonly #transactions = new TransactionModel()
  #stateBefore = ''

  /** To be called with the state that is about to be stepped. */
  remember(shell: SimulatedShell, event: TimelessEvent): void {
    this.#stateBefore = fingerprint(shell.state)
    this.#transactions.remember(shell)
    if (event.kind === 'sync') this.#syncs.set(event.request, event.memberId)
  }

  check(seen: Observation, shell: SimulatedShell): void {
    assert(fingerprint(seen.before) === this.#stateBefore, 'I9 a step changes nothing that it was given')
    checkGeneration(seen)
    checkTimers(seen.after, shell.timers)
    checkRoster(seen.after)
    checkDeadline(seen, shell.timers)
    checkDurable(seen, shell)
    checkRound(seen)
    checkJoined(seen)
    checkCurrent(seen)
    checkHeartbeat(seen, shell.timers)
    checkOffsets(seen, shell)
    this.#transactions.check(seen, shell)
    this.#checkAssignments(seen, shell)
    if (seen.after.kind === 'Dead') this.#given.clear()
  }

  #checkAssignments({ effects, after }: Observation, { record }: SimulatedShell): void {
    for (const effect of effects) {
      if (effect.kind !== 'reply' || effect.reply.kind !== 'synced') continue
      const memberId = this.#syncs.get(effect.to)!
      const stored = record?.members.find(member => member.memberId === memberId)
      assert(
        after.kind === 'Stable' && record?.generation === after.generation,
        'I4 an assignment is stored before it is shown',
      )
      const given = fingerprint(effect.reply.assignment)
      assert(
        stored !== undefined && fingerprint(stored.assignment) === given,
        'I4 a member is shown what is stored for it',
      )
      const key = `${after.generation} ${memberId}`
      assert((this.#given.get(key) ?? given) === given, 'I4 a generation gives a member one assignment')
      this.#given.set(key, given)
    }
  }
}

function checkGeneration({ before, after }: Observation): void {
  if (before.kind === 'Dead' || after.kind === 'Dead') return
  const isNewRound =
    (after.kind === 'CompletingRebalance' && before !== after && before.kind !== 'CompletingRebalance') ||
    (after.kind === 'Empty' && before.kind !== 'Empty')
  if (isNewRound) assert(after.generation === before.generation + 1, 'I3 a new round is a new generation')
  else assert(after.generation >= before.generation, 'I3 the generation never falls')
  if (after.kind === 'Stable' || after.kind === 'PreparingRebalance') {
    assert(after.generation <= before.generation + 1, 'I3 a generation is not skipped')
  }
}

function checkTimers(state: GroupState, timers: ReadonlyMap<GroupTimer, number>): void {
  const members = membersOf(state)
  const pending = state.kind === 'Dead' ? NO_IDS : state.pendingMembers
  for (const timer of timers.keys()) {
    if (!timer.startsWith('session:')) continue
    const id = timer.slice('session:'.length)
    assert(members.has(id) || pending.has(id), 'I5 a session belongs to a member or to a pending id')
  }
  for (const member of members.values()) {
    const isArmed = timers.has(`session:${member.memberId}`)
    assert(isArmed || (isWaiting(state, member) && !member.isNew), 'I6 a member has a session, or waits')
  }
  for (const id of pending) assert(timers.has(`session:${id}`), 'I6 a pending id lapses')
  assert(
    timers.has('join') === (state.kind === 'PreparingRebalance'),
    'I5 the join timer is armed in the join phase alone',
  )
  const awaitsSync = (state.kind === 'CompletingRebalance' || state.kind === 'Stable') && missingSyncs(state).size > 0
  assert(timers.has('sync') === awaitsSync, 'I5 the sync timer is armed while a sync is missing')
}

function isWaiting(state: GroupState, { memberId }: Member): boolean {
  if (state.kind === 'PreparingRebalance') return state.joining.has(memberId)
  return state.kind === 'CompletingRebalance' && state.syncing.has(memberId)
}

function checkRoster(state: GroupState): void {
  if (state.kind === 'Dead' || state.kind === 'Empty') return
  const { members, leader } = state
  assert(leader === null ? members.size === 0 : members.has(leader), 'I7 the leader is a member')
  assert(state.kind === 'PreparingRebalance' || members.size > 0, 'I7 a round has members')
  for (const id of state.pendingMembers) assert(!members.has(id), 'I7 a pending id is no member')
  for (const id of waitingOf(state)) assert(members.has(id), 'I7 who waits is a member')
  const instances = [...members.values()].flatMap(({ instanceId }) => instanceId ?? [])
  assert(new Set(instances).size === instances.length, 'I7 an instance id names one member')
  for (const [id, member] of members) assert(member.memberId === id, 'I7 a member goes by its id')
  if (members.size > 0) assert(selectProtocol(members) !== '', 'I7 members have a protocol in common')
  if (state.kind === 'CompletingRebalance') assert(!state.syncing.has(state.leader), 'I7 a round waits for its leader')
}

function waitingOf(state: Populated): string[] {
  if (state.kind === 'PreparingRebalance') return [...state.joining.keys()]
  return [...(state.kind === 'CompletingRebalance' ? state.syncing.keys() : state.pendingSync)]
}

function checkDeadline(
  { before, event, after, timersBefore }: Observation,
  timers: ReadonlyMap<GroupTimer, number>,
): void {
  if (before.kind !== 'PreparingRebalance' || after.kind !== 'PreparingRebalance') return
  if (event.kind === 'expire' && event.timer === 'join') return
  assert(timersBefore.get('join') === timers.get('join'), 'I8 nothing but its end moves the deadline of a join phase')
}

function checkDurable({ before, after }: Observation, shell: SimulatedShell): void {
  if (after.kind === 'Dead' && !after.unloaded) {
    assert(
      shell.record === null && shell.offsets.size === 0 && shell.transactions.pending.size === 0,
      'I10 a group that is gone leaves nothing',
    )
  }
  if (before === after || shell.isAhead || (after.kind !== 'Empty' && after.kind !== 'Stable')) return
  const isSimple = after.kind === 'Empty' && after.generation === 0 && after.protocolType === null
  assert(shell.record !== null || isSimple, 'I10 a group is stored')
  if (shell.record === null) return
  assert(
    fingerprint(durablePart(replay(shell.record))) === fingerprint(durablePart(after)),
    'I10 replay gives the group back',
  )
}

function generationOf(state: GroupState): number {
  return state.kind === 'Dead' ? -1 : state.generation
}

/** What a restart must bring back: all that the record holds. */
export function durablePart(state: GroupState): unknown {
  if (state.kind !== 'Empty' && state.kind !== 'Stable') return undefined
  return { record: groupRecord(state), topics: [...(state.subscribedTopics ?? [])].sort() }
}

function checkRound({ before, effects, after }: Observation): void {
  if (after.kind !== 'CompletingRebalance' || before.kind === 'CompletingRebalance') return
  const told = new Set(
    effects.flatMap(effect =>
      effect.kind === 'reply' && effect.reply.kind === 'joined' ? [effect.reply.memberId] : [],
    ),
  )
  for (const member of after.members.values()) {
    assert(
      told.has(member.memberId) || member.instanceId !== null,
      'I11 a dynamic member is not kept without being told',
    )
  }
  assert(told.has(after.leader), 'I11 the leader is told')
}

function checkJoined({ effects, after }: Observation): void {
  for (const effect of effects) {
    if (effect.kind !== 'reply' || effect.reply.kind !== 'joined') continue
    const { reply } = effect
    assert(after.kind === 'CompletingRebalance' || after.kind === 'Stable', 'I11 only a round is joined')
    assert(reply.generation === after.generation, 'I11 members join the present generation')
    assert(reply.protocolName === after.protocolName, 'I11 members join with the chosen protocol')
    assert(after.members.has(reply.memberId), 'I11 who joined is a member')
    checkLeader(reply, after)
  }
}

function checkLeader(reply: Joined, after: CompletingRebalance | Stable): void {
  const leads = reply.memberId === after.leader && reply.leader === after.leader
  assert(reply.members.length === (leads ? after.members.size : 0), 'I11 the leader alone gets the members')
  assert(!reply.skipAssignment || leads, 'I11 only a leader is told not to assign')
  if (after.kind === 'CompletingRebalance') assert(reply.leader === after.leader, 'I11 members know their leader')
}

/** Nobody is served on the word of another member, of an older generation or of an instance that was replaced. */
function checkCurrent({ before, event, effects }: Observation): void {
  if (event.kind !== 'heartbeat' && event.kind !== 'sync' && event.kind !== 'commit') return
  const isServed = effects.some(effect => {
    if (effect.kind !== 'reply' || effect.to !== event.request) return false
    const { reply } = effect
    if (reply.kind === 'heartbeat') return reply.error === 'NONE'
    return reply.kind === 'synced' || reply.kind === 'committed'
  })
  if (!isServed || (event.kind === 'commit' && needsNoMember(before, event))) return
  const member = membersOf(before).get(event.memberId)
  assert(member !== undefined, 'I12 only members are served')
  assert(event.instanceId === null || member.instanceId === event.instanceId, 'I12 a fenced instance is not served')
  assert(event.generation === generationOf(before), 'I12 only the present generation is served')
}

/** An empty group takes commits from outside, and old transactions name no member. */
function needsNoMember({ kind }: GroupState, { generation, memberId, transaction }: Commit): boolean {
  if (generation >= 0) return false
  return kind === 'Empty' || kind === 'Dead' || (transaction !== null && memberId === '')
}

function checkHeartbeat({ before, event, effects, after }: Observation, timers: ReadonlyMap<GroupTimer, number>): void {
  if (event.kind !== 'heartbeat') return
  assert(before === after, 'I13 a heartbeat copies nothing')
  const counts = effects.some(
    effect =>
      effect.kind === 'reply' &&
      effect.reply.kind === 'heartbeat' &&
      (effect.reply.error === 'NONE' || effect.reply.error === 'REBALANCE_IN_PROGRESS'),
  )
  if (!counts) return
  const member = membersOf(before).get(event.memberId)!
  const until = event.now + member.sessionTimeoutMs
  assert(timers.get(`session:${event.memberId}`) === until, 'I13 a heartbeat extends the session')
}

function checkOffsets({ event, effects }: Observation, shell: SimulatedShell): void {
  const isWritten = effects.some(({ kind }) => kind === 'persistOffsets' || kind === 'persistPendingOffsets')
  for (const effect of effects) {
    if (effect.kind !== 'reply') continue
    const { reply } = effect
    if (reply.kind === 'commitRefused' || reply.kind === 'deleteRefused')
      assert(!isWritten, 'I14 a refused request stores nothing')
    if (reply.kind !== 'committed' || event.kind !== 'commit') continue
    reply.partitions.forEach(({ topic, partition, error }, i) => {
      const { transaction } = event
      const stored =
        transaction === null
          ? shell.offsets.get(topic)?.get(partition)
          : shell.transactions.pending.get(transaction.producerId)?.get(topic)?.get(partition)?.committed
      if (error === 'NONE')
        assert(stored?.offset === event.offsets[i]!.offset, 'I14 a commit is stored before it is confirmed')
    })
  }
}
