/** Walks the batches of a `.log` file in the order in which they lie, with one block of the file in memory at a time. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { BATCH_OVERHEAD, batchSizeOf, LOG_OVERHEAD, MAGIC, magicOf } from '@millrace/protocol'

const BLOCK_BYTES = 1024 * 1024

export interface ScannedBatch {
  /** Valid until the next batch is asked for. */
  readonly buffer: Buffer
  readonly at: number
  /** In the file. */
  readonly position: number
  readonly sizeBytes: number
}

export interface ScanEnd {
  readonly fileBytes: number
  /** Where the last whole batch ends; less than `fileBytes` when the rest is none. */
  readonly validBytes: number
  readonly reason: string | undefined
}

/** Yields whole batches and returns where they ended. Checksums are the caller's to compare. */
export function* scanSegment(path: string): Generator<ScannedBatch, ScanEnd, undefined> {
  const fd = openSync(path, 'r')
  try {
    const fileBytes = fstatSync(fd).size
    const window = new FileWindow(fd, fileBytes)
    let position = 0
    while (position < fileBytes) {
      const reason = window.problemAt(position)
      if (reason !== undefined) return { fileBytes, validBytes: position, reason }
      const { buffer, at } = window.show(position, BATCH_OVERHEAD)
      const sizeBytes = batchSizeOf(buffer, at)
      yield { ...window.show(position, sizeBytes), position, sizeBytes }
      position += sizeBytes
    }
    return { fileBytes, validBytes: position, reason: undefined }
  } finally {
    closeSync(fd)
  }
}

class FileWindow {
  readonly #fd: number
  readonly #fileBytes: number
  #buffer: Buffer = Buffer.alloc(0)
  #start = 0

  constructor(fd: number, fileBytes: number) {
    this.#fd = fd
    this.#fileBytes = fileBytes
  }

  /** The bytes from `position` on, which are known to be in the file. */
  show(position: number, length: number): { readonly buffer: Buffer; readonly at: number } {
    const isHeld = position >= this.#start && position + length <= this.#start + this.#buffer.length
    if (!isHeld) this.#load(position, length)
    return { buffer: this.#buffer, at: position - this.#start }
  }

  problemAt(position: number): string | undefined {
    const left = this.#fileBytes - position
    if (left < BATCH_OVERHEAD) return `${left} bytes are too few for a batch`
    const { buffer, at } = this.show(position, BATCH_OVERHEAD)
    const magic = magicOf(buffer, at)
    const size = batchSizeOf(buffer, at)
    // Zeros, as a file system leaves them behind a crash, would else pass for the oldest format.
    if (magic !== MAGIC)
      return size > LOG_OVERHEAD && (magic === 0 || magic === 1)
        ? `batch of the old format ${magic}`
        : 'not a batch of a known format'
    if (size < BATCH_OVERHEAD) return `a batch says that it is ${size - LOG_OVERHEAD} bytes long`
    return size > left ? `a batch of ${size} bytes ends beyond the file` : undefined
  }

  #load(position: number, length: number): void {
    const wanted = Math.min(Math.max(length, BLOCK_BYTES), this.#fileBytes - position)
    const buffer = Buffer.allocUnsafe(wanted)
    let filled = 0
    while (filled < wanted) {
      const count = readSync(this.#fd, buffer, filled, wanted - filled, position + filled)
      if (count === 0) break
      filled += count
    }
    this.#buffer = buffer.subarray(0, filled)
    this.#start = position
  }
}
