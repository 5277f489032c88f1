/**
 * Puts the catalog's write-ahead log on the device beside the event loop, which a sync inside a commit would hold up. One runs at a time; all that commit
 * meanwhile share the next.
 *
 *   commit a ── sync 1 ───────▶ a
 *        commit b, commit c ─┴─ sync 2 ───────▶ b, c
 *
 * A sync of the log's file is what SQLite itself does for a commit with `synchronous = FULL`. Where SQLite has carried the log over into the database by then, it has
 * synced both on the way. A failed sync is never tried again: the kernel counts the pages as written, and would answer success for what never reached the device.
 */
import type { FileSystem, OpenFile } from '../file-system.ts'

export class WalSync {
  readonly #file: OpenFile | undefined
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(fs: FileSystem, path: string) {
    this.#file = fs.open(path, 'write')
  }

  /** Resolves when all that is committed now is on the device. Rejects with the fault, and then always. */
  sync(): Promise<void> {
    if (this.#running === undefined) return (this.#running = this.#run())
    this.#next ??= this.#running.then(() => {
      this.#next = undefined
      return (this.#running = this.#run())
    })
    return this.#next
  }

  /** Waits for a sync that is under way: its descriptor must not become another file's. */
  close(): void {
    const close = (): void => this.#file?.close()
    if (this.#running === undefined) close()
    else void (this.#next ?? this.#running).then(close, close)
  }

  async #run(): Promise<void> {
    await this.#file?.sync()
    this.#running = undefined
  }
}
