/** The engine for tests and for `--ephemeral`: everything is gone with the process. */
import { type Clock, type Scheduled, systemClock } from '@millrace/base'
import type { Catalog } from '../catalog/catalog.ts'
import type {
  ActiveProducer,
  AppendEntry,
  AppendOutcome,
  EpochEnd,
  LogConfig,
  LogDirectory,
  LogEngine,
  LogListener,
  LogRefusal,
  OffsetFound,
  OffsetQuery,
  PartitionLog,
  ProducerEpoch,
  ReadBudget,
  ReadEntry,
  ReadOutcome,
  StartReport,
  StorageEngine,
  TopicLayout,
} from '../engine.ts'
import { ledPartitions, StorageError } from '../engine.ts'
import { activeProducersOf } from '../log/active-producers.ts'
import { refusal } from '../log/admission.ts'
import { CleaningStopped } from '../log/cleaner/pace.ts'
import { BudgetMeter } from '../log/read-budget.ts'
import { MemoryLog } from './memory-log.ts'

const RETENTION_CHECK_MS = 30_000
const PRODUCER_EXPIRATION_MS = 86_400_000

export interface MemoryEngineOptions {
  readonly catalog: Catalog
  readonly clock?: Clock
  readonly producerExpirationMs?: number
}

export function openMemoryEngine(options: MemoryEngineOptions): StorageEngine {
  const logs = new MemoryLogEngine(options)
  const close = (): Promise<void> => {
    logs.close()
    return Promise.resolve()
  }
  return { catalog: options.catalog, logs, close, [Symbol.asyncDispose]: close }
}

class MemoryLogEngine implements LogEngine {
  readonly #clock: Clock
  readonly #producerExpirationMs: number
  readonly #topics = new Map<string, MemoryLog[]>()
  #listener: LogListener | undefined
  #check: Scheduled | undefined
  #cleaning: Promise<void> = Promise.resolve()

  constructor({ clock = systemClock, producerExpirationMs = PRODUCER_EXPIRATION_MS }: MemoryEngineOptions) {
    this.#clock = clock
    this.#producerExpirationMs = producerExpirationMs
    this.#checkLater()
  }

  listen(listener: LogListener): void {
    this.#listener = listener
  }

  start(topics: readonly TopicLayout[]): Promise<StartReport> {
    for (const layout of topics) this.create(layout)
    const partitionCount = topics.reduce((sum, layout) => sum + layout.partitionCount, 0)
    return Promise.resolve({ partitionCount, cleanStart: true, recoveredSegments: 0, truncatedBytes: 0, failures: [] })
  }

  create(layout: TopicLayout): void {
    const logs = this.#topics.get(layout.topicId) ?? []
    for (const partition of ledPartitions(layout)) logs[partition] ??= new MemoryLog(layout, partition)
    this.#topics.set(layout.topicId, logs)
  }

  remove(topicId: string): void {
    const logs = this.#topics.get(topicId) ?? []
    this.#topics.delete(topicId)
    for (const log of Object.values(logs)) this.#listener?.failed(log)
  }

  configure(topicId: string, config: LogConfig): void {
    for (const log of Object.values(this.#topics.get(topicId) ?? [])) log.config = config
  }

  /** What is in memory goes nowhere. */
  release({ topic, partition }: PartitionLog): Promise<string> {
    return Promise.reject(
      new StorageError('IO', `${topic}-${partition} is in the memory of its node and cannot be moved`),
    )
  }

  partition(topicId: string, partition: number): PartitionLog | undefined {
    return this.#topics.get(topicId)?.[partition]
  }

  append(entries: readonly AppendEntry[]): readonly AppendOutcome[] {
    return entries.map(entry => {
      const log = this.#logOf(entry.partition)
      if (log === undefined) return gone(entry.partition)
      const outcome = log.append(entry, this.#clock.now())
      if (outcome.kind === 'appended') this.#listener?.advanced(log)
      return outcome
    })
  }

  read(entries: readonly ReadEntry[], budget: ReadBudget): readonly ReadOutcome[] {
    const meter = new BudgetMeter(budget)
    return entries.map(({ partition, offset, maxBytes, isolation }) => {
      const log = this.#logOf(partition)
      if (log === undefined) return { ...gone(partition), highWatermark: -1, logStartOffset: -1 }
      const outcome = log.read(offset, isolation, meter.allowance(maxBytes))
      if (outcome.kind === 'read') meter.spend(outcome.bytes)
      return outcome
    })
  }

  listOffset(partition: PartitionLog, query: OffsetQuery): OffsetFound | LogRefusal {
    return this.#logOf(partition)?.listOffset(query) ?? gone(partition)
  }

  epochEnd(partition: PartitionLog, leaderEpoch: number): EpochEnd | LogRefusal {
    const log = this.#logOf(partition)
    return log?.epochs.endOf(leaderEpoch, log.logEndOffset) ?? gone(partition)
  }

  deleteRecords(
    partition: PartitionLog,
    beforeOffset: number,
  ): { readonly kind: 'deleted'; readonly logStartOffset: number } | LogRefusal {
    const log = this.#logOf(partition)
    if (log === undefined) return gone(partition)
    const before = log.logStartOffset
    const outcome = log.deleteBefore(beforeOffset)
    if (log.logStartOffset !== before) this.#listener?.advanced(log)
    return outcome
  }

  activeProducers(partition: PartitionLog): readonly ActiveProducer[] {
    const log = this.#logOf(partition)
    return log === undefined ? [] : activeProducersOf(log.producers)
  }

  hasOpenTransaction(partition: PartitionLog, producer: ProducerEpoch): boolean {
    return this.#logOf(partition)?.producers.hasOpenTransaction(producer) ?? false
  }

  directories(): readonly LogDirectory[] {
    const partitions = [...this.#topics.values()]
      .flat()
      .map(({ topic, partition, sizeBytes }) => ({ topic, partition, sizeBytes }))
    return [{ path: 'memory', error: undefined, totalBytes: -1, usableBytes: -1, partitions }]
  }

  close(): void {
    this.#check?.cancel()
    this.#topics.clear()
  }

  /** The handle may be of a topic that was removed, and made again, since it was taken. */
  #logOf(partition: PartitionLog): MemoryLog | undefined {
    const log = this.#topics.get(partition.topicId)?.[partition.partition]
    return log === partition ? log : undefined
  }

  /** What cannot be read is left as it is, and so is a log that went while it was cleaned. */
  async #clean(): Promise<void> {
    for (const log of [...this.#topics.values()].flat()) {
      const isWanted = (): boolean => this.#logOf(log) === log && log.config.cleanupPolicy.includes('compact')
      await log.clean(this.#clock, isWanted).catch((fault: unknown) => {
        if (!(fault instanceof CleaningStopped) && !(fault instanceof StorageError)) throw fault
      })
    }
  }

  #checkLater(): void {
    this.#check = this.#clock.schedule(RETENTION_CHECK_MS, () => {
      const now = this.#clock.now()
      for (const log of [...this.#topics.values()].flat()) {
        log.producers.expire(now, this.#producerExpirationMs)
        if (log.retain(now)) this.#listener?.advanced(log)
      }
      this.#cleaning = this.#cleaning.then(() => this.#clean())
      this.#checkLater()
    })
  }
}

const gone = (partition: PartitionLog): LogRefusal =>
  refusal('UNKNOWN_TOPIC_OR_PARTITION', `${partition.topic}-${partition.partition} is not here any more`)
