/**
 * Puts a log on the device. One fsync runs at a time; whoever asks while it runs shares the next one. A failed one is never tried again: the kernel may have
 * dropped the pages and would answer success though they never reached the device.
 */
import type { FileSystem } from '../file-system.ts'
import { parentOf } from '../file-system.ts'
import type { LogSegment } from './segment.ts'

export interface FlushedLog {
  readonly folder: string
  readonly segments: readonly LogSegment[]
  readonly logEndOffset: number
}

export class LogFlusher {
  readonly #fs: FileSystem
  readonly #log: FlushedLog
  /** All below is on the device, apart from indexes. */
  flushedOffset: number
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #settling: Promise<void> = Promise.resolve()
  #folderIsNew: boolean

  constructor(fs: FileSystem, log: FlushedLog, from: { flushedOffset: number; folderIsNew: boolean }) {
    this.#fs = fs
    this.#log = log
    this.flushedOffset = from.flushedOffset
    this.#folderIsNew = from.folderIsNew
  }

  /** Resolves when all that is in the log now is on the device. Rejects with the fault, and then always. */
  flush(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#run()
      return this.#running
    }
    this.#next ??= this.#running.then(() => {
      this.#next = undefined
      this.#running = this.#run()
      return this.#running
    })
    return this.#next
  }

  /** Syncs segments with their indexes, one after the other, behind whatever else was asked for. */
  settle(segments: readonly LogSegment[]): Promise<void> {
    const settled = this.#settling.then(async () => {
      for (const segment of segments) {
        if (segment.isRemoved) continue
        // Its name first: where its sync fails, the segments behind it do not become the begin of the log.
        await this.#syncNames([segment])
        await segment.sync()
      }
    })
    this.#settling = settled.catch(() => {})
    return settled
  }

  /** Below this every segment is on the device with its indexes: recovery begins here. */
  get recoveryPoint(): number {
    return this.#log.segments.find(segment => !segment.isSafe)?.baseOffset ?? this.flushedOffset
  }

  async #run(): Promise<void> {
    const target = this.#log.logEndOffset
    const { segments } = this.#log
    const first = Math.max(
      0,
      segments.findLastIndex(segment => segment.baseOffset <= this.flushedOffset),
    )
    const unflushed = segments.slice(first)
    await Promise.all(unflushed.map(segment => segment.log.sync()))
    await this.#syncNames(unflushed)
    this.flushedOffset = Math.max(this.flushedOffset, target)
    this.#running = undefined
  }

  async #syncNames(segments: readonly LogSegment[]): Promise<void> {
    const fresh = segments.filter(segment => segment.isNew)
    if (fresh.length === 0) return
    await this.#fs.syncFolder(this.#log.folder)
    if (this.#folderIsNew) await this.#fs.syncFolder(parentOf(this.#log.folder))
    this.#folderIsNew = false
    for (const segment of fresh) segment.isNew = false
  }
}
