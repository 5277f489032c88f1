import type { Random } from '@millrace/base'
import { partitionOfKey } from './murmur2.ts'

export interface PartitionerInput {
  readonly topic: string
  /** As it is sent. */
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly partitionCount: number
}

/**
 * Chooses a partition from 0 to `partitionCount - 1`. A negative answer leaves the choice to the default: by key with Kafka's murmur2, or the sticky
 * partition for records without a key.
 */
export type Partitioner = (input: PartitionerInput) => number

/** Kafka's own choice for a key; -1, that is "sticky", without one. */
export const defaultPartitioner: Partitioner = ({ key, partitionCount }) =>
  key === null ? -1 : partitionOfKey(key, partitionCount)

/**
 * Records without a key stay with one partition until it has got a batch's worth of bytes (KIP-794): full batches instead of many small ones. The next
 * partition is drawn at random, those with short queues more often, so that a slow broker gets less.
 */
export class StickyPartition {
  readonly #batchBytes: number
  readonly #random: Random
  #partition = -1
  #bytes = 0

  constructor(batchBytes: number, random: Random) {
    this.#batchBytes = batchBytes
    this.#random = random
  }

  /** `queueLengths` holds, by partition, the number of waiting batches, or -1 for a partition without a leader. */
  next(recordBytes: number, queueLengths: () => readonly number[]): number {
    if (this.#partition < 0 || this.#bytes >= this.#batchBytes) {
      this.#partition = this.#draw(queueLengths())
      this.#bytes = 0
    }
    this.#bytes += recordBytes
    return this.#partition
  }

  #draw(queueLengths: readonly number[]): number {
    const longest = Math.max(...queueLengths)
    // Nobody has a leader: any will do until someone has.
    if (longest < 0) return this.#random.integer(queueLengths.length)
    const weight = (length: number): number => (length < 0 ? 0 : longest + 1 - length)
    let ticket = this.#random.integer(queueLengths.reduce((sum, length) => sum + weight(length), 0))
    for (const [partition, length] of queueLengths.entries()) {
      ticket -= weight(length)
      if (ticket < 0) return partition
    }
    return queueLengths.length - 1
  }
}
