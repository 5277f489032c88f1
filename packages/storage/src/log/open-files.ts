/**
 * Descriptors are few and partitions many: a file is opened when it is used and closed again when others were used since, a quarter of them at a time.
 * What an asynchronous call works on stays open until it is over.
 */
import { StorageError } from '../engine.ts'
import type { FileSystem, OpenFile } from '../file-system.ts'

export class OpenFiles {
  readonly fs: FileSystem
  readonly #limit: number
  readonly #open = new Set<LogFile>()
  #uses = 0

  constructor(fs: FileSystem, limit: number) {
    this.fs = fs
    this.#limit = limit
  }

  get openCount(): number {
    return this.#open.size
  }

  /** Called by a file for each use; the number orders them by time. */
  used(): number {
    return ++this.#uses
  }

  opened(file: LogFile): void {
    if (this.#open.size >= this.#limit) this.#closeOldest()
    this.#open.add(file)
  }

  closed(file: LogFile): void {
    this.#open.delete(file)
  }

  #closeOldest(): void {
    const idle = [...this.#open].filter(file => !file.isBusy).sort((a, b) => a.lastUse - b.lastUse)
    for (const file of idle.slice(0, Math.max(1, this.#limit >> 2))) file.close()
  }
}

/** A file by its path, open or not. */
export class LogFile {
  path: string
  lastUse = 0
  readonly #files: OpenFiles
  #file: OpenFile | undefined
  #busy = 0
  #closeWhenIdle = false

  constructor(files: OpenFiles, path: string) {
    this.#files = files
    this.path = path
  }

  get isBusy(): boolean {
    return this.#busy > 0
  }

  get sizeBytes(): number | undefined {
    return this.#files.fs.stat(this.path)?.sizeBytes
  }

  /** Makes an empty file, whatever was there. */
  create(): void {
    this.close()
    this.#keep(this.#files.fs.open(this.path, 'create')).truncate(0)
  }

  read(into: Uint8Array, position: number): number {
    return this.#opened().read(into, position)
  }

  write(bytes: Uint8Array, position: number): void {
    this.#opened().write(bytes, position)
  }

  truncate(size: number): void {
    this.#opened().truncate(size)
  }

  async readLater(into: Uint8Array, position: number): Promise<number> {
    return this.#whileBusy(file => file.readLater(into, position))
  }

  async sync(): Promise<void> {
    return this.#whileBusy(file => file.sync())
  }

  /** Later, when an asynchronous call works on it. The next use opens it again. */
  close(): void {
    const file = this.#file
    if (file === undefined) return
    if (this.#busy > 0) {
      this.#closeWhenIdle = true
      return
    }
    this.#file = undefined
    this.#files.closed(this)
    file.close()
  }

  #opened(): OpenFile {
    this.lastUse = this.#files.used()
    this.#closeWhenIdle = false
    if (this.#file !== undefined) return this.#file
    const file = this.#files.fs.open(this.path, 'write')
    if (file === undefined) throw new StorageError('IO', `${this.path} is gone`, { path: this.path })
    return this.#keep(file)
  }

  #keep(file: OpenFile): OpenFile {
    this.#files.opened(this)
    this.#file = file
    return file
  }

  async #whileBusy<T>(run: (file: OpenFile) => Promise<T>): Promise<T> {
    const file = this.#opened()
    this.#busy++
    try {
      return await run(file)
    } finally {
      this.#busy--
      if (this.#busy === 0 && this.#closeWhenIdle) this.close()
    }
  }
}
