/**
 * What a partition remembers of its idempotent and transactional producers (KIP-98): which epoch counts, which sequence comes next, which of the last
 * batches a retry may repeat, and which transactions are open. Pure: the log asks before it assigns an offset and tells afterwards.
 *
 * A sequence is checked against the last batch of the same epoch; a producer that is not known may begin anywhere, so forgetting one is never an error.
 */
import type { BatchHeader } from '@millrace/protocol'
import { isControl, isTransactional } from './batch-view.ts'

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
  /** Oldest first. */
  batches: RememberedBatch[]
}

export type SequenceVerdict =
  | { readonly kind: 'next' }
  | { readonly kind: 'duplicate'; readonly batch: RememberedBatch }
  | {
      readonly kind: 'refused'
      readonly error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' | 'INVALID_PRODUCER_EPOCH' | 'INVALID_TXN_STATE'
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

  get count(): number {
    return this.#producers.size
  }

  /** The first offset of the earliest open transaction: nothing from there on is stable. */
  get firstUnstableOffset(): number | undefined {
    for (const offset of this.#open.keys()) return offset
    return undefined
  }

  values(): IterableIterator<ProducerState> {
    return this.#producers.values()
  }

  check(batch: BatchHeader): SequenceVerdict {
    if (batch.producerId < 0) return NEXT
    const known = this.#producers.get(batch.producerId)
    if (known === undefined || isControl(batch)) return NEXT
    const duplicate = findDuplicate(known, batch)
    if (duplicate !== undefined) return { kind: 'duplicate', batch: duplicate }
    if (batch.producerEpoch < known.producerEpoch) return refusedEpoch(known, batch)
    if (known.transactionFirstOffset >= 0 && !isTransactional(batch)) return refusedOutsideTransaction(known)
    return isInSequence(known, batch) ? NEXT : refusedSequence(known, batch)
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
    const firstOffset = state.transactionFirstOffset
    if (firstOffset < 0) return undefined
    state.transactionFirstOffset = -1
    this.#open.delete(firstOffset)
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

function isInSequence(known: ProducerState, batch: BatchHeader): boolean {
  if (batch.producerEpoch !== known.producerEpoch) return batch.baseSequence === 0
  const last = known.batches.at(-1)?.lastSequence ?? -1
  return batch.baseSequence === (last === 0x7fff_ffff ? 0 : last + 1)
}

const refusedEpoch = (known: ProducerState, batch: BatchHeader): SequenceVerdict => ({
  kind: 'refused',
  error: 'INVALID_PRODUCER_EPOCH',
  message: `producer ${known.producerId} wrote with epoch ${batch.producerEpoch}, its epoch here is ${known.producerEpoch}`,
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

function sortByOffset(open: Map<number, number>): void {
  const sorted = [...open].sort(([a], [b]) => a - b)
  open.clear()
  for (const [offset, producerId] of sorted) open.set(offset, producerId)
}
