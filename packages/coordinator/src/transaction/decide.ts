/**
 * The end of a transaction, which comes in two writes: that it is decided, and that all markers are written. Between them nothing can change
 * what was decided; whoever loads the record of the first goes on to the second.
 */
import { assert } from '@millrace/base'
import type { TransactionVersion } from './config.ts'
import type { MarkersWritten, ProducerIdAndEpoch } from './event.ts'
import type { Outbox } from './outbox.ts'
import { NO_GROUPS, NO_PARTITIONS, withoutPartitions } from './reach.ts'
import { transactionRecord } from './replay.ts'
import { type Decided, type Idle, isEpochExhausted, type Ongoing, type TransactionState } from './state.ts'

export interface Decision {
  readonly committed: boolean
  readonly transactionVersion: TransactionVersion
  readonly freshProducerId: number
  /** Nobody asked for the end who knows the producer's epoch: with it its producer is locked out. */
  readonly isFence: boolean
}

const MARKER_EPOCH_MAX = 0x7fff

/**
 * The decided state, nothing written yet: see `conclude`. With transactions v2 every end takes a new epoch, which is at once in force, in the markers too;
 * at the last epoch the producer gets a new id to go on with, and the marker the epoch that is never given to anyone. The classic protocol
 * takes a new epoch only to fence.
 */
export function decide(state: Ongoing | Idle, decision: Decision, now: number): Decided {
  const bumpsAlways = decision.transactionVersion >= 2
  const bump = bumpsAlways || decision.isFence ? 1 : 0
  assert(state.producerEpoch + bump <= MARKER_EPOCH_MAX, 'no epoch is left for the marker')
  const rotates = bumpsAlways && isEpochExhausted(state)
  assert(!rotates || decision.freshProducerId >= 0, 'an exhausted epoch needs a fresh producer id')
  const { kind, ...body } = state
  return {
    partitions: NO_PARTITIONS,
    groups: NO_GROUPS,
    ...body,
    kind: decision.committed ? 'PrepareCommit' : 'PrepareAbort',
    previousProducerId: state.producerId,
    nextProducerId: rotates ? decision.freshProducerId : -1,
    producerEpoch: state.producerEpoch + bump,
    lastProducerEpoch: lastEpochAfter(state, decision),
    startTimestampMs: kind === 'Ongoing' ? state.startTimestampMs : now,
    lastUpdateTimestampMs: now,
    clientTransactionVersion: decision.transactionVersion,
  }
}

/** With v2 a producer that did not hear of the end may still ask to go on (KIP-360). One that was fenced the classic way may not. */
function lastEpochAfter(state: Ongoing | Idle, { transactionVersion, isFence }: Decision): number {
  if (transactionVersion >= 2) return state.producerEpoch
  return isFence ? -1 : state.lastProducerEpoch
}

/** The producer's id and epoch when the decided transaction is complete. */
export function identityAfter({ producerId, producerEpoch, nextProducerId }: Decided): ProducerIdAndEpoch {
  return nextProducerId === -1 ? { producerId, producerEpoch } : { producerId: nextProducerId, producerEpoch: 0 }
}

/** Stores the decision and has the markers written. An end of nothing is complete at once, in one write. */
export function conclude(state: Decided, out: Outbox): TransactionState {
  if (isWritten(state)) return complete(state, out)
  out.persist(state.transactionalId, transactionRecord(state))
  out.writeMarkers(state)
  return state
}

/** Markers of an older transaction of the id may come late: they are void. */
export function takeMarkers(state: Decided, event: MarkersWritten, out: Outbox): TransactionState {
  const next = withoutMarkers(state, event)
  return next !== state && isWritten(next) ? complete(next, out) : next
}

export function withoutMarkers<S extends Decided>(state: S, event: MarkersWritten): S {
  if (event.producerId !== state.producerId || event.producerEpoch !== state.producerEpoch) return state
  const groups = new Set(state.groups)
  for (const groupId of event.groups) groups.delete(groupId)
  return { ...state, partitions: withoutPartitions(state.partitions, event.partitions), groups }
}

export function isWritten({ partitions, groups }: Decided): boolean {
  return partitions.size === 0 && groups.size === 0
}

export function complete(state: Decided, out: Outbox): TransactionState {
  const { kind, partitions: _, groups: __, nextProducerId: ___, ...body } = state
  const next: Idle = {
    ...body,
    ...identityAfter(state),
    kind: kind === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort',
    previousProducerId: state.producerId,
    lastUpdateTimestampMs: out.now,
  }
  out.persist(next.transactionalId, transactionRecord(next))
  out.disarm('complete')
  return next
}
