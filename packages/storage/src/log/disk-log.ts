/**
 * One partition on disk. All changes happen in the event loop's turns, one after the other; only syncs and large reads take longer, and work on what was
 * there when they began.
 *
 * logStartOffset ≤ lastStableOffset ≤ highWatermark ≤ logEndOffset. The high watermark is behind the log end only while a sync is awaited that the topic's
 * `flush.messages` asks for: nobody reads what could still be lost after it was promised to be safe.
 */
import { assert } from '@millrace/base'
import type { BatchHeader } from '@millrace/protocol'
import type { AppendEntry, AppendOutcome, LogConfig, LogRefusal, MaybePromise, PartitionLog } from '../engine.ts'
import { StorageError } from '../engine.ts'
import { writeSmallFile } from '../file-system.ts'
import { admit, appended, refusal, takeIn } from './admission.ts'
import { formatLeaderEpochs } from './checkpoint-file.ts'
import { DELETED_SUFFIX, LEADER_EPOCH_FILE, SYNC_FAILED_FILE, segmentFile } from './file-names.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import { LogFlusher } from './log-flusher.ts'
import type { ReadPlace } from './log-reader.ts'
import type { LogServices } from './log-services.ts'
import { type LogRange, startAfterDelete } from './offset-range.ts'
import { encodeSnapshot } from './producer-snapshot.ts'
import { type EndedTransaction, ProducerStates } from './producer-state.ts'
import { segmentsToDelete } from './retention.ts'
import { LogSegment, type RollLimits } from './segment.ts'
import { LogTail } from './tail-cache.ts'
import { appendAborted } from './transaction-index.ts'
import { writeIndexSums } from './transaction-index-sums.ts'

export interface LogIdentity {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
}

export interface LogState {
  readonly folder: string
  readonly config: LogConfig
  readonly segments: LogSegment[]
  readonly producers: ProducerStates
  readonly epochs: LeaderEpochs
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly flushedOffset: number
  readonly folderIsNew: boolean
  /** Of a snapshot that a clean stop left and that is no segment's. */
  readonly straySnapshot: number | undefined
  readonly cleanedUpTo: number | undefined
}

export class DiskLog implements PartitionLog, LogRange {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly producers: ProducerStates
  readonly epochs: LeaderEpochs
  readonly segments: LogSegment[]
  readonly tail = new LogTail()
  readonly flusher: LogFlusher
  folder: string
  logStartOffset: number
  logEndOffset: number
  highWatermark: number
  /** Why the partition is out of service. */
  fault: string | undefined
  readPlace: ReadPlace | undefined
  /** Where the last cleaning ended; undefined before the first one. */
  cleanedUpTo: number | undefined
  #config: LogConfig
  readonly #services: LogServices
  #awaitedFlushes = 0
  #flushTimerIsArmed = false
  #straySnapshot: number | undefined
  #saidThatWritesFail = false
  #restructuring: Promise<unknown> = Promise.resolve()
  #isExchanging = false
  #noting: Promise<void> = Promise.resolve()

  constructor(services: LogServices, identity: LogIdentity, state: LogState) {
    this.#services = services
    this.topic = identity.topic
    this.topicId = identity.topicId
    this.partition = identity.partition
    this.folder = state.folder
    this.#config = state.config
    this.segments = state.segments
    this.producers = state.producers
    this.epochs = state.epochs
    this.logStartOffset = state.logStartOffset
    this.logEndOffset = state.logEndOffset
    this.highWatermark = state.logEndOffset
    this.#straySnapshot = state.straySnapshot
    this.cleanedUpTo = state.cleanedUpTo
    this.flusher = new LogFlusher(services.fs, this, state)
  }

  /** A partition whose folder could not be opened: it is there, and every request to it is told why it cannot be served. */
  static outOfService(
    services: LogServices,
    place: LogIdentity & { folder: string; config: LogConfig },
    fault: string,
  ): DiskLog {
    const log = new DiskLog(services, place, {
      ...place,
      segments: [],
      producers: new ProducerStates(),
      epochs: new LeaderEpochs(),
      logStartOffset: 0,
      logEndOffset: 0,
      flushedOffset: 0,
      folderIsNew: false,
      straySnapshot: undefined,
      cleanedUpTo: undefined,
    })
    log.fault = fault
    return log
  }

  get config(): LogConfig {
    return this.#config
  }

  set config(config: LogConfig) {
    this.#config = config
    this.#flushSoon()
  }

  get name(): string {
    return `${this.topic}-${this.partition}`
  }

  get leaderEpoch(): number {
    return this.epochs.latest
  }

  get lastStableOffset(): number {
    const unstable = this.producers.firstUnstableOffset(this.highWatermark)
    return Math.max(this.logStartOffset, Math.min(unstable ?? this.highWatermark, this.highWatermark))
  }

  get sizeBytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
  }

  get activeSegment(): LogSegment {
    const active = this.segments.at(-1)
    assert(active !== undefined, 'a log in service has an active segment')
    return active
  }

  get outOfService(): LogRefusal | undefined {
    return this.fault === undefined
      ? undefined
      : refusal('KAFKA_STORAGE_ERROR', `${this.name} is out of service: ${this.fault}`)
  }

  append(entry: AppendEntry): MaybePromise<AppendOutcome> {
    if (this.outOfService !== undefined) return this.outOfService
    const admission = admit(this, entry, this.#services.clock.now())
    if (admission.kind === 'answered') return this.#onceSafe(admission.outcome)
    try {
      this.#write(admission.batch, admission.records)
    } catch (fault) {
      return this.#refusedWrite(fault)
    }
    const outcome = appended(admission.batch, this.logStartOffset)
    if (this.logEndOffset - this.flusher.flushedOffset >= this.#config.flushMessages) return this.#flushed(outcome)
    this.#flushSoon()
    this.#advance()
    return outcome
  }

  /** Closes the active segment and begins the next one at the log end. */
  roll(): void {
    const closed = this.activeSegment
    closed.seal()
    this.takeSnapshot()
    const at = { baseOffset: this.logEndOffset, nowMs: this.#services.clock.now() }
    const segment = LogSegment.create(this.#services.files, this.folder, at)
    const jitterMs = Math.min(this.#config.segmentJitterMs, this.#config.segmentMs)
    segment.rollJitterMs = jitterMs > 0 ? this.#services.random.integer(jitterMs) : 0
    this.segments.push(segment)
    closed.close()
    this.settle([closed])
  }

  /** Puts closed segments on the device in the background. */
  settle(segments: readonly LogSegment[]): void {
    this.flusher
      .settle(segments)
      .then(() => this.#noteIndexes())
      .then(() => this.#services.settled())
      .catch((fault: unknown) => this.#failSync('a segment could not be synced', fault))
  }

  /** What the log makes known of producers, up to its end. */
  takeSnapshot(): void {
    const offset = this.logEndOffset
    writeSmallFile(this.#services.fs, segmentFile(this.folder, offset, '.snapshot'), encodeSnapshot(this.producers))
    const stray = this.#straySnapshot
    this.#straySnapshot = undefined
    if (stray !== undefined && stray !== offset) this.#services.fs.remove(segmentFile(this.folder, stray, '.snapshot'))
  }

  /** Moves the log start. The bytes go with the next check of retention. */
  deleteBefore(beforeOffset: number): { readonly kind: 'deleted'; readonly logStartOffset: number } | LogRefusal {
    const start = this.outOfService ?? startAfterDelete(this, this.#config, beforeOffset)
    if (typeof start !== 'number') return start
    this.#startAt(start)
    return { kind: 'deleted', logStartOffset: this.logStartOffset }
  }

  /**
   * Moves the log start behind what is too old or too much. Answers whether segments are to go: `removeBelowStart` lets go of them once the new start is on
   * the device. The other way round a power cut could bring some of them back, and who is to tell a gap that retention left from one that a loss left?
   */
  retain(nowMs: number): boolean {
    if (this.fault !== undefined || this.#isExchanging) return false
    const { fs, logger } = this.#services
    const known = this.segments.map(segment => ({
      baseOffset: segment.baseOffset,
      sizeBytes: segment.sizeBytes,
      /** Asked for only as far as segments may go: it may have to be read. */
      get newestMs() {
        return segment.maxTimestamp >= 0 ? segment.maxTimestamp : (fs.stat(segment.log.path)?.modifiedMs ?? nowMs)
      },
    }))
    const { count, reason } = segmentsToDelete(known, { ...this.#offsets(), config: this.#config, nowMs })
    if (count === 0) return false
    if (count === this.segments.length) this.roll()
    this.#startAt(Math.max(this.logStartOffset, this.segments[count]!.baseOffset))
    logger.info('segments deleted', { partition: this.name, count, reason, logStartOffset: this.logStartOffset })
    return true
  }

  removeBelowStart(): void {
    if (this.fault !== undefined || this.#isExchanging) return
    const count = this.segments.findLastIndex(segment => segment.baseOffset <= this.logStartOffset)
    for (const segment of this.segments.splice(0, Math.max(0, count))) this.#removeSegment(segment)
  }

  /** One after the other: whatever puts other segments in the place of closed ones and takes more than a turn for it. */
  restructure<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#restructuring.then(run)
    this.#restructuring = done.catch(() => {})
    return done
  }

  /**
   * Puts `fresh`, whose files end in `.swap` and are on the device, in the place of neighbours. From this turn on it is read, whatever its files are
   * called; retention waits until their names are right. Answers false, and nothing happened, when one of the neighbours is gone.
   */
  async exchange(old: readonly LogSegment[], fresh: LogSegment): Promise<boolean> {
    const at = this.segments.indexOf(old[0]!)
    const areThere = at >= 0 && old.every((segment, i) => this.segments[at + i] === segment)
    if (!areThere || this.fault !== undefined) return false
    const { fs } = this.#services
    this.#isExchanging = true
    try {
      const waiting = old.flatMap(segment => this.#moveOut(segment, { keepsSnapshot: segment === old[0] }))
      this.segments.splice(at, old.length, fresh)
      // What it keeps may be what has just been cleaned away.
      this.tail.clear()
      await fs.syncFolder(this.folder)
      if (this.fault !== undefined) return true
      fresh.moveTo('')
      await fs.syncFolder(this.folder)
      await this.saveIndexSums()
      this.#services.removeLater(waiting, this.#config.fileDeleteDelayMs)
      return true
    } catch (fault) {
      this.fail('a cleaned segment could not be put in its place', fault)
      throw fault
    } finally {
      this.#isExchanging = false
    }
  }

  /** Everything on the device, so that the next start has nothing to check. */
  async close(): Promise<void> {
    if (this.fault === undefined) {
      const unflushed = this.segments.filter(segment => segment.isDirty || segment.isNew)
      this.activeSegment.seal()
      if (this.#straySnapshot !== this.logEndOffset && this.logEndOffset > 0) this.takeSnapshot()
      await this.flusher.settle(unflushed)
      this.flusher.flushedOffset = this.logEndOffset
      await this.#noteIndexes(this.segments)
    }
    this.closeFiles()
  }

  /** The same for a node that leads it from now on; here nothing touches it any more. */
  async handOver(): Promise<void> {
    await this.#restructuring
    await this.close()
    this.tail.clear()
    if (this.fault !== undefined) throw new StorageError('IO', `${this.name} is out of service: ${this.fault}`)
    this.fault = 'it was handed over to another node'
  }

  closeFiles(): void {
    for (const segment of this.segments) segment.close()
  }

  /** Takes the partition out of service for good: what is in it is not to be trusted, or cannot be written. */
  fail(what: string, cause: unknown): void {
    if (this.fault !== undefined) return
    const why = cause instanceof Error ? cause.message : String(cause)
    this.fault = `${what}: ${why}`
    this.#services.logger.error('partition is out of service', {
      partition: this.name,
      folder: this.folder,
      reason: this.fault,
    })
    this.#services.failed(this)
  }

  /** The kernel counts the pages as written now: the next start has to write them again. */
  #failSync(what: string, cause: unknown): void {
    if (this.fault !== undefined) return
    try {
      writeSmallFile(this.#services.fs, `${this.folder}/${SYNC_FAILED_FILE}`, Buffer.alloc(0))
    } catch (fault) {
      this.#services.logger.error('a failed sync could not be noted', { partition: this.name, reason: fault })
    }
    this.fail(what, cause)
  }

  /** The topic is gone: whoever still waits for something is told, and nothing is written any more. */
  moveAway(folder: string): void {
    this.fault = 'the topic was deleted'
    for (const segment of this.segments) segment.isRemoved = true
    this.closeFiles()
    this.tail.clear()
    this.#services.fs.rename(this.folder, folder)
    this.folder = folder
    this.#services.removeLater([folder], this.#config.fileDeleteDelayMs)
  }

  #noteIndexes(segments?: readonly LogSegment[]): Promise<void> {
    const isNoted = ({ hasTransactionIndex, transactionsAreNoted }: LogSegment): boolean =>
      transactionsAreNoted || !hasTransactionIndex
    return (segments ?? this.segments.slice(0, -1)).every(isNoted) ? Promise.resolve() : this.saveIndexSums(segments)
  }

  /** The active segment's grows, unless the log is closed. What cannot be written now is tried again with the next one that is closed. */
  saveIndexSums(segments?: readonly LogSegment[]): Promise<void> {
    const noted = this.#noting.then(async () => {
      if (this.fault !== undefined) return
      try {
        await writeIndexSums(this.#services.fs, this.folder, segments ?? this.segments.slice(0, -1))
      } catch (fault) {
        if (!(fault instanceof StorageError)) throw fault
        this.#services.logger.warn('transaction indexes could not be noted: the next start reads their segments', {
          partition: this.name,
          reason: fault.message,
        })
      }
    })
    this.#noting = noted.catch(() => {})
    return noted
  }

  saveEpochs(): void {
    const path = `${this.folder}/${LEADER_EPOCH_FILE}`
    writeSmallFile(this.#services.fs, path, formatLeaderEpochs(this.epochs.starts))
  }

  /** Epochs below the start do no harm: a file that cannot be written now has them until it is written again. */
  #saveEpochsIfPossible(): void {
    try {
      this.saveEpochs()
    } catch (fault) {
      if (!(fault instanceof StorageError)) throw fault
      this.#services.logger.warn('leader epochs could not be written', { partition: this.name, reason: fault.message })
    }
  }

  #write(batch: BatchHeader, records: Buffer): void {
    const { clock, tails } = this.#services
    if (this.activeSegment.mustRollBefore(batch, clock.now(), rollLimits(this.#config))) this.roll()
    const segment = this.activeSegment
    segment.append(batch, records, this.#config.indexIntervalBytes)
    const ended = takeIn(this.producers, batch, records)
    this.logEndOffset = batch.lastOffset + 1
    tails.keep(this.tail, batch, records)
    if (ended?.aborted === true) this.#indexAborted(segment, ended)
    this.#saidThatWritesFail = false
  }

  /** The marker is in the log already: without its entry, readers of committed records would see what was aborted. */
  #indexAborted(segment: LogSegment, ended: EndedTransaction): void {
    try {
      appendAborted(segment, ended, this.producers.firstOpenOffset ?? this.logEndOffset)
    } catch (fault) {
      this.fail('an aborted transaction could not be indexed', fault)
    }
  }

  #refusedWrite(fault: unknown): LogRefusal {
    if (!(fault instanceof StorageError)) throw fault
    if (fault.code === 'CORRUPT') this.fail('a write could not be undone', fault)
    else if (!this.#saidThatWritesFail)
      this.#services.logger.error('write failed', { partition: this.name, reason: fault.message })
    this.#saidThatWritesFail = true
    return refusal('KAFKA_STORAGE_ERROR', `${this.name} could not be written: ${fault.message}`)
  }

  /** A batch that is repeated is no safer than the first of its kind. */
  #onceSafe(outcome: AppendOutcome): MaybePromise<AppendOutcome> {
    const isAwaited = outcome.kind === 'duplicate' && outcome.baseOffset >= this.highWatermark
    return isAwaited ? this.#flushed(outcome) : outcome
  }

  async #flushed(outcome: AppendOutcome): Promise<AppendOutcome> {
    const target = this.logEndOffset
    this.#awaitedFlushes++
    try {
      await this.flusher.flush()
    } catch (fault) {
      this.#failSync('a sync failed', fault)
      return this.outOfService!
    } finally {
      this.#awaitedFlushes--
    }
    if (this.fault !== undefined) return this.outOfService!
    this.#advance(target)
    return outcome
  }

  #advance(safeOffset = 0): void {
    const reached = this.#awaitedFlushes === 0 ? this.logEndOffset : Math.max(this.highWatermark, safeOffset)
    if (reached === this.highWatermark) return
    this.highWatermark = reached
    this.#services.advanced(this)
  }

  /** `flush.ms`: a time after which what was written is synced, though nobody waits for it. */
  #flushSoon(): void {
    const { flushMs } = this.#config
    if (flushMs >= Number.MAX_SAFE_INTEGER || this.#flushTimerIsArmed || this.fault !== undefined) return
    if (this.logEndOffset === this.flusher.flushedOffset) return
    this.#flushTimerIsArmed = true
    this.#services.clock.schedule(flushMs, () => {
      this.#flushTimerIsArmed = false
      if (this.fault === undefined)
        this.flusher.flush().catch((fault: unknown) => this.#failSync('a sync failed', fault))
    })
  }

  #startAt(offset: number): void {
    if (offset === this.logStartOffset) return
    this.logStartOffset = offset
    if (this.epochs.cutBefore(offset)) this.#saveEpochsIfPossible()
    this.#services.advanced(this)
  }

  #removeSegment(segment: LogSegment): void {
    this.#services.removeLater(this.#moveOut(segment), this.#config.fileDeleteDelayMs)
  }

  /** Whoever reads the segment goes on reading it. Answers the names of the files that are to be removed. */
  #moveOut(segment: LogSegment, { keepsSnapshot = false } = {}): string[] {
    const { fs } = this.#services
    segment.isRemoved = true
    segment.close()
    const waiting = segment.moveTo(DELETED_SUFFIX)
    const snapshot = segmentFile(this.folder, segment.baseOffset, '.snapshot')
    if (keepsSnapshot || fs.stat(snapshot) === undefined) return waiting
    fs.rename(snapshot, snapshot + DELETED_SUFFIX)
    return [...waiting, snapshot + DELETED_SUFFIX]
  }

  #offsets(): { logStartOffset: number; highWatermark: number; logEndOffset: number } {
    const { logStartOffset, highWatermark, logEndOffset } = this
    return { logStartOffset, highWatermark, logEndOffset }
  }
}

/** A segment is cleaned only when it is closed, so `max.compaction.lag.ms` is also the longest that it stays open. */
function rollLimits(config: LogConfig): RollLimits {
  const { cleanupPolicy, segmentMs, maxCompactionLagMs } = config
  return cleanupPolicy.includes('compact') && maxCompactionLagMs < segmentMs
    ? { ...config, segmentMs: maxCompactionLagMs }
    : config
}
