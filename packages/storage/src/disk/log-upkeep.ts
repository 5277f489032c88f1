/** What comes round by the clock: retention, checkpoints, producers that are forgotten, files whose time to go has come. */
import type { Scheduled } from '@millrace/base'
import type { DiskLog } from '../log/disk-log.ts'
import { withRepairs } from '../log/index-repair.ts'
import type { LogServices } from '../log/log-services.ts'
import type { DiskEngineSettings } from './disk-engine.ts'

const CHECKPOINT_SOON_MS = 5_000

export interface KeptUp {
  readonly logs: () => readonly DiskLog[]
  readonly checkpoint: () => Promise<void>
  /** Says so in the log and goes on where they cannot be written: a full disk needs its retention. */
  /** Answers the logs whose start is on the device. */
  readonly saveLogStarts: () => Promise<ReadonlySet<DiskLog>>
}

export class LogUpkeep {
  readonly #services: LogServices
  readonly #settings: DiskEngineSettings
  readonly #kept: KeptUp
  readonly #timers = new Set<Scheduled>()
  #isStopped = false
  #removing: Promise<void> = Promise.resolve()
  #checkpointIsArmed = false

  constructor(services: LogServices, settings: DiskEngineSettings, kept: KeptUp) {
    this.#services = services
    this.#settings = settings
    this.#kept = kept
  }

  begin(): void {
    const { retentionCheckMs, retentionFirstCheckMs, checkpointMs, producerExpirationCheckMs } = this.#settings
    this.#every(retentionCheckMs, () => this.#checkRetention(), retentionFirstCheckMs)
    this.#every(checkpointMs, () => this.#kept.checkpoint())
    this.#every(producerExpirationCheckMs, () => this.#expireProducers())
  }

  /** What still waits to be removed is removed by the next start; what is being removed is awaited. */
  stop(): Promise<void> {
    this.#isStopped = true
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    return this.#removing
  }

  /** So that a kill soon after costs the reading of a few segments and not of all that were written in a minute. */
  checkpointSoon(): void {
    if (this.#checkpointIsArmed) return
    this.#checkpointIsArmed = true
    this.#after(CHECKPOINT_SOON_MS, () => {
      this.#checkpointIsArmed = false
      this.#run(() => this.#kept.checkpoint())
    })
  }

  removeLater(paths: readonly string[], delayMs: number): void {
    this.#after(delayMs, () => {
      this.#removing = this.#removing.then(() => this.#remove(paths))
    })
  }

  /** One log a turn, so that many of them do not hold up everything else. */
  async #checkRetention(): Promise<void> {
    const { clock } = this.#services
    const shrunk: DiskLog[] = []
    for (const log of this.#kept.logs()) {
      if (this.#isStopped) return
      const retained = withRepairs(this.#services, log, () => log.retain(clock.now()))
      if (await retained.catch((fault: unknown) => this.#retentionFailed(log, fault))) shrunk.push(log)
      await yieldTurn()
    }
    if (shrunk.length === 0) return
    const saved = await this.#kept.saveLogStarts()
    for (const log of shrunk) {
      if (this.#isStopped) return
      if (!saved.has(log)) continue
      try {
        log.removeBelowStart()
      } catch (fault) {
        this.#retentionFailed(log, fault)
      }
      await yieldTurn()
    }
  }

  #retentionFailed(log: DiskLog, fault: unknown): false {
    this.#services.logger.error('retention failed', { partition: log.name, reason: fault })
    return false
  }

  #expireProducers(): Promise<void> {
    const nowMs = this.#services.clock.now()
    for (const log of this.#kept.logs()) log.producers.expire(nowMs, this.#settings.producerExpirationMs)
    return Promise.resolve()
  }

  /** One after the other, so that the thread pool has room for whoever waits for a read or a sync. */
  async #remove(paths: readonly string[]): Promise<void> {
    const { fs } = this.#services
    for (const path of paths) {
      if (this.#isStopped) return
      try {
        if (fs.removeLater === undefined) fs.remove(path)
        else await fs.removeLater(path)
      } catch (fault) {
        this.#services.logger.error('could not be removed', { path, reason: fault })
      }
    }
  }

  #every(intervalMs: number, run: () => Promise<void>, firstMs = intervalMs): void {
    this.#after(firstMs, () => {
      this.#run(run, () => this.#every(intervalMs, run))
    })
  }

  #run(run: () => Promise<void>, next: () => void = () => {}): void {
    run()
      .catch((fault: unknown) => this.#services.logger.error('upkeep failed', { reason: fault }))
      .finally(next)
  }

  #after(delayMs: number, run: () => void): void {
    if (this.#isStopped) return
    const timer = this.#services.clock.schedule(delayMs, () => {
      this.#timers.delete(timer)
      run()
    })
    this.#timers.add(timer)
  }
}

/** Lets everything else have its turn. */
export const yieldTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
