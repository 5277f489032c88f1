/**
 * From a topic to a partition. While a topic is not known its records wait here, in order, for the cluster to tell how many partitions it has.
 */
import { systemRandom } from '@millrace/base'
import { BatchBuilder, type RecordFields } from '@millrace/protocol'
import type { Cluster } from '../cluster/cluster.ts'
import { KafkaError } from '../errors.ts'
import type { Accumulator } from './accumulator.ts'
import { defaultPartitioner, type Partitioner, StickyPartition } from './partitioner.ts'
import type { Delivery } from './producer-batch.ts'

/** Told with the partition once it is known. */
export interface RoutedRecord {
  readonly partition: number | undefined
  readonly fields: RecordFields
  readonly deliver: ((partition: number) => Delivery) | undefined
  /** Told when the record finds no partition. */
  readonly refuse: (error: KafkaError) => void
}

interface TopicState {
  readonly name: string
  readonly waiting: RoutedRecord[]
  readonly sticky: StickyPartition
  learning: Promise<void> | undefined
}

export interface RouterOptions {
  readonly partitioner: Partitioner | undefined
  readonly batchBytes: number
  readonly maxBlockMs: number
}

export class TopicRouter {
  readonly #cluster: Cluster
  readonly #accumulator: Accumulator
  readonly #options: RouterOptions
  readonly #onReady: () => void
  readonly #topics = new Map<string, TopicState>()

  constructor(cluster: Cluster, accumulator: Accumulator, options: RouterOptions & { readonly onReady: () => void }) {
    this.#cluster = cluster
    this.#accumulator = accumulator
    this.#options = options
    this.#onReady = options.onReady
  }

  route(topic: string, record: RoutedRecord): void {
    const state = this.#topics.get(topic) ?? this.#add(topic)
    const partitionCount = this.#cluster.metadata.peek(topic)?.partitions.length
    if (partitionCount !== undefined && state.waiting.length === 0) return this.#place(state, record, partitionCount)
    state.waiting.push(record)
    this.#accumulator.reserve(BatchBuilder.recordSizeMax(record.fields))
    state.learning ??= this.#learn(state)
  }

  /** Resolves when no record waits for its topic to become known. */
  async settled(): Promise<void> {
    const waiting = [...this.#topics.values()].filter(state => state.waiting.length > 0)
    await Promise.all(waiting.map(({ learning }) => learning))
  }

  /** Gives up on the records that wait for their topic to become known. */
  refuseWaiting(error: KafkaError): void {
    for (const state of this.#topics.values()) for (const { refuse } of this.#takeWaiting(state)) refuse(error)
  }

  #add(topic: string): TopicState {
    const state: TopicState = {
      name: topic,
      waiting: [],
      sticky: new StickyPartition(this.#options.batchBytes, systemRandom),
      learning: undefined,
    }
    this.#topics.set(topic, state)
    return state
  }

  async #learn(state: TopicState): Promise<void> {
    try {
      const call = { timeoutMs: this.#options.maxBlockMs }
      const view = await this.#cluster.retry(call, () => this.#cluster.metadata.topic(state.name))
      for (const record of this.#takeWaiting(state)) this.#place(state, record, view.partitions.length)
    } catch (error) {
      const refusal =
        error instanceof KafkaError ? error : new KafkaError('INVALID_STATE', String(error), { cause: error })
      for (const { refuse } of this.#takeWaiting(state)) refuse(refusal)
    } finally {
      state.learning = undefined
    }
  }

  #takeWaiting(state: TopicState): RoutedRecord[] {
    const records = state.waiting.splice(0)
    this.#accumulator.release(records.reduce((sum, { fields }) => sum + BatchBuilder.recordSizeMax(fields), 0))
    return records
  }

  #place(state: TopicState, { partition: asked, fields, deliver, refuse }: RoutedRecord, partitionCount: number): void {
    const partition = asked ?? this.#choose(state, fields, partitionCount)
    if (!Number.isInteger(partition) || partition < 0 || partition >= partitionCount) {
      const message = `topic '${state.name}' has ${partitionCount} partitions: there is no partition ${partition}`
      return refuse(new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', message, { topic: state.name, partition }))
    }
    if (this.#accumulator.append(state.name, partition, fields, deliver?.(partition))) this.#onReady()
  }

  #choose({ name, sticky }: TopicState, fields: RecordFields, partitionCount: number): number {
    const { key = null, value = null } = fields
    const input = { topic: name, key, value, partitionCount }
    const chosen = this.#options.partitioner?.(input) ?? -1
    if (chosen >= 0) return chosen
    const byKey = defaultPartitioner(input)
    if (byKey >= 0) return byKey
    return sticky.next(BatchBuilder.recordSizeMax(fields), () => this.#queueLengths(name))
  }

  #queueLengths(topic: string): number[] {
    const partitions = this.#cluster.metadata.peek(topic)?.partitions ?? []
    return partitions.map(({ leaderId, partition }) =>
      leaderId < 0 ? -1 : this.#accumulator.queueLength(topic, partition),
    )
  }
}
