/**
 * Cleans the logs of compacted topics, one at a time: the dirtiest first, as long as one is worth it; then it looks again after a while.
 */
import type { Scheduled } from '@millrace/base'
import { type CleaningReport, NO_CLEANING, StorageError } from '../../engine.ts'
import type { DiskLog } from '../disk-log.ts'
import { withRepairs } from '../index-repair.ts'
import type { LogServices } from '../log-services.ts'
import { type CleanableRange, cleanableRange, isWorthCleaning } from './cleanable-range.ts'
import { type CleaningResult, cleanLog } from './log-cleaning.ts'
import type { OffsetMapLimits } from './offset-map.ts'
import { CleaningStopped, Pace } from './pace.ts'

/** Kafka's configurations `log.cleaner.…` of the same meaning. They are asked anew for each cleaning. */
export interface CleanerSettings {
  /** log.cleaner.enable, and log.cleaner.threads above 0. One log at a time is cleaned, whatever their number. */
  readonly isEnabled: boolean
  readonly backoffMs: number
  readonly dedupeBufferBytes: number
  /** log.cleaner.io.buffer.load.factor: how full the map of keys may get. */
  readonly loadFactor: number
  readonly ioBufferBytes: number
  readonly ioBytesPerSecondMax: number
}

/** A longer backoff that is made shorter counts from then on. */
const BACKOFF_LOOK_MS = 15_000
const MAP_BYTES_MIN = 1024
/** Kafka's, for one thread. */
const MAP_BYTES_MAX = 2 ** 31 - 1

export const defaultCleanerSettings: CleanerSettings = {
  isEnabled: true,
  backoffMs: 15_000,
  dedupeBufferBytes: 128 * 1024 * 1024,
  loadFactor: 0.9,
  ioBufferBytes: 512 * 1024,
  ioBytesPerSecondMax: Number.MAX_VALUE,
}

export interface CleanedLogs {
  readonly folders: () => readonly { readonly path: string; readonly logs: readonly DiskLog[] }[]
  /** Writes down where each log's cleaning ended. */
  readonly checkpoint: () => Promise<void>
}

type Figures = Omit<CleaningReport, 'sinceLastLookMs' | 'uncleanable'>

interface Chosen {
  readonly log: DiskLog
  readonly range: CleanableRange
}

export class LogCleaner {
  readonly #services: LogServices
  readonly #settings: () => CleanerSettings
  readonly #cleaned: CleanedLogs
  /** Logs that could not be read, and are not tried again before the next start, and how much of them is dirty. */
  readonly #uncleanable = new WeakMap<DiskLog, number>()
  /** Another node's by now. */
  readonly #left = new WeakSet<DiskLog>()
  #figures: Figures = NO_CLEANING
  #lastLookMs: number
  #timer: Scheduled | undefined
  #pace: Pace | undefined
  #cleaning: DiskLog | undefined
  #running: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(services: LogServices, settings: () => CleanerSettings, cleaned: CleanedLogs) {
    this.#services = services
    this.#settings = settings
    this.#cleaned = cleaned
    this.#lastLookMs = services.clock.monotonicMs()
  }

  report(): CleaningReport {
    const uncleanable = this.#cleaned.folders().map(({ path, logs }) => {
      const bytes = logs.flatMap(log => this.#uncleanable.get(log) ?? [])
      return { path, logs: bytes.length, bytes: bytes.reduce((sum, of) => sum + of, 0) }
    })
    return { ...this.#figures, sinceLastLookMs: this.#services.clock.monotonicMs() - this.#lastLookMs, uncleanable }
  }

  begin(): void {
    this.#later(0)
  }

  /** Resolves when nothing of it goes on any more. What was not finished is dropped. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#pace?.wake()
    await this.#running
  }

  /** Resolves when the log is not being cleaned and will not be. */
  async leave(log: DiskLog): Promise<void> {
    this.#left.add(log)
    if (this.#cleaning !== log) return
    this.#pace?.wake()
    await this.#running
  }

  #later(delayMs: number): void {
    if (this.#isStopped) return
    this.#timer = this.#services.clock.schedule(delayMs, () => {
      this.#running = this.#round().then(
        wasBusy => (wasBusy ? this.#later(0) : this.#backOff()),
        (fault: unknown) => {
          this.#services.logger.error('cleaning failed', { reason: fault })
          this.#backOff()
        },
      )
    })
  }

  #backOff(restedMs = 0): void {
    if (this.#isStopped) return
    const leftMs = this.#settings().backoffMs - restedMs
    if (leftMs <= BACKOFF_LOOK_MS) return this.#later(leftMs)
    const { clock } = this.#services
    this.#timer = clock.schedule(BACKOFF_LOOK_MS, () => this.#backOff(restedMs + BACKOFF_LOOK_MS))
  }

  /** Answers whether a log was cleaned, so that there may be another one. */
  async #round(): Promise<boolean> {
    if (!this.#settings().isEnabled) return false
    const chosen = await this.#dirtiest()
    return chosen === undefined ? false : this.#clean(chosen)
  }

  async #dirtiest(): Promise<Chosen | undefined> {
    let dirtiest: Chosen | undefined
    let dirtyRatioMax = 0
    let overdueMsMax = 0
    for (const log of this.#cleaned.folders().flatMap(({ logs }) => logs)) {
      if (!this.#isCleanable(log)) continue
      const range = await this.#rangeOf(log)
      if (range === undefined || range.totalBytes === 0) continue
      dirtyRatioMax = Math.max(dirtyRatioMax, range.dirtyRatio)
      overdueMsMax = Math.max(overdueMsMax, range.overdueMs)
      if (!isWorthCleaning(range, log.config)) continue
      if (dirtiest === undefined || range.dirtyRatio > dirtiest.range.dirtyRatio) dirtiest = { log, range }
    }
    this.#figures = { ...this.#figures, dirtyRatioMax, overdueMsMax }
    this.#lastLookMs = this.#services.clock.monotonicMs()
    return dirtiest
  }

  #isCleanable(log: DiskLog): boolean {
    if (log.fault !== undefined || this.#left.has(log)) return false
    return log.config.cleanupPolicy.includes('compact') && !this.#uncleanable.has(log)
  }

  async #rangeOf(log: DiskLog): Promise<CleanableRange | undefined> {
    try {
      return await withRepairs(this.#services, log, () => cleanableRange(log, this.#services.clock.now()))
    } catch (fault) {
      this.#failed(log, fault, log.sizeBytes)
      return undefined
    }
  }

  async #clean({ log, range }: Chosen): Promise<boolean> {
    const { clock } = this.#services
    const settings = this.#settings()
    const { ioBufferBytes } = settings
    const map = mapLimits(settings)
    this.#pace = new Pace({
      clock,
      bytesPerSecondMax: () => this.#settings().ioBytesPerSecondMax,
      isWanted: () => !this.#isStopped && this.#settings().isEnabled && this.#isCleanable(log),
    })
    this.#cleaning = log
    const options = { range, map, ioBufferBytes, pace: this.#pace }
    const begunMs = clock.monotonicMs()
    try {
      const result = await withRepairs(this.#services, log, () => cleanLog(this.#services, log, options))
      log.cleanedUpTo = result.cleanedUpTo
      this.#tell(log, range, result, clock.monotonicMs() - begunMs)
      await this.#cleaned.checkpoint()
      return true
    } catch (fault) {
      if (!(fault instanceof CleaningStopped)) this.#failed(log, fault, range.dirtyBytes)
      return false
    } finally {
      this.#pace = undefined
      this.#cleaning = undefined
    }
  }

  /** What cannot be read is left alone from now on; for all else there is a next time. */
  #failed(log: DiskLog, fault: unknown, dirtyBytes: number): void {
    if (!(fault instanceof StorageError)) throw fault
    const fields = { partition: log.name, reason: fault.message }
    if (fault.code !== 'CORRUPT') {
      this.#services.logger.error('log could not be cleaned', fields)
      return
    }
    this.#uncleanable.set(log, dirtyBytes)
    this.#services.logger.error('log is damaged and is not cleaned any more', fields)
  }

  #tell(log: DiskLog, range: CleanableRange, result: CleaningResult, tookMs: number): void {
    const before = this.#figures
    this.#figures = {
      ...before,
      cleanings: before.cleanings + 1,
      bytesRead: before.bytesRead + result.bytesRead,
      bytesWritten: before.bytesWritten + result.bytesWritten,
      recordsRead: before.recordsRead + result.recordsRead,
      recordsKept: before.recordsKept + result.recordsKept,
      mapUtilization: result.mapUtilization,
      lastCleaningMs: tookMs,
      recopyRatio: result.bytesRead === 0 ? 0 : result.bytesWritten / result.bytesRead,
    }
    this.#services.logger.info('log cleaned', {
      partition: log.name,
      from: range.firstDirtyOffset,
      to: result.cleanedUpTo,
      bytesRead: result.bytesRead,
      bytesWritten: result.bytesWritten,
      recordsRead: result.recordsRead,
      recordsKept: result.recordsKept,
      tookMs: Math.round(tookMs),
    })
  }
}

/** Room for some keys at least, or no cleaning would ever get on. */
function mapLimits({ dedupeBufferBytes, loadFactor }: CleanerSettings): OffsetMapLimits {
  const isFraction = loadFactor > 0 && loadFactor <= 1
  return {
    bytesMax: Math.min(Math.max(dedupeBufferBytes, MAP_BYTES_MIN), MAP_BYTES_MAX),
    loadFactor: isFraction ? loadFactor : defaultCleanerSettings.loadFactor,
  }
}
