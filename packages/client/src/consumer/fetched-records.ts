/**
 * The record batches that one fetch brought for one partition, decoded batch by batch as they are taken. Control batches and, with read_committed, batches of
 * aborted transactions are passed over, but they move the position like all others.
 */
import {
  batchPositions,
  type FetchResponse,
  hasValidCrc,
  isControl,
  isTransactional,
  type KafkaRecord,
  lastOffsetOf,
  nextOffsetOf,
  partitionLeaderEpochOf,
  producerIdOf,
  readControlRecord,
  readRecords,
} from '@millrace/protocol'
import { KafkaError } from '../errors.ts'
import type { AssignedPartition } from './assigned-partition.ts'

export type AbortedTransactions = FetchResponse['responses'][number]['partitions'][number]['abortedTransactions']

/** What a compressed batch may grow to. */
const BATCH_BYTES_MAX = 1024 * 1024 * 1024

export interface TakenRecords {
  readonly records: KafkaRecord[]
  readonly nextOffset: number
  readonly leaderEpoch: number
}

export class FetchedRecords {
  readonly partition: AssignedPartition
  readonly generation: number
  readonly bytes: Buffer
  readonly #checkCrcs: boolean
  readonly #aborted: { readonly producerId: number; readonly firstOffset: number }[]
  readonly #abortedProducers = new Set<number>()
  readonly #batches: Iterator<number, void, undefined>
  #records: Iterator<KafkaRecord, void, undefined> | undefined
  #pushedBack: TakenRecords | undefined
  #batchAt = 0
  #nextOffset: number
  #leaderEpoch = -1
  #done = false

  constructor(
    partition: AssignedPartition,
    bytes: Buffer,
    options: { readonly aborted: AbortedTransactions; readonly checkCrcs: boolean },
  ) {
    this.partition = partition
    this.generation = partition.generation
    this.bytes = bytes
    this.#checkCrcs = options.checkCrcs
    this.#aborted = [...(options.aborted ?? [])].sort((a, b) => a.firstOffset - b.firstOffset)
    this.#batches = batchPositions(bytes)
    this.#nextOffset = partition.fetchOffset
  }

  /** The offset after the last whole batch; undefined when there is none. Reads headers only. */
  static endOffset(bytes: Buffer): number | undefined {
    let end: number | undefined
    for (const at of batchPositions(bytes)) end = nextOffsetOf(bytes, at)
    return end
  }

  get isStale(): boolean {
    return this.generation !== this.partition.generation
  }

  get isDone(): boolean {
    return this.#done && this.#pushedBack === undefined
  }

  /** Up to `max` records, in order. An empty list may come with a position that moved. Throws `CORRUPT_MESSAGE`. */
  take(max: number): TakenRecords {
    const back = this.#pushedBack
    if (back !== undefined) {
      this.#pushedBack = undefined
      return back
    }
    const records: KafkaRecord[] = []
    while (records.length < max && !this.#done) {
      const record = this.#nextRecord()
      if (record !== undefined) records.push(record)
    }
    return { records, nextOffset: this.#nextOffset, leaderEpoch: this.#leaderEpoch }
  }

  /** Takes back what was not handed over after all. */
  putBack(taken: TakenRecords): void {
    this.#pushedBack = taken
  }

  #nextRecord(): KafkaRecord | undefined {
    if (this.#records === undefined && !this.#openBatch()) {
      this.#done = true
      return undefined
    }
    const { done, value } = this.#guarded(() => this.#records!.next())
    if (done === true) {
      this.#records = undefined
      this.#nextOffset = Math.max(this.#nextOffset, nextOffsetOf(this.bytes, this.#batchAt))
      return undefined
    }
    // The first batch may begin before the offset that was asked for.
    if (value.offset < this.#nextOffset) return undefined
    this.#nextOffset = value.offset + 1
    return value
  }

  #openBatch(): boolean {
    for (;;) {
      const { done, value: at } = this.#batches.next()
      if (done === true) return false
      this.#batchAt = at
      this.#leaderEpoch = partitionLeaderEpochOf(this.bytes, at)
      if (this.#checkCrcs && !hasValidCrc(this.bytes, at)) throw this.#corrupt('its checksum does not fit')
      if (this.#isShown(at)) {
        this.#records = readRecords(this.bytes, at, { maxBytes: BATCH_BYTES_MAX })
        return true
      }
      this.#nextOffset = Math.max(this.#nextOffset, nextOffsetOf(this.bytes, at))
    }
  }

  #isShown(at: number): boolean {
    const { bytes } = this
    const lastOffset = lastOffsetOf(bytes, at)
    while (this.#aborted.length > 0 && this.#aborted[0]!.firstOffset <= lastOffset)
      this.#abortedProducers.add(this.#aborted.shift()!.producerId)
    const producerId = producerIdOf(bytes, at)
    if (isControl(bytes, at)) {
      const control = this.#guarded(() => readControlRecord(bytes, at))
      if (control?.kind === 'abort') this.#abortedProducers.delete(producerId)
      return false
    }
    return !(isTransactional(bytes, at) && this.#abortedProducers.has(producerId))
  }

  #guarded<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      throw this.#corrupt(error instanceof Error ? error.message : String(error), error)
    }
  }

  #corrupt(reason: string, cause?: unknown): KafkaError {
    const { topic, partition } = this.partition
    const message = `the batch of ${topic}-${partition} at offset ${this.#nextOffset} is corrupt: ${reason}`
    return new KafkaError('CORRUPT_MESSAGE', message, { cause, topic, partition, offset: this.#nextOffset })
  }
}
