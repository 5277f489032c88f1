/** Where records wait to be sent: by topic and partition, bounded in bytes as a whole. */
import { BufferPool, systemClock } from '@millrace/base'
import type { RecordFields } from '@millrace/protocol'
import { BatchBuilder } from '@millrace/protocol'
import { PartitionQueue } from './partition-queue.ts'
import { BUILDER_BYTES_MAX, BUILDER_BYTES_MIN, type Delivery, ProducerBatch } from './producer-batch.ts'

export interface AccumulatorOptions {
  readonly batchBytes: number
  readonly bufferBytes: number
  /** Batches of one partition that may be under way at once. */
  readonly inFlightMax: number
}

export class Accumulator {
  readonly #options: AccumulatorOptions
  /** Of batches that were sent, for those to come: as much as may wait, as long as it is needed. */
  readonly #pool: BufferPool
  readonly #topics = new Map<string, Map<number, PartitionQueue>>()
  /** Queues that have something to send, in the order in which it is their turn. */
  readonly active = new Set<PartitionQueue>()
  readonly #incomplete = new Set<ProducerBatch>()
  #bufferedBytes = 0
  readonly #roomWaiters: (() => void)[] = []

  constructor(options: AccumulatorOptions) {
    this.#options = options
    this.#pool = new BufferPool(
      { blockBytesMin: BUILDER_BYTES_MIN, blockBytesMax: BUILDER_BYTES_MAX, keptBytesMax: options.bufferBytes },
      systemClock,
    )
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  get isFull(): boolean {
    return this.#bufferedBytes >= this.#options.bufferBytes
  }

  get hasRoomWaiters(): boolean {
    return this.#roomWaiters.length > 0
  }

  get incomplete(): ReadonlySet<ProducerBatch> {
    return this.#incomplete
  }

  /** Counts bytes that wait elsewhere, for a topic that is not known yet; they are given back with `release`. */
  reserve(bytes: number): void {
    this.#bufferedBytes += bytes
  }

  release(bytes: number): void {
    this.#bufferedBytes -= bytes
    while (this.#roomWaiters.length > 0 && !this.isFull) this.#roomWaiters.shift()!()
  }

  /** Resolves when there is room for more; first come, first served. */
  room(): Promise<void> {
    if (!this.isFull && this.#roomWaiters.length === 0) return Promise.resolve()
    return new Promise(resolve => this.#roomWaiters.push(resolve))
  }

  /** Batches that wait, by partition; what the sticky partitioner weighs. */
  queueLength(topic: string, partition: number): number {
    return this.#topics.get(topic)?.get(partition)?.waiting.length ?? 0
  }

  /** Adds a record to the last batch of its partition. True when a batch has become full, or is the first to wait. */
  append(topic: string, partition: number, record: RecordFields, delivery: Delivery | undefined): boolean {
    const queue = this.#queue(topic, partition)
    const size = BatchBuilder.recordSizeMax(record)
    const last = queue.waiting.at(-1)
    const fits = last?.isOpen === true && last.sizeInBytes + size <= this.#options.batchBytes
    const batch = fits ? last : this.#open(queue, size)
    batch.append(record, delivery)
    batch.chargedBytes += size
    this.#bufferedBytes += size
    return !fits || batch.sizeInBytes >= this.#options.batchBytes
  }

  /** What a batch held in the buffer is free again. */
  settle(batch: ProducerBatch, queue: PartitionQueue): void {
    this.#incomplete.delete(batch)
    if (queue.waiting.length === 0) this.active.delete(queue)
    this.release(batch.chargedBytes)
  }

  track(batch: ProducerBatch): void {
    this.#incomplete.add(batch)
  }

  isBatchFull(batch: ProducerBatch): boolean {
    return batch.sizeInBytes >= this.#options.batchBytes
  }

  #open(queue: PartitionQueue, recordSize: number): ProducerBatch {
    const batch = new ProducerBatch(performance.now(), Math.max(this.#options.batchBytes, recordSize), this.#pool)
    queue.waiting.push(batch)
    this.#incomplete.add(batch)
    this.active.add(queue)
    return batch
  }

  #queue(topic: string, partition: number): PartitionQueue {
    let partitions = this.#topics.get(topic)
    if (partitions === undefined) this.#topics.set(topic, (partitions = new Map()))
    let queue = partitions.get(partition)
    if (queue === undefined)
      partitions.set(partition, (queue = new PartitionQueue(topic, partition, this.#options.inFlightMax)))
    return queue
  }
}
