/** A transactional producer that does one thing at a time and hides nothing: which protocol it speaks, what it is answered, which epoch it has. */
import {
  AddOffsetsToTxn,
  AddPartitionsToTxn,
  baseOffsetOf,
  batchSizeOf,
  EndTxn,
  type ErrorName,
  errorName,
  Fetch,
  InitProducerId,
  isControl,
  isTransactional,
  OffsetFetch,
  Produce,
  producerIdOf,
  readControlRecord,
  readRecords,
  TxnOffsetCommit,
} from '@millrace/protocol'
import { batchOf, type WireClient } from '@millrace/testkit'

/** Versions of the calls that a client of each generation uses. */
const GENERATIONS = {
  classic: { init: 4, produce: 11, commit: 4, end: 4 },
  epochs: { init: 5, produce: 12, commit: 5, end: 5 },
} as const
export type Generation = keyof typeof GENERATIONS
export const generations: readonly Generation[] = ['classic', 'epochs']

export interface ProducerOptions {
  readonly generation?: Generation
  readonly timeoutMs?: number
}

export class TransactionalProducer {
  client: WireClient
  readonly transactionalId: string
  readonly generation: Generation
  readonly timeoutMs: number
  producerId = -1
  producerEpoch = -1
  readonly #sequences = new Map<string, number>()

  constructor(
    client: WireClient,
    transactionalId: string,
    { generation = 'epochs', timeoutMs = 60_000 }: ProducerOptions = {},
  ) {
    this.client = client
    this.transactionalId = transactionalId
    this.generation = generation
    this.timeoutMs = timeoutMs
  }

  /** Initialised, however often that takes: what the one before left open is aborted first. */
  static async start(
    client: WireClient,
    transactionalId: string,
    options?: ProducerOptions,
  ): Promise<TransactionalProducer> {
    const producer = new TransactionalProducer(client, transactionalId, options)
    for (;;) {
      const error = await producer.init()
      if (error === 'NONE') return producer
      if (error !== 'CONCURRENT_TRANSACTIONS') throw new Error(error)
    }
  }

  /** Goes on where it was, over another connection. */
  reconnect(client: WireClient): void {
    this.client = client
  }

  get isClassic(): boolean {
    return this.generation === 'classic'
  }

  async init(expected = { producerId: -1, producerEpoch: -1 }): Promise<ErrorName> {
    const { transactionalId, timeoutMs } = this
    const answer = await this.client.request(InitProducerId, this.#version('init'), {
      transactionalId,
      transactionTimeoutMs: timeoutMs,
      ...expected,
    })
    if (answer.errorCode === 0) this.#become(answer)
    return errorName(answer.errorCode)
  }

  async addPartitions(topic: string, partitions: readonly number[], version = 3): Promise<ErrorName> {
    const { resultsByTopicV3AndBelow } = await this.client.request(AddPartitionsToTxn, version, {
      v3AndBelowTransactionalId: this.transactionalId,
      v3AndBelowProducerId: this.producerId,
      v3AndBelowProducerEpoch: this.producerEpoch,
      v3AndBelowTopics: [{ name: topic, partitions }],
    })
    return errorName(resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode)
  }

  /** As its generation does it: a classic producer has the partition added before. */
  async send(topic: string, values: readonly string[], partition = 0): Promise<ErrorName> {
    if (this.isClassic) {
      const error = await this.addPartitions(topic, [partition])
      if (error !== 'NONE') return error
    }
    return this.write(topic, values, partition)
  }

  /** The write alone. */
  async write(
    topic: string,
    values: readonly string[],
    partition = 0,
    version = this.#version('produce'),
  ): Promise<ErrorName> {
    const key = `${topic}-${partition}`
    const baseSequence = this.#sequences.get(key) ?? 0
    const { producerId, producerEpoch, transactionalId } = this
    const batch = batchOf(
      values.map(value => ({ timestamp: Date.now(), value: Buffer.from(value) })),
      { producerId, producerEpoch, baseSequence, isTransactional: true },
    )
    const { responses } = await this.client.request(Produce, version, {
      transactionalId,
      acks: -1,
      timeoutMs: 10_000,
      topicData: [{ name: topic, partitionData: [{ index: partition, records: [batch] }] }],
    })
    const { errorCode } = responses[0]!.partitionResponses[0]!
    if (errorCode === 0) this.#sequences.set(key, baseSequence + values.length)
    return errorName(errorCode)
  }

  async addOffsets(groupId: string, version = 3): Promise<ErrorName> {
    const { transactionalId, producerId, producerEpoch } = this
    const asked = { transactionalId, producerId, producerEpoch, groupId }
    return errorName((await this.client.request(AddOffsetsToTxn, version, asked)).errorCode)
  }

  async sendOffset(groupId: string, topic: string, offset: number): Promise<ErrorName> {
    if (this.isClassic) {
      const error = await this.addOffsets(groupId)
      if (error !== 'NONE') return error
    }
    return this.commitOffset(groupId, topic, offset)
  }

  async commitOffset(
    groupId: string,
    topic: string,
    offset: number,
    version = this.#version('commit'),
  ): Promise<ErrorName> {
    const { transactionalId, producerId, producerEpoch } = this
    const partitions = [{ partitionIndex: 0, committedOffset: offset, committedMetadata: '' }]
    const { topics } = await this.client.request(TxnOffsetCommit, version, {
      transactionalId,
      groupId,
      producerId,
      producerEpoch,
      topics: [{ name: topic, partitions }],
    })
    return errorName(topics[0]!.partitions[0]!.errorCode)
  }

  commit(): Promise<ErrorName> {
    return this.end(true)
  }

  abort(): Promise<ErrorName> {
    return this.end(false)
  }

  async end(committed: boolean, version = this.#version('end')): Promise<ErrorName> {
    const { transactionalId, producerId, producerEpoch } = this
    const asked = { transactionalId, producerId, producerEpoch, committed }
    const answer = await this.client.request(EndTxn, version, asked)
    if (answer.errorCode === 0 && version >= 5) this.#become(answer)
    return errorName(answer.errorCode)
  }

  #version(call: keyof (typeof GENERATIONS)['classic']): number {
    return GENERATIONS[this.generation][call]
  }

  #become({ producerId, producerEpoch }: { producerId: number; producerEpoch: number }): void {
    if (producerId !== this.producerId || producerEpoch !== this.producerEpoch) this.#sequences.clear()
    this.producerId = producerId
    this.producerEpoch = producerEpoch
  }
}

export interface Seen {
  readonly values: readonly string[]
  readonly lastStableOffset: number
  readonly highWatermark: number
  readonly aborted: number
}

export interface ReadOptions {
  readonly partition?: number
  readonly isolation?: 'read_committed' | 'read_uncommitted'
  /** Waits for a last stable offset beyond this. */
  readonly beyond?: number
  /** How often it may be answered with nothing meanwhile. */
  readonly waits?: number
  readonly version?: number
}

/** What a consumer of the topic sees, control records and aborted ones left out as it leaves them out. */
export async function read(client: WireClient, topic: string, options: ReadOptions = {}): Promise<Seen> {
  const { partition = 0, isolation = 'read_committed', beyond = -1, version = 12, waits = 100 } = options
  let empty = 0
  for (;;) {
    const { responses } = await client.request(Fetch, version, {
      maxWaitMs: beyond < 0 ? 0 : 10_000,
      minBytes: 1,
      maxBytes: 1 << 24,
      isolationLevel: isolation === 'read_committed' ? 1 : 0,
      topics: [{ topic, partitions: [{ partition, fetchOffset: Math.max(0, beyond), partitionMaxBytes: 1 << 24 }] }],
    })
    const found = responses[0]!.partitions[0]!
    if (found.errorCode !== 0) throw new Error(errorName(found.errorCode))
    if (beyond >= 0) {
      if (found.lastStableOffset <= beyond) {
        if (++empty >= waits) throw new Error(`${empty} answers with nothing`)
        continue
      }
      return read(client, topic, { ...options, beyond: -1 })
    }
    return {
      values: valuesOf(found.records ?? [], found.abortedTransactions ?? []),
      lastStableOffset: found.lastStableOffset,
      highWatermark: found.highWatermark,
      aborted: found.abortedTransactions?.length ?? -1,
    }
  }
}

interface Aborted {
  readonly producerId: number
  readonly firstOffset: number
}

function valuesOf(batches: readonly Buffer[], aborted: readonly Aborted[]): string[] {
  const bytes = Buffer.concat(batches)
  const values: string[] = []
  const left = [...aborted]
  const aborting = new Set<number>()
  for (let at = 0; at < bytes.length; at += batchSizeOf(bytes, at)) {
    const producerId = producerIdOf(bytes, at)
    for (const [i, { firstOffset }] of left.entries())
      if (left[i]!.producerId === producerId && firstOffset <= baseOffsetOf(bytes, at))
        aborting.add(left.splice(i, 1)[0]!.producerId)
    if (readControlRecord(bytes, at)?.kind === 'abort') aborting.delete(producerId)
    if (isControl(bytes, at) || (isTransactional(bytes, at) && aborting.has(producerId))) continue
    for (const { value } of readRecords(bytes, at, { maxBytes: 1 << 20 })) values.push(String(value))
  }
  return values
}

/** The committed offset of partition 0, or the error that stands in its place. */
export async function committedOffset(
  client: WireClient,
  groupId: string,
  topic: string,
  requireStable = true,
): Promise<number | ErrorName> {
  const { groups } = await client.request(OffsetFetch, 9, {
    groups: [{ groupId, topics: [{ name: topic, partitionIndexes: [0] }] }],
    requireStable,
  })
  const { errorCode, committedOffset: offset } = groups[0]!.topics[0]!.partitions[0]!
  return errorCode === 0 ? offset : errorName(errorCode)
}
