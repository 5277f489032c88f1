/**
 * The only way to change a transactional id. `step` reads no clock, draws no random number and touches no socket or disk: what it needs is in the
 * event, and what is to be done leaves as effects. The table says what every event means in every state; SPEC.md shows it to people, and a
 * test holds the two together.
 */
import { addDecided, addFirst, addMore, addToUnknown, verify, verifyUnknown } from './add.ts'
import type { TransactionConfig } from './config.ts'
import { takeMarkers } from './decide.ts'
import type { TransactionEffect } from './effect.ts'
import { endDecided, endIdle, endOngoing, endUnknown } from './end.ts'
import type { TransactionEvent, TransactionEventKind } from './event.ts'
import { initDecided, initIdle, initOngoing, initUnknown } from './init.ts'
import {
  expireDecided,
  expireIdle,
  expireOngoing,
  ignore,
  refuseFailed,
  resume,
  resumeMarkers,
  retryComplete,
  retryTimeout,
  unload,
} from './lifetime.ts'
import { Outbox } from './outbox.ts'
import { type Decided, type Idle, isEpochExhausted, type TransactionState, type TransactionStateKind } from './state.ts'

export interface TransactionStep {
  readonly state: TransactionState
  readonly effects: readonly TransactionEffect[]
}

type StateOf<K extends TransactionStateKind> = Extract<TransactionState, { kind: K }>
type EventOf<K extends TransactionEventKind> = Extract<TransactionEvent, { kind: K }>
type Transition<S extends TransactionState, E extends TransactionEvent> = (
  state: S,
  event: E,
  out: Outbox,
) => TransactionState
type Row<S extends TransactionState> = { readonly [E in TransactionEventKind]: Transition<S, EventOf<E>> }
type Table = { readonly [S in TransactionStateKind]: Row<StateOf<S>> }

const IDLE: Row<Idle> = {
  init: initIdle,
  addPartitions: addFirst,
  addOffsets: addFirst,
  verify,
  end: endIdle,
  markersWritten: ignore,
  expire: ignore,
  expireId: expireIdle,
  loaded: ignore,
  unload,
  failed: refuseFailed,
}

const DECIDED: Row<Decided> = {
  init: initDecided,
  addPartitions: addDecided,
  addOffsets: addDecided,
  verify,
  end: endDecided,
  markersWritten: takeMarkers,
  expire: expireDecided,
  expireId: ignore,
  loaded: resumeMarkers,
  unload,
  failed: retryComplete,
}

export const TRANSITIONS: Table = {
  Dead: {
    init: initUnknown,
    addPartitions: addToUnknown,
    addOffsets: addToUnknown,
    verify: verifyUnknown,
    end: endUnknown,
    markersWritten: ignore,
    expire: ignore,
    expireId: ignore,
    loaded: ignore,
    unload: ignore,
    failed: refuseFailed,
  },
  Empty: IDLE,
  Ongoing: {
    init: initOngoing,
    addPartitions: addMore,
    addOffsets: addMore,
    verify,
    end: endOngoing,
    markersWritten: ignore,
    expire: expireOngoing,
    expireId: ignore,
    loaded: resume,
    unload,
    failed: retryTimeout,
  },
  PrepareCommit: DECIDED,
  PrepareAbort: DECIDED,
  CompleteCommit: IDLE,
  CompleteAbort: IDLE,
}

export function step(state: TransactionState, event: TransactionEvent, config: TransactionConfig): TransactionStep {
  const out = new Outbox(config, event.now)
  // The table pairs kinds with their own transitions; TypeScript cannot follow the pairing through two look-ups.
  const transition = TRANSITIONS[state.kind][event.kind] as Transition<TransactionState, TransactionEvent>
  return { state: transition(state, event, out), effects: out.effects }
}

interface NeedsProducerId extends Pick<TransactionEvent, 'kind'> {
  readonly forgottenEpochs?: number
}

/** Whether the event may need its `freshProducerId`. To be asked of the very state that is then stepped. */
export function needsProducerId(state: TransactionState, event: NeedsProducerId): boolean {
  const { kind, forgottenEpochs = 0 } = event
  if (state.kind === 'Dead') return kind === 'init'
  if (state.kind === 'PrepareCommit' || state.kind === 'PrepareAbort') return false
  const producerEpoch = state.producerEpoch + forgottenEpochs
  return (kind === 'init' || kind === 'end' || kind === 'expire') && isEpochExhausted({ producerEpoch })
}
