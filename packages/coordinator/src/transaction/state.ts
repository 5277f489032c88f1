/**
 * A transactional id: what is remembered of it. SPEC.md numbers the states and their invariants.
 *
 *            init                add                 end (commit)                  all markers written
 *   Dead ──────────► Empty ──────────────► Ongoing ────────────────► PrepareCommit ────────────────────► CompleteCommit
 *     ▲                ▲                     ▲  │ end (abort), init,                                      │
 *     │ expired        │ init                │  │ timeout                                                 │
 *     ├────────────────┤                     │  └────────────────────► PrepareAbort ─────────────────────► CompleteAbort
 *     └────────────────┴─────────────────────┴────────────────────────────────────────────────────────────┘
 *
 * An id that is not known is Dead: `absentTransaction` gives it, and a step that ends in Dead means "forget it". Kafka's PrepareEpochFence is
 * the moment between fencing and aborting; here they are one step.
 */
import type { TransactionVersion } from './config.ts'

/** Names one request that waits for its answer; unique for as long as it may still be answered. */
export type TransactionRequestId = number

export type PartitionSet = ReadonlyMap<string, ReadonlySet<number>>

interface Body {
  readonly transactionalId: string
  readonly producerId: number
  readonly previousProducerId: number
  readonly producerEpoch: number
  /** The epoch before a bump that its producer may not have heard of; -1 when nobody may ask for it. */
  readonly lastProducerEpoch: number
  readonly timeoutMs: number
  readonly startTimestampMs: number
  readonly lastUpdateTimestampMs: number
  readonly clientTransactionVersion: TransactionVersion
}

export interface Empty extends Body {
  readonly kind: 'Empty'
}

/** What a transaction spans. */
interface Reach {
  readonly partitions: PartitionSet
  readonly groups: ReadonlySet<string>
}

export interface Ongoing extends Body, Reach {
  readonly kind: 'Ongoing'
}

/** Decided. `partitions` and `groups` are those whose marker is missing; the record keeps all of them until the last is written. */
interface Prepare extends Body, Reach {
  /** -1 unless the epoch is exhausted (transactions v2). */
  readonly nextProducerId: number
}

export interface PrepareCommit extends Prepare {
  readonly kind: 'PrepareCommit'
}

export interface PrepareAbort extends Prepare {
  readonly kind: 'PrepareAbort'
}

export interface CompleteCommit extends Body {
  readonly kind: 'CompleteCommit'
}

export interface CompleteAbort extends Body {
  readonly kind: 'CompleteAbort'
}

export interface Dead {
  readonly kind: 'Dead'
  readonly transactionalId: string
  /** True when this node gave the id up while it lives on elsewhere; false when there is no such id. */
  readonly unloaded: boolean
}

export type TransactionState = Empty | Ongoing | PrepareCommit | PrepareAbort | CompleteCommit | CompleteAbort | Dead
export type TransactionStateKind = TransactionState['kind']
/** No transaction is open: one may begin, or the id be initialised anew. */
export type Idle = Empty | CompleteCommit | CompleteAbort
export type Decided = PrepareCommit | PrepareAbort
export type Living = Idle | Ongoing | Decided

/** The largest epoch that a producer is ever given; the next one goes into markers alone. */
export const PRODUCER_EPOCH_MAX = 0x7ffe

export function isEpochExhausted({ producerEpoch }: { readonly producerEpoch: number }): boolean {
  return producerEpoch >= PRODUCER_EPOCH_MAX
}

/** The state of an id that is not known. */
export function absentTransaction(transactionalId: string): Dead {
  return { kind: 'Dead', transactionalId, unloaded: false }
}
