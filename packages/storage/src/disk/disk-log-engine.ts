/** The logs of one process: its partitions by topic id, what they share, and the work that comes round by the clock. */
import { BufferPool, type Clock, type Logger, type Random, type Scheduled } from '@millrace/base'
import {
  type ActiveProducer,
  type AppendEntry,
  type AppendOutcome,
  type CleaningReport,
  type EpochEnd,
  type LogConfig,
  type LogDirectory,
  type LogEngine,
  type LogListener,
  type LogRefusal,
  ledPartitions,
  type MaybePromise,
  type OffsetFound,
  type OffsetQuery,
  type PartitionLog,
  type PartitionOpened,
  type ProducerEpoch,
  type ReadBudget,
  type ReadEntry,
  type ReadOutcome,
  type StartReport,
  StorageError,
  type TopicLayout,
} from '../engine.ts'
import type { FileSystem } from '../file-system.ts'
import { activeProducersOf } from '../log/active-producers.ts'
import { refusal } from '../log/admission.ts'
import type { PartitionOffset } from '../log/checkpoint-file.ts'
import { LogCleaner } from '../log/cleaner/log-cleaner.ts'
import { DiskLog } from '../log/disk-log.ts'
import { type OpenedLog, openLog } from '../log/log-loader.ts'
import type { LogServices } from '../log/log-services.ts'
import { answerOffset } from '../log/offset-query.ts'
import { OpenFiles } from '../log/open-files.ts'
import { readLogs } from '../log/partition-reads.ts'
import { ReadPace } from '../log/read-pace.ts'
import { TailCache } from '../log/tail-cache.ts'
import { checkpointed } from './checkpointed-offsets.ts'
import { type CheckpointName, checkpointNames, type DataFolder } from './data-folder.ts'
import type { DiskEngineSettings } from './disk-engine.ts'
import {
  checkpointsOf,
  type FolderKnowledge,
  formatHandover,
  knowledgeOf,
  NEW_FOLDER,
  offsetsOf,
  UNKNOWN_FOLDER,
} from './folder-knowledge.ts'
import { LogUpkeep, yieldTurn } from './log-upkeep.ts'
import { PartitionFolders, type PartitionPlace } from './partition-folders.ts'
import { type UnopenedPartition, UnopenedPartitions } from './unopened-partitions.ts'

export interface DiskLogEngineParts {
  readonly folders: readonly DataFolder[]
  readonly fs: FileSystem
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly settings: DiskEngineSettings
}

interface Placed {
  readonly log: DiskLog
  readonly data: DataFolder
}

export class DiskLogEngine implements LogEngine {
  readonly #parts: DiskLogEngineParts
  readonly #services: LogServices
  readonly #places: PartitionFolders
  readonly #topics = new Map<string, Placed[]>()
  readonly #upkeep: LogUpkeep
  readonly #cleaner: LogCleaner
  #listener: LogListener | undefined
  #creating: Promise<void> = Promise.resolve()
  readonly #unopened = new UnopenedPartitions()
  #starting: Promise<unknown> = Promise.resolve()
  /** Partitions that are gone and may still have lines in the checkpoints: one that is made anew under the name must not meet them. */
  readonly #gone = new Set<string>()
  /** Handed over. Until the catalog says so they are ours, and their lines stay; later they do no harm. */
  #left: readonly Placed[] = []
  #isStarted = false
  #isClosed = false

  constructor(parts: DiskLogEngineParts) {
    this.#parts = parts
    const { fs, clock, random, logger, settings } = parts
    this.#places = new PartitionFolders(fs, parts.folders, { random, logger })
    this.#services = {
      fs,
      clock,
      random,
      logger,
      files: new OpenFiles(fs, settings.openFilesMax),
      tails: new TailCache(settings.tailBytes, clock),
      readBlocks: new BufferPool(READ_BLOCKS, clock),
      readPace: new ReadPace(clock, settings.syncReadBytesMax, settings.syncReadBytesMaxWhileFast),
      advanced: log => this.#listener?.advanced(log),
      failed: log => this.#listener?.failed(log),
      settled: () => this.#upkeep.checkpointSoon(),
      removeLater: (paths, delayMs) => this.#upkeep.removeLater(paths, delayMs),
    }
    this.#upkeep = new LogUpkeep(this.#services, settings, {
      logs: () => this.#allLogs(),
      checkpoint: () => this.#checkpointAll(),
      saveLogStarts: async () => {
        const saved = new Set<DiskLog>()
        for (const data of parts.folders)
          if (await this.#checkpoint(data, 'log-start-offset-checkpoint'))
            for (const log of this.#logsIn(data)) saved.add(log)
        return saved
      },
    })
    this.#cleaner = new LogCleaner(this.#services, settings.cleaner, {
      folders: () => parts.folders.map(data => ({ path: data.path, logs: this.#logsIn(data) })),
      checkpoint: () => this.#checkpointCleaned(),
    })
  }

  cleaning = (): CleaningReport => this.#cleaner.report()

  listen(listener: LogListener): void {
    this.#listener = listener
  }

  start(topics: readonly TopicLayout[], opened: PartitionOpened = () => {}): Promise<StartReport> {
    const started = this.#start(topics, opened)
    this.#starting = started.catch(() => {})
    return started
  }

  async #start(topics: readonly TopicLayout[], opened: PartitionOpened): Promise<StartReport> {
    const { folders, logger, settings } = this.#parts
    this.#places.scan()
    const known = new Map<DataFolder, FolderKnowledge>()
    for (const data of folders) known.set(data, await knowledgeOf(data, logger))
    const wanted = topics.flatMap(layout => [...ledPartitions(layout)].map(partition => ({ layout, partition })))
    const names = wanted.map(({ layout, partition }) => `${layout.topic}-${partition}`)
    this.#reportStrays(topics)
    for (const { recoveryPoints, logStarts } of known.values())
      for (const name of [...recoveryPoints.keys(), ...logStarts.keys()]) this.#gone.add(name)
    for (const name of names) this.#gone.delete(name)
    const report = { recoveredSegments: 0, truncatedBytes: 0, failures: [] as StartReport['failures'][number][] }
    // Of their full length, and empty where a partition is not open yet.
    for (const layout of topics) this.#topics.set(layout.topicId, new Array<Placed>(layout.partitionCount))
    this.#unopened.begin(wanted, checkpointsOf(known))
    const cleanStart = [...known.values()].every(folder => folder.isClean)
    const progress = cleanStart ? undefined : this.#tellProgress(wanted.length, report)
    await eachOf(wanted, settings.recoveryConcurrency, async one => {
      const { layout, partition } = one
      if (this.#isClosed || !this.#unopened.opening(one)) return
      const outcome = await this.#openOrReport(one, known)
      this.#takeIn(one, outcome, opened)
      if ('reason' in outcome) report.failures.push({ topic: layout.topic, partition, reason: outcome.reason })
      else {
        report.recoveredSegments += outcome.recoveredSegments
        report.truncatedBytes += outcome.truncatedBytes
      }
    })
    progress?.cancel()
    if (this.#isClosed) return { partitionCount: wanted.length, cleanStart, ...report }
    if (!cleanStart) logger.info('recovered after an unclean stop', { ...report, failures: report.failures.length })
    this.#upkeep.begin()
    this.#cleaner.begin()
    this.#isStarted = true
    return { partitionCount: wanted.length, cleanStart, ...report }
  }

  /** What happened to the topic while its partition was being opened happens to the partition now. */
  #takeIn(one: UnopenedPartition, { log, data }: Placed, opened: PartitionOpened): void {
    const { layout, partition } = one
    const placed = this.#topics.get(layout.topicId)
    const config = this.#unopened.opened(one)
    if (placed === undefined) return this.#moveAway(log)
    if (config !== layout.config) log.config = config
    placed[partition] = { log, data }
    opened(layout.topicId, partition)
  }

  #tellProgress(partitionCount: number, report: { readonly recoveredSegments: number }): Scheduled {
    const { clock, logger } = this.#parts
    logger.info('recovering after an unclean stop', { partitions: partitionCount })
    let next: Scheduled
    const arm = (): Scheduled =>
      clock.schedule(PROGRESS_MS, () => {
        const openPartitions = partitionCount - this.#unopened.count
        logger.info('recovering', { openPartitions, of: partitionCount, segments: report.recoveredSegments })
        next = arm()
      })
    next = arm()
    return { cancel: () => next.cancel() }
  }

  /** One at a time, so that two requests for one topic do not open a folder twice. */
  create(layout: TopicLayout): Promise<void> {
    const created = this.#creating.then(() => this.#unopened.free(layout.topic)).then(() => this.#create(layout))
    this.#creating = created.catch(() => {})
    return created
  }

  async #create(layout: TopicLayout): Promise<void> {
    const placed = this.#topics.get(layout.topicId) ?? []
    this.#topics.set(layout.topicId, placed)
    await this.#forgetGone(layout)
    for (const partition of ledPartitions(layout)) {
      if (placed[partition] !== undefined || this.#unopened.has(layout.topic, partition)) continue
      const place = this.#places.claim(layout, partition)
      const isKnown = place.isNew || (layout.terms?.get(partition)?.handover ?? '') !== ''
      const { log } = await this.#open(layout, partition, { place, known: isKnown ? NEW_FOLDER : UNKNOWN_FOLDER })
      placed[partition] = { log, data: place.data }
      this.#left = this.#left.filter(one => one.log.name !== log.name)
      // Files are slow to make, and others have requests too.
      if (partition % CREATED_IN_A_TURN === CREATED_IN_A_TURN - 1) await yieldTurn()
      if (this.#topics.get(layout.topicId) === placed) continue
      this.#moveAway(log)
      return
    }
  }

  /** A recovery point of an earlier life would keep a recovery from looking at what the partition of today lost. */
  async #forgetGone({ topic, partitionCount }: TopicLayout): Promise<void> {
    const isMet = Array.from({ length: partitionCount }, (_, i) => `${topic}-${i}`).some(name => this.#gone.has(name))
    if (!isMet) return
    this.#gone.clear()
    await this.#checkpointAll()
  }

  remove(topicId: string): void {
    const placed = this.#topics.get(topicId) ?? []
    this.#topics.delete(topicId)
    this.#left = this.#left.filter(({ log }) => log.topicId !== topicId)
    for (const { log } of openOf(placed)) {
      this.#gone.add(log.name)
      this.#moveAway(log)
    }
    for (const { layout, partition } of this.#unopened.forget(topicId)) {
      this.#gone.add(`${layout.topic}-${partition}`)
      this.#moveUnopenedAway(layout, partition)
    }
  }

  async release(partition: PartitionLog): Promise<string> {
    const placed = this.#placedOf(partition)
    if (placed === undefined || placed.log.fault !== undefined)
      throw new StorageError('IO', `${partition.topic}-${partition.partition} is not in service`)
    const { log } = placed
    delete this.#topics.get(log.topicId)![log.partition]
    this.#left = [...this.#left, placed]
    this.#listener?.failed(log)
    await this.#cleaner.leave(log)
    try {
      await log.handOver()
    } catch (fault) {
      // It is this node's still, and out of service.
      const topic = this.#topics.get(log.topicId)
      if (topic !== undefined) topic[log.partition] ??= placed
      this.#left = this.#left.filter(one => one !== placed)
      throw fault
    }
    this.#places.leave(log.topic, log.partition)
    const { logStartOffset, cleanedUpTo } = log
    return formatHandover({ recoveryPoint: log.flusher.recoveryPoint, logStartOffset, cleanedUpTo })
  }

  #moveUnopenedAway(layout: TopicLayout, partition: number): void {
    const { fs, logger } = this.#parts
    try {
      const { folder } = this.#places.claim(layout, partition)
      const waiting = this.#places.release(layout.topic, partition)
      if (waiting === undefined) return
      fs.rename(folder, waiting)
      this.#upkeep.removeLater([waiting], layout.config.fileDeleteDelayMs)
    } catch (fault) {
      const name = `${layout.topic}-${partition}`
      logger.error('folder of a deleted topic could not be moved', { partition: name, reason: fault })
    }
  }

  #moveAway(log: DiskLog): void {
    const waiting = this.#places.release(log.topic, log.partition)
    try {
      if (waiting !== undefined) log.moveAway(waiting)
    } catch (fault) {
      this.#parts.logger.error('folder of a deleted topic could not be moved', { partition: log.name, reason: fault })
    }
    this.#listener?.failed(log)
  }

  configure(topicId: string, config: LogConfig): void {
    this.#unopened.configure(topicId, config)
    for (const { log } of openOf(this.#topics.get(topicId) ?? [])) log.config = config
  }

  partition(topicId: string, partition: number): PartitionLog | undefined {
    return this.#topics.get(topicId)?.[partition]?.log
  }

  append(entries: readonly AppendEntry[]): MaybePromise<readonly AppendOutcome[]> {
    let waits = false
    const outcomes = entries.map(entry => {
      const outcome = this.#logOf(entry.partition)?.append(entry) ?? this.#notHere(entry.partition)
      waits ||= outcome instanceof Promise
      return outcome
    })
    return waits ? Promise.all(outcomes) : (outcomes as AppendOutcome[])
  }

  read(entries: readonly ReadEntry[], budget: ReadBudget): MaybePromise<readonly ReadOutcome[]> {
    return readLogs(this.#services, {
      entries,
      budget,
      logOf: partition => this.#logOf(partition) ?? this.#notHere(partition),
    })
  }

  listOffset(partition: PartitionLog, query: OffsetQuery): MaybePromise<OffsetFound | LogRefusal> {
    const log = this.#logInService(partition)
    return log instanceof DiskLog ? answerOffset(this.#services, log, query) : log
  }

  epochEnd(partition: PartitionLog, leaderEpoch: number): EpochEnd | LogRefusal {
    const log = this.#logInService(partition)
    return log instanceof DiskLog ? log.epochs.endOf(leaderEpoch, log.logEndOffset) : log
  }

  deleteRecords(
    partition: PartitionLog,
    beforeOffset: number,
  ): MaybePromise<{ readonly kind: 'deleted'; readonly logStartOffset: number } | LogRefusal> {
    const log = this.#logInService(partition)
    if (!(log instanceof DiskLog)) return log
    const outcome = log.deleteBefore(beforeOffset)
    if (outcome.kind === 'refused' || log.logStartOffset === 0) return outcome
    // Deleted means deleted after a crash as well, also where the start had been moved before.
    return this.#checkpoint(this.#placedOf(log)!.data, 'log-start-offset-checkpoint').then(isStored =>
      isStored ? outcome : refusal('KAFKA_STORAGE_ERROR', `the log start of ${log.name} could not be written`),
    )
  }

  activeProducers(partition: PartitionLog): readonly ActiveProducer[] {
    const log = this.#logOf(partition)
    return log === undefined ? [] : activeProducersOf(log.producers)
  }

  hasOpenTransaction(partition: PartitionLog, producer: ProducerEpoch): boolean {
    return this.#logOf(partition)?.producers.hasOpenTransaction(producer) ?? false
  }

  directories(): readonly LogDirectory[] {
    return this.#parts.folders.map(data => {
      const partitions = this.#logsIn(data).map(({ topic, partition, sizeBytes }) => ({ topic, partition, sizeBytes }))
      try {
        return { path: data.path, error: undefined, ...this.#parts.fs.freeSpace(data.path), partitions }
      } catch {
        return { path: data.path, error: 'KAFKA_STORAGE_ERROR' as const, totalBytes: -1, usableBytes: -1, partitions }
      }
    })
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const removed = this.#upkeep.stop()
    await this.#starting
    await this.#cleaner.stop()
    await removed
    const logs = this.#allLogs()
    await eachOf(logs, CLOSE_CONCURRENCY, async log => {
      await log.close().catch((fault: unknown) => log.fail('it could not be closed', fault))
    })
    // One that never came up knows nothing of its folders: a marker would hide what is still to be recovered.
    if (this.#isStarted) for (const data of this.#parts.folders) await this.#closeFolder(data)
    this.#topics.clear()
  }

  /** The marker is left only where every partition was closed in good order: the others are to be checked. */
  async #closeFolder(data: DataFolder): Promise<void> {
    for (const name of checkpointNames) await this.#checkpoint(data, name)
    if (this.#logsIn(data).every(log => log.fault === undefined)) await data.leaveCleanMarker()
  }

  async #checkpointAll(): Promise<void> {
    for (const data of this.#parts.folders) for (const name of checkpointNames) await this.#checkpoint(data, name)
  }

  async #checkpointCleaned(): Promise<void> {
    for (const data of this.#parts.folders) await this.#checkpoint(data, 'cleaner-offset-checkpoint')
  }

  /** Answers whether it is on the device. */
  async #checkpoint(data: DataFolder, name: CheckpointName): Promise<boolean> {
    const offsets = () =>
      [...this.#logsIn(data), ...this.#left.filter(one => one.data === data).map(({ log }) => log)]
        .filter(log => log.segments.length > 0)
        .map(log => ({ topic: log.topic, partition: log.partition, offset: checkpointed[name](log) }))
        .filter((entry): entry is PartitionOffset => entry.offset !== undefined)
        .concat(this.#unopened.offsets(data, name))
    try {
      await data.writeCheckpoint(name, offsets)
      return true
    } catch (fault) {
      this.#parts.logger.error('checkpoint could not be written', { folder: data.path, name, reason: fault })
      return false
    }
  }

  async #openOrReport(
    { layout, partition }: UnopenedPartition,
    known: ReadonlyMap<DataFolder, FolderKnowledge>,
  ): Promise<(OpenedLog & Placed) | (Placed & { readonly reason: string })> {
    let place: PartitionPlace | undefined
    try {
      place = this.#places.claim(layout, partition)
      const opened = await this.#open(layout, partition, { place, known: known.get(place.data)! })
      return { ...opened, data: place.data }
    } catch (fault) {
      const reason = fault instanceof Error ? fault.message : String(fault)
      this.#parts.logger.error('partition cannot be opened', { partition: `${layout.topic}-${partition}`, reason })
      const { topic, topicId, config } = layout
      const identity = { topic, topicId, partition, config, folder: place?.folder ?? '' }
      const data = place?.data ?? this.#parts.folders[0]!
      return { log: DiskLog.outOfService(this.#services, identity, reason), data, reason }
    }
  }

  #open(
    { topic, topicId, config, terms }: TopicLayout,
    partition: number,
    { place, known }: { readonly place: PartitionPlace; readonly known: FolderKnowledge },
  ): Promise<OpenedLog> {
    const name = `${topic}-${partition}`
    return openLog(
      this.#services,
      { topic, topicId, partition, config, folder: place.folder, folderIsNew: place.isNew },
      {
        ...offsetsOf(known, name, terms?.get(partition)),
        isClean: known.isClean,
        leaderEpoch: terms?.get(partition)?.leaderEpoch ?? 0,
        producerExpirationMs: this.#parts.settings.producerExpirationMs,
      },
    )
  }

  #reportStrays(topics: readonly TopicLayout[]): void {
    const strays = this.#places.strays(new Map(topics.map(({ topic, partitionCount }) => [topic, partitionCount])))
    if (strays.length > 0)
      this.#parts.logger.warn('folders of no known topic are left alone', { count: strays.length, first: strays[0] })
  }

  /** The handle may be of a topic that was removed, and made again, since it was taken. */
  #placedOf(partition: PartitionLog): Placed | undefined {
    const placed = this.#topics.get(partition.topicId)?.[partition.partition]
    return placed?.log === partition ? placed : undefined
  }

  #logOf(partition: PartitionLog): DiskLog | undefined {
    return this.#placedOf(partition)?.log
  }

  #logInService(partition: PartitionLog): DiskLog | LogRefusal {
    const log = this.#logOf(partition)
    return log === undefined ? this.#notHere(partition) : (log.outOfService ?? log)
  }

  #notHere({ topic, topicId, partition }: PartitionLog): LogRefusal {
    const error = this.#topics.has(topicId) ? 'NOT_LEADER_OR_FOLLOWER' : 'UNKNOWN_TOPIC_OR_PARTITION'
    return refusal(error, `${topic}-${partition} is not here any more`)
  }

  #allLogs(): readonly DiskLog[] {
    return [...this.#topics.values()].flatMap(placed => placed.map(({ log }) => log))
  }

  #logsIn(data: DataFolder): readonly DiskLog[] {
    return [...this.#topics.values()].flatMap(all => all.filter(placed => placed.data === data).map(({ log }) => log))
  }
}

/** Without those that are not open yet. */
const openOf = (placed: readonly Placed[]): readonly Placed[] => Object.values(placed)

/** How often a recovery says how far it is. */
const PROGRESS_MS = 5_000
/** What consumers ask for of a partition is 1 MB by default. */
const READ_BLOCKS = { blockBytesMin: 16 * 1024, blockBytesMax: 1024 * 1024, keptBytesMax: 8 * 1024 * 1024 }
const CLOSE_CONCURRENCY = 16
const CREATED_IN_A_TURN = 16

async function eachOf<T>(items: readonly T[], concurrency: number, run: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) await run(items[next++]!)
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}
