/** Coordinators with one bug each: the simulation must find every one. */
import { type Honest, type PlantedBug, spoilers } from '../simulation/planted-bug.ts'
import type { TransactionEffect } from './effect.ts'
import type { TransactionEvent } from './event.ts'
import { transactionRecord } from './replay.ts'
import type { TransactionReply } from './reply.ts'
import type { StepFunction } from './simulated-shell.ts'
import { type Decided, isEpochExhausted, type Living, type TransactionState } from './state.ts'
import { step } from './step.ts'

export type TransactionBug = PlantedBug<StepFunction>
type Seen = Honest<TransactionState, TransactionEvent, TransactionEffect>

const { bug, effectBug, replyBug, misled } = spoilers(step)

/** Changes the state, and with it what is stored and what is told of it. */
function stateBug(name: string, breaks: RegExp, change: (state: Living, honest: Seen) => Living): TransactionBug {
  return bug(name, breaks, honest => {
    if (honest.state.kind === 'Dead') return honest
    const state = change(honest.state, honest)
    if (state === honest.state) return honest
    const { producerId, producerEpoch } = state
    const effects = honest.effects.map((effect): TransactionEffect => {
      if (effect.kind === 'persist') return { ...effect, record: transactionRecord(state) }
      if (effect.kind === 'writeMarkers') return { ...effect, producerId, producerEpoch }
      const isIdentity =
        effect.kind === 'reply' && (effect.reply.kind === 'initialized' || effect.reply.kind === 'ended')
      return isIdentity
        ? { ...effect, reply: { ...effect.reply, producerId, producerEpoch } as TransactionReply }
        : effect
    })
    return { state, effects }
  })
}

const isDecided = (state: TransactionState): state is Decided =>
  state.kind === 'PrepareCommit' || state.kind === 'PrepareAbort'

const answers: readonly TransactionBug[] = [
  effectBug('answers an end twice', /I1/, effect =>
    effect.kind === 'reply' && effect.reply.kind === 'ended' ? [effect, effect] : [effect],
  ),
  replyBug('forgets who asked when a write fails', /I1/, (reply, { event }) =>
    event.kind === 'failed' ? undefined : reply,
  ),
  bug('answers before it writes', /I2/, ({ state, effects }) => ({ state, effects: effects.toReversed() })),
  replyBug('confirms an end that was the other one', /I11|I12/, (reply, { before }) =>
    reply.kind === 'endRefused' && reply.error === 'INVALID_TXN_STATE' && before.kind === 'CompleteCommit'
      ? { kind: 'ended', producerId: before.producerId, producerEpoch: before.producerEpoch }
      : reply,
  ),
  replyBug('verifies whatever is asked', /I14|I5|I7/, reply =>
    reply.kind === 'verified'
      ? {
          ...reply,
          partitions: reply.partitions.map(asked => ({ ...asked, error: 'NONE' })),
          groups: reply.groups.map(asked => ({ ...asked, error: 'NONE' })),
        }
      : reply,
  ),
]

const writes: readonly TransactionBug[] = [
  effectBug('does not store what is decided', /I10/, (effect, { state }) =>
    effect.kind === 'persist' && isDecided(state) ? [] : [effect],
  ),
  effectBug('does not store what is added', /I10/, (effect, { state }) =>
    effect.kind === 'persist' && state.kind === 'Ongoing' ? [] : [effect],
  ),
  effectBug('leaves the record of an expired id', /I10/, effect =>
    effect.kind === 'persist' && effect.record === null ? [] : [effect],
  ),
  bug('goes on although its write failed', /I8|I10|I15/, honest => {
    const { event, before, effects } = honest
    if (event.kind !== 'failed' || event.event.kind !== 'end' || before.kind !== 'Ongoing') return honest
    return { state: { ...before, kind: 'PrepareCommit', nextProducerId: -1 }, effects }
  }),
]

const decisions: readonly TransactionBug[] = [
  effectBug('forgets the markers at a restart', /I14/, (effect, { event }) =>
    effect.kind === 'writeMarkers' && event.kind === 'loaded' ? [] : [effect],
  ),
  misled('decides anew after a restart', /I4|I13/, (state, event) =>
    event.kind === 'loaded' && state.kind === 'PrepareCommit'
      ? [{ ...state, kind: 'PrepareAbort' }, event]
      : [state, event],
  ),
  misled('is complete with the first marker', /I6/, (state, event) =>
    event.kind === 'markersWritten' && isDecided(state) && event.partitions.length > 0
      ? [{ ...state, partitions: new Map(), groups: new Set() }, event]
      : [state, event],
  ),
  misled('commits what it was to abort', /I5/, (state, event) =>
    event.kind === 'end' && state.kind === 'Ongoing' ? [state, { ...event, committed: true }] : [state, event],
  ),
  effectBug('writes commit markers for aborts', /I4/, effect =>
    effect.kind === 'writeMarkers' ? [{ ...effect, committed: true }] : [effect],
  ),
  stateBug('leaves groups out of what it ends', /I14|I5|I6/, (state, { before }) =>
    isDecided(state) && !isDecided(before) && state.partitions.size > 0 ? { ...state, groups: new Set() } : state,
  ),
]

const epochs: readonly TransactionBug[] = [
  stateBug('does not lock out whose transaction took too long', /I4|I5|I12/, (state, { event, before }) =>
    event.kind === 'expire' && isDecided(state) && before.kind === 'Ongoing'
      ? { ...state, producerEpoch: before.producerEpoch }
      : state,
  ),
  stateBug('does not take a new epoch for a new producer', /I3/, (state, { event, before }) =>
    event.kind === 'init' && state.kind === 'Empty' && before.kind !== 'Dead' && before.producerId === state.producerId
      ? { ...state, producerEpoch: before.producerEpoch }
      : state,
  ),
  stateBug('gives out the epoch beyond the last', /I3/, (state, { event, before }) =>
    event.kind === 'init' && state.kind === 'Empty' && before.kind !== 'Dead' && isEpochExhausted(before)
      ? { ...state, producerId: before.producerId, producerEpoch: before.producerEpoch + 1 }
      : state,
  ),
  stateBug('keeps the epoch at an end of version 2', /I4|I12/, (state, { event, before }) =>
    event.kind === 'end' && before.kind === 'Ongoing' && isDecided(state)
      ? { ...state, producerEpoch: before.producerEpoch }
      : state,
  ),
  stateBug('lets a replaced producer have what its successor has', /I3|I5|I7/, (state, { event, before }) =>
    event.kind === 'init' &&
    event.expected === null &&
    state !== before &&
    before.kind !== 'Dead' &&
    state.kind === 'Empty'
      ? { ...state, lastProducerEpoch: before.producerEpoch }
      : state,
  ),
  misled('serves producers of older epochs', /I11/, (state, event) =>
    event.kind === 'addPartitions' && state.kind === 'Ongoing'
      ? [state, { ...event, producerEpoch: state.producerEpoch }]
      : [state, event],
  ),
  misled('adds to what is decided', /I13|I6/, (state, event) => {
    if (event.kind !== 'addPartitions' || !isDecided(state)) return [state, event]
    const { nextProducerId: _, ...body } = state
    return [
      { ...body, kind: 'Ongoing' },
      { ...event, producerEpoch: state.producerEpoch },
    ]
  }),
]

const lifetimes: readonly TransactionBug[] = [
  effectBug('gives a transaction no timeout', /I8/, effect =>
    effect.kind === 'arm' && effect.timer === 'timeout' ? [] : [effect],
  ),
  effectBug('leaves the timeout of what has ended', /I8/, effect =>
    effect.kind === 'disarm' && effect.timer === 'timeout' ? [] : [effect],
  ),
  effectBug('does not try the last write again', /I8/, effect =>
    effect.kind === 'arm' && effect.timer === 'complete' ? [] : [effect],
  ),
  misled('forgets an id with an open transaction', /I13/, (state, event) =>
    event.kind === 'expireId' && state.kind === 'Ongoing'
      ? [{ ...state, kind: 'Empty', lastUpdateTimestampMs: Number.NEGATIVE_INFINITY }, event]
      : [state, event],
  ),
  bug('changes what it was given', /I9/, honest => {
    if (honest.event.kind === 'addPartitions' && honest.before.kind === 'Ongoing') {
      ;(honest.before.groups as Set<string>).add('x')
    }
    return honest
  }),
]

export const PLANTED_BUGS: readonly TransactionBug[] = [...answers, ...writes, ...decisions, ...epochs, ...lifetimes]
