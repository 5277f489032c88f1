/**
 * What transactions are about: partitions and groups with their records, as a partition leader treats them. It is the judge of the simulation: a
 * transaction is all or nothing, as its producer was told, and a producer that was replaced writes nothing any more.
 */
import { assert } from '@millrace/base'
import type { WriteMarkers } from './effect.ts'
import type { ProducerIdAndEpoch } from './event.ts'

export type Outcome = 'committed' | 'aborted'

/** A transaction as its producer sees it. */
export interface Attempt {
  readonly written: Set<string>
  readonly outcomes: Map<string, Outcome>
  /** What the producer was told. */
  told: Outcome | undefined
}

export function newAttempt(): Attempt {
  return { written: new Set(), outcomes: new Map(), told: undefined }
}

interface ProducerEntry {
  epoch: number
  /** Those whose records wait for a marker. */
  open: Set<Attempt>
}

/** Names of places: `t-0` is a partition, `g` a group. */
export class SimulatedWorld {
  readonly #places = new Map<string, Map<number, ProducerEntry>>()
  readonly #attempts = new Set<Attempt>()
  /** The newest identity that a start has given out. */
  #newest: ProducerIdAndEpoch | undefined

  started(identity: ProducerIdAndEpoch): void {
    this.#newest = identity
  }

  /** False when the place will not take the record, and must ask the coordinator first if it says `unverified`. */
  canWrite(place: string, { producerId, producerEpoch }: ProducerIdAndEpoch): 'yes' | 'no' | 'unverified' {
    const entry = this.#places.get(place)?.get(producerId)
    if (entry === undefined || entry.epoch < producerEpoch) return 'unverified'
    if (entry.epoch > producerEpoch) return 'no'
    return entry.open.size > 0 ? 'yes' : 'unverified'
  }

  write(place: string, identity: ProducerIdAndEpoch, attempt: Attempt): void {
    const { producerId, producerEpoch } = identity
    const newest = this.#newest
    const isReplaced =
      newest !== undefined &&
      newest.producerId >= producerId &&
      (newest.producerId > producerId || newest.producerEpoch > producerEpoch)
    assert(!isReplaced, 'I7 a producer that was replaced writes nothing')
    const producers = this.#places.get(place) ?? new Map<number, ProducerEntry>()
    const entry = producers.get(producerId) ?? { epoch: producerEpoch, open: new Set() }
    entry.epoch = producerEpoch
    entry.open.add(attempt)
    attempt.written.add(place)
    this.#attempts.add(attempt)
    this.#places.set(place, producers.set(producerId, entry))
  }

  /** As a leader takes a marker: with transactions v2 only beyond the epoch that it knows, unless it comes again (KIP-890). */
  takeMarker(place: string, { producerId, producerEpoch, committed, transactionVersion }: WriteMarkers): void {
    const producers = this.#places.get(place) ?? new Map<number, ProducerEntry>()
    const entry = producers.get(producerId) ?? { epoch: -1, open: new Set<Attempt>() }
    const isTaken =
      transactionVersion >= 2
        ? producerEpoch > entry.epoch || (producerEpoch === entry.epoch && entry.open.size === 0)
        : producerEpoch >= entry.epoch
    assert(isTaken, 'I4 a marker is one that its partition takes')
    const outcome = committed ? 'committed' : 'aborted'
    for (const attempt of entry.open) {
      attempt.outcomes.set(place, outcome)
      judge(attempt)
    }
    this.#places.set(place, producers.set(producerId, { epoch: producerEpoch, open: new Set() }))
  }

  told(attempt: Attempt, outcome: Outcome): void {
    assert((attempt.told ?? outcome) === outcome, 'I5 a producer is told one outcome')
    attempt.told = outcome
    judge(attempt)
  }

  /** Nothing of the producer is open there. */
  isClosed(place: string, producerId: number): boolean {
    return (this.#places.get(place)?.get(producerId)?.open.size ?? 0) === 0
  }

  checkEnd(): void {
    for (const attempt of this.#attempts) {
      for (const place of attempt.written) {
        assert(attempt.outcomes.has(place), 'I14 nothing stays open for ever')
      }
      judge(attempt)
    }
  }
}

function judge({ outcomes, told }: Attempt): void {
  for (const outcome of outcomes.values()) {
    assert(outcome === outcomes.values().next().value, 'I5 a transaction is all or nothing')
    assert(told === undefined || outcome === told, 'I5 a transaction ends as its producer was told')
  }
}
