import type { BufferPool, PooledBlock } from '@millrace/base'
import {
  BatchBuilder,
  type CompressionCodec,
  patchCrc,
  type RecordFields,
  readRecords,
  writeInt64,
} from '@millrace/protocol'
import type { KafkaError } from '../errors.ts'

/** Told once for each record: either the error, or the offset and the time that the broker stamped (-1: the record's own). */
export type Delivery = (error: KafkaError | undefined, offset: number, logAppendTimeMs: number) => void

export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

export interface BatchCodec {
  readonly codec: CompressionCodec
  readonly level: number | undefined
  readonly isTransactional?: boolean
}

/** A batch begins with as much memory as it may need, but takes no more than this on trust. */
export const BUILDER_BYTES_MIN = 512
export const BUILDER_BYTES_MAX = 65_536

/**
 * Records of one partition on their way. It is open until it is first sent: then it is encoded and only its identity and sequence may change. A
 * delivery is kept only for a record whose sender wants to know. Its memory goes back to the pool when it is certain that no socket reads it any more, and
 * is left to the collector otherwise.
 */
export class ProducerBatch {
  readonly createdAt: number
  /** Position in the partition's order of sending; undefined until it is first sent. */
  order: number | undefined
  identity: ProducerIdentity | undefined
  baseSequence = -1
  attempts = 0
  retryAt = 0
  /** What the records count for in the producer's buffer. */
  chargedBytes = 0
  readonly #builder: BatchBuilder
  #block: PooledBlock | undefined
  readonly #deliveries: { readonly index: number; readonly run: Delivery }[] = []
  readonly #onDone: (() => void)[] = []
  #encoded: Buffer | undefined
  #recordCount = 0
  #silentCount = 0
  #size: number

  constructor(createdAt: number, capacity: number, pool?: BufferPool) {
    this.createdAt = createdAt
    const bytes = Math.max(Math.min(capacity, BUILDER_BYTES_MAX), BUILDER_BYTES_MIN)
    this.#block = pool?.take(bytes)
    this.#builder = new BatchBuilder(this.#block?.bytes ?? bytes)
    this.#size = this.#builder.sizeInBytes
  }

  get recordCount(): number {
    return this.#recordCount
  }

  /** Uncompressed while it is open, as sent afterwards. */
  get sizeInBytes(): number {
    return this.#size
  }

  get isOpen(): boolean {
    return this.#encoded === undefined
  }

  append(record: RecordFields, delivery: Delivery | undefined): void {
    this.#builder.append(record)
    if (delivery === undefined) this.#silentCount++
    else this.#deliveries.push({ index: this.#recordCount, run: delivery })
    this.#recordCount++
    this.#size = this.#builder.sizeInBytes
  }

  /** The bytes to send. May be called again with another identity when the batch is not under way. */
  encode({ codec, level, isTransactional = false }: BatchCodec): Buffer {
    const { producerId = -1, producerEpoch = -1 } = this.identity ?? {}
    const { baseSequence } = this
    if (this.#encoded === undefined) {
      this.#encoded = this.#builder.build({
        codec,
        producerId,
        producerEpoch,
        baseSequence,
        isTransactional,
        ...(level === undefined ? {} : { compressionLevel: level }),
      })
      this.#size = this.#encoded.length
      if (codec !== 'none') this.#giveBack()
      return this.#encoded
    }
    patchIdentity(this.#encoded, producerId, producerEpoch, baseSequence)
    return this.#encoded
  }

  /** Two halves in place of a batch that the broker finds too large; they take over its records' deliveries and its sequences. */
  split(capacity: number): ProducerBatch[] {
    const half = Math.ceil(this.#recordCount / 2)
    const parts = [new ProducerBatch(this.createdAt, capacity), new ProducerBatch(this.createdAt, capacity)] as const
    let index = 0
    let next = 0
    for (const { timestamp, key, value, headers } of readRecords(this.#encoded!, 0, { maxBytes: 0x7fff_ffff })) {
      const wanted = this.#deliveries[next]?.index === index ? this.#deliveries[next++]!.run : undefined
      parts[index < half ? 0 : 1].append({ timestamp, key, value, headers }, wanted)
      index++
    }
    for (const part of parts) {
      part.identity = this.identity
      part.attempts = this.attempts + 1
      part.order = this.order
    }
    parts[0].chargedBytes = this.chargedBytes
    parts[0].baseSequence = this.baseSequence
    if (this.baseSequence >= 0) parts[1].baseSequence = (this.baseSequence + half) & 0x7fff_ffff
    // Whoever waits for this batch waits for its last half.
    parts[0].onDone(() => parts[1].onDone(() => this.#done()))
    return [...parts]
  }

  onDone(run: () => void): void {
    this.#onDone.push(run)
  }

  succeed(baseOffset: number, logAppendTimeMs: number): void {
    // An offset is an answer to all that was written. After a retry an earlier socket might still hold the bytes.
    if (baseOffset >= 0 && this.attempts === 0) this.#giveBack()
    for (const { index, run } of this.#deliveries)
      run(undefined, baseOffset < 0 ? -1 : baseOffset + index, logAppendTimeMs)
    this.#done()
  }

  /** Gives the number of records that nobody was told about. */
  fail(error: KafkaError): number {
    for (const { run } of this.#deliveries) run(error, -1, -1)
    this.#done()
    return this.#silentCount
  }

  #giveBack(): void {
    this.#block?.release()
    this.#block = undefined
  }

  #done(): void {
    for (const run of this.#onDone.splice(0)) run()
  }
}

function patchIdentity(batch: Buffer, producerId: number, producerEpoch: number, baseSequence: number): void {
  writeInt64(batch, 43, producerId)
  batch.writeInt16BE(producerEpoch, 51)
  batch.writeInt32BE(baseSequence, 53)
  patchCrc(batch, 0)
}
