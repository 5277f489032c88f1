/**
 * The batches of one partition in their order, and the sequence numbers that let the broker keep that order and drop repeats.
 *
 * Sequences are given when a batch is first sent and kept over its retries. When a batch is lost for good the broker would refuse all that follow it, so
 * once nothing is under way the partition starts again at sequence 0 under a new producer epoch (KIP-360).
 */
import type { ProducerBatch, ProducerIdentity } from './producer-batch.ts'

const SEQUENCE_MASK = 0x7fff_ffff

export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  /** To be sent, first first. The last one may still be open. */
  readonly waiting: ProducerBatch[] = []
  readonly inFlight: ProducerBatch[] = []
  readonly #inFlightMax: number
  #identity: ProducerIdentity | undefined
  #nextSequence = 0
  #lastAckedSequence = -1
  /** Whether the broker has acknowledged a batch of this epoch. */
  #isKnown = false
  #nextOrder = 0
  #needsNewEpoch = false

  constructor(topic: string, partition: number, inFlightMax: number) {
    this.topic = topic
    this.partition = partition
    this.#inFlightMax = inFlightMax
  }

  get identity(): ProducerIdentity | undefined {
    return this.#identity
  }

  get isIdle(): boolean {
    return this.waiting.length === 0 && this.inFlight.length === 0
  }

  /** Whether the partition must get a new epoch before anything else is sent, and can. */
  get wantsNewEpoch(): boolean {
    return this.#needsNewEpoch && this.inFlight.length === 0
  }

  /**
   * Whether one more batch may be under way. A batch that is sent again goes alone and first, so that order is kept; and so does the first one of an epoch: a broker
   * takes any sequence from a producer that it has not seen, so the second batch could get in before the first.
   */
  get mayStart(): boolean {
    const head = this.waiting[0]
    if (head === undefined || this.#needsNewEpoch) return false
    if (this.inFlight.length >= this.#inFlightMax) return false
    const oldest = this.inFlight[0]
    if (oldest === undefined) return true
    if (this.#identity !== undefined && !this.#isKnown) return false
    if (this.inFlight.some(batch => batch.attempts > 0)) return false
    return head.order === undefined || head.order < oldest.order!
  }

  adopt(identity: ProducerIdentity): void {
    this.#identity = identity
    this.#nextSequence = 0
    this.#lastAckedSequence = -1
    this.#isKnown = false
    this.#needsNewEpoch = false
    for (const batch of this.waiting) {
      batch.identity = undefined
      batch.baseSequence = -1
    }
  }

  /** Takes the first batch, gives it its sequence, and holds it as under way. */
  start(): ProducerBatch {
    const batch = this.waiting.shift()!
    batch.order ??= this.#nextOrder++
    if (this.#identity !== undefined && batch.identity === undefined) {
      batch.identity = this.#identity
      batch.baseSequence = this.#nextSequence
      this.#nextSequence = (this.#nextSequence + batch.recordCount) & SEQUENCE_MASK
    }
    this.inFlight.push(batch)
    return batch
  }

  succeeded(batch: ProducerBatch): void {
    this.#land(batch)
    if (batch.identity !== this.#identity) return
    this.#isKnown = true
    this.#lastAckedSequence = (batch.baseSequence + batch.recordCount - 1) & SEQUENCE_MASK
  }

  /** Puts batches back in their place, before everything that comes after them. */
  again(landed: ProducerBatch, batches: readonly ProducerBatch[] = [landed]): void {
    this.#land(landed)
    const order = landed.order!
    const at = this.waiting.findIndex(other => other.order === undefined || other.order >= order)
    this.waiting.splice(at < 0 ? this.waiting.length : at, 0, ...batches)
  }

  failed(batch: ProducerBatch): void {
    this.#land(batch)
    if (batch.identity !== undefined) this.#needsNewEpoch = true
  }

  /** Gives up on the first waiting batch. */
  drop(): ProducerBatch {
    const batch = this.waiting.shift()!
    if (batch.identity !== undefined) this.#needsNewEpoch = true
    return batch
  }

  requireNewEpoch(): void {
    this.#needsNewEpoch = true
  }

  /** Whether a batch before this one is still to be acknowledged: then the broker's complaint about its sequence is a passing matter. */
  isAheadOfAcknowledged(batch: ProducerBatch): boolean {
    const ahead = (batch.baseSequence - this.#lastAckedSequence - 1) & SEQUENCE_MASK
    return ahead > 0 && ahead < SEQUENCE_MASK / 2
  }

  #land(batch: ProducerBatch): void {
    const at = this.inFlight.indexOf(batch)
    if (at >= 0) this.inFlight.splice(at, 1)
  }
}
