/**
 * What a partition remembers of its idempotent and transactional producers (KIP-98): which epoch counts, which sequence comes next, which of the last
 * batches a retry may repeat, and which transactions are open. Pure: the log asks before it assigns an offset and tells afterwards.
 *
 * A sequence is checked against the last batch of the same epoch; a producer that is not known may begin anywhere, so forgetting one is never an error.
 */
import type { BatchHeader } from '@millrace/protocol'
import type { ProducerEpoch, TransactionAdmission, TransactionMarker } from '../engine.ts'
import { isTransactional } from './batch-view.ts'

/** A producer has at most this many requests under way, so an older batch cannot be a retry. */
export const BATCHES_REMEMBERED = 5

export interface RememberedBatch {
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly timestampMs: number
}

export interface ProducerState {
  readonly producerId: number
  producerEpoch: number
  lastTimestampMs: number
  coordinatorEpoch: number
  /** -1 without an open transaction. */
  transactionFirstOffset: number
  /** Of the newest marker since the log was opened, else -1: an admission that was asked for before it counts no more. */
  lastMarkerOffset: number
  /** Oldest first. */
  batches: RememberedBatch[]
}

export type SequenceVerdict =
  | { readonly kind: 'next' }
  | { readonly kind: 'duplicate'; readonly batch: RememberedBatch }
  | ProducerRefusal

export interface ProducerRefusal {
  readonly kind: 'refused'
  readonly error:
    | 'OUT_OF_ORDER_SEQUENCE_NUMBER'
    | 'INVALID_PRODUCER_EPOCH'
    | 'INVALID_TXN_STATE'
    | 'TRANSACTION_COORDINATOR_FENCED'
  readonly message: string
}

const NEXT: SequenceVerdict = { kind: 'next' }

/** What ended when a marker was taken in: the transaction that is to be indexed if it was aborted. */
export interface EndedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly aborted: boolean
}

export class ProducerStates {
  readonly #producers = new Map<number, ProducerState>()
  /** First offset of each open transaction, rising, with its producer. */
  readonly #open = new Map<number, number>()
  /** Ended, by first offset, where the marker is not below the high watermark yet: what could still be lost decides nothing for readers. */
  readonly #ending = new Map<number, number>()

  get count(): number {
    return this.#producers.size
  }

  get firstOpenOffset(): number | undefined {
    for (const offset of this.#open.keys()) return offset
    return undefined
  }

  /** The first offset of the earliest transaction that is open, or whose end is not below the high watermark: nothing from there on is stable. */
  firstUnstableOffset(highWatermark: number): number | undefined {
    let first = this.firstOpenOffset
    for (const [firstOffset, markerOffset] of this.#ending) {
      if (markerOffset < highWatermark) this.#ending.delete(firstOffset)
      else if (first === undefined || firstOffset < first) first = firstOffset
    }
    return first
  }

  hasOpenTransaction({ producerId, producerEpoch }: ProducerEpoch): boolean {
    const known = this.#producers.get(producerId)
    return known !== undefined && known.producerEpoch === producerEpoch && known.transactionFirstOffset >= 0
  }

  get(producerId: number): ProducerState | undefined {
    return this.#producers.get(producerId)
  }

  values(): IterableIterator<ProducerState> {
    return this.#producers.values()
  }

  check(batch: BatchHeader, admission?: TransactionAdmission): SequenceVerdict {
    if (batch.producerId < 0) return NEXT
    const known = this.#producers.get(batch.producerId)
    const duplicate = known === undefined ? undefined : findDuplicate(known, batch)
    if (duplicate !== undefined) return { kind: 'duplicate', batch: duplicate }
    if (isTransactional(batch) && !this.hasOpenTransaction(batch) && !isAdmitted(known, admission))
      return refusedUnadmitted(batch)
    if (known === undefined)
      return admission?.isEpochPerTransaction === true && batch.baseSequence !== 0 ? refusedBegin(batch) : NEXT
    if (batch.producerEpoch < known.producerEpoch) return refusedEpoch(known, batch)
    if (known.transactionFirstOffset >= 0 && !isTransactional(batch)) return refusedOutsideTransaction(known)
    return isInSequence(known, batch) ? NEXT : refusedSequence(known, batch)
  }

  /** A marker of an epoch or a coordinator that has been replaced is refused. */
  checkMarker(marker: TransactionMarker): ProducerRefusal | undefined {
    const known = this.#producers.get(marker.producerId)
    if (known === undefined) return undefined
    const { producerEpoch, transactionFirstOffset, coordinatorEpoch } = known
    // With version 2 the marker has the next epoch. The same epoch is a marker that is written again, unless data of that epoch came in since.
    const isCurrent =
      marker.transactionVersion >= 2 && transactionFirstOffset >= 0
        ? marker.producerEpoch > producerEpoch
        : marker.producerEpoch >= producerEpoch
    if (!isCurrent) return refusedEpoch(known, marker)
    return marker.coordinatorEpoch < coordinatorEpoch ? refusedCoordinator(known, marker) : undefined
  }

  /** Takes in a data batch that has its offsets. */
  took(batch: BatchHeader): void {
    if (batch.producerId < 0) return
    const state = this.#stateFor(batch)
    if (state.producerEpoch !== batch.producerEpoch) {
      state.producerEpoch = batch.producerEpoch
      state.batches = []
    }
    state.lastTimestampMs = batch.maxTimestamp
    if (state.batches.length === BATCHES_REMEMBERED) state.batches.shift()
    state.batches.push({
      lastSequence: batch.lastSequence,
      lastOffset: batch.lastOffset,
      offsetDelta: batch.lastOffsetDelta,
      timestampMs: batch.maxTimestamp,
    })
    if (isTransactional(batch) && state.transactionFirstOffset < 0) this.#begin(state, batch.baseOffset)
  }

  /** Takes in a transaction marker. Answers the transaction that it ends, if one was open here. */
  tookMarker(batch: BatchHeader, marker: { aborted: boolean; coordinatorEpoch: number }): EndedTransaction | undefined {
    const state = this.#stateFor(batch)
    if (state.producerEpoch !== batch.producerEpoch) {
      state.producerEpoch = batch.producerEpoch
      state.batches = []
    }
    state.lastTimestampMs = batch.maxTimestamp
    state.coordinatorEpoch = marker.coordinatorEpoch
    state.lastMarkerOffset = batch.baseOffset
    const firstOffset = state.transactionFirstOffset
    if (firstOffset < 0) return undefined
    state.transactionFirstOffset = -1
    this.#open.delete(firstOffset)
    this.#ending.set(firstOffset, batch.baseOffset)
    return { producerId: batch.producerId, firstOffset, lastOffset: batch.baseOffset, aborted: marker.aborted }
  }

  /** Puts back what a snapshot held. */
  restore(state: ProducerState): void {
    this.#producers.set(state.producerId, state)
    if (state.transactionFirstOffset >= 0) this.#open.set(state.transactionFirstOffset, state.producerId)
    sortByOffset(this.#open)
  }

  /** Forgets who has not written for `expirationMs`, unless a transaction is open. */
  expire(nowMs: number, expirationMs: number): void {
    for (const state of this.#producers.values()) {
      if (state.transactionFirstOffset < 0 && nowMs - state.lastTimestampMs >= expirationMs)
        this.#producers.delete(state.producerId)
    }
  }

  clear(): void {
    this.#producers.clear()
    this.#open.clear()
    this.#ending.clear()
  }

  #stateFor(batch: BatchHeader): ProducerState {
    const known = this.#producers.get(batch.producerId)
    if (known !== undefined) return known
    const fresh: ProducerState = {
      producerId: batch.producerId,
      producerEpoch: batch.producerEpoch,
      lastTimestampMs: batch.maxTimestamp,
      coordinatorEpoch: -1,
      transactionFirstOffset: -1,
      lastMarkerOffset: -1,
      batches: [],
    }
    this.#producers.set(batch.producerId, fresh)
    return fresh
  }

  #begin(state: ProducerState, firstOffset: number): void {
    state.transactionFirstOffset = firstOffset
    this.#open.set(firstOffset, state.producerId)
  }
}

function findDuplicate(known: ProducerState, batch: BatchHeader): RememberedBatch | undefined {
  if (known.producerEpoch !== batch.producerEpoch) return undefined
  const lastSequence = batch.lastSequence
  const offsetDelta = batch.lastOffsetDelta
  return known.batches.find(b => b.lastSequence === lastSequence && b.offsetDelta === offsetDelta)
}

const isAdmitted = (known: ProducerState | undefined, admission: TransactionAdmission | undefined): boolean =>
  admission !== undefined && (known === undefined || known.lastMarkerOffset < admission.askedAt)

function isInSequence(known: ProducerState, batch: BatchHeader): boolean {
  if (batch.producerEpoch !== known.producerEpoch) return batch.baseSequence === 0
  const last = known.batches.at(-1)?.lastSequence ?? -1
  return batch.baseSequence === (last === 0x7fff_ffff ? 0 : last + 1)
}

const refusedEpoch = (known: ProducerState, { producerEpoch }: ProducerEpoch): ProducerRefusal => ({
  kind: 'refused',
  error: 'INVALID_PRODUCER_EPOCH',
  message: `producer ${known.producerId} wrote with epoch ${producerEpoch}, its epoch here is ${known.producerEpoch}`,
})

const refusedSequence = (known: ProducerState, batch: BatchHeader): SequenceVerdict => ({
  kind: 'refused',
  error: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  message:
    `producer ${known.producerId} sent sequence ${batch.baseSequence} with epoch ${batch.producerEpoch}, ` +
    `after sequence ${known.batches.at(-1)?.lastSequence ?? -1} with epoch ${known.producerEpoch}`,
})

const refusedOutsideTransaction = (known: ProducerState): SequenceVerdict => ({
  kind: 'refused',
  error: 'INVALID_TXN_STATE',
  message: `producer ${known.producerId} wrote outside of its open transaction`,
})

const refusedUnadmitted = ({ producerId }: BatchHeader): SequenceVerdict => ({
  kind: 'refused',
  error: 'INVALID_TXN_STATE',
  message: `producer ${producerId} has no transaction that this partition is in`,
})

const refusedBegin = ({ producerId, baseSequence }: BatchHeader): SequenceVerdict => ({
  kind: 'refused',
  error: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  message: `producer ${producerId} is not known here and began its transaction with sequence ${baseSequence} instead of 0`,
})

const refusedCoordinator = (known: ProducerState, marker: TransactionMarker): ProducerRefusal => ({
  kind: 'refused',
  error: 'TRANSACTION_COORDINATOR_FENCED',
  message:
    `a marker for producer ${known.producerId} is of coordinator epoch ${marker.coordinatorEpoch}, ` +
    `the newest here is ${known.coordinatorEpoch}`,
})

function sortByOffset(open: Map<number, number>): void {
  const sorted = [...open].sort(([a], [b]) => a - b)
  open.clear()
  for (const [offset, producerId] of sorted) open.set(offset, producerId)
}
