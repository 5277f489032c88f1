/**
 * Rising entries of one size in a file, searched where they lie. Kafka gives an active index its full size at once and cuts it on roll; here
 * it grows, which every reader accepts: no zero tail has to be told from entries, and an idle partition takes no space.
 */
import { StorageError } from '../engine.ts'
import type { LogFile } from './open-files.ts'

/** Where halving ends and one read fetches what is left. */
const BLOCK_BYTES = 4096
const block = Buffer.allocUnsafeSlow(BLOCK_BYTES)

export class IndexFile {
  readonly file: LogFile
  readonly entryBytes: number
  count: number

  constructor(file: LogFile, entryBytes: number, count: number) {
    this.file = file
    this.entryBytes = entryBytes
    this.count = count
  }

  /** Takes an existing file as it is; its size must be whole entries. */
  static of(file: LogFile, entryBytes: number): IndexFile {
    const sizeBytes = file.sizeBytes
    if (sizeBytes === undefined) throw unfit(file, 'it is missing')
    if (sizeBytes % entryBytes !== 0) throw unfit(file, 'its size is not whole entries')
    return new IndexFile(file, entryBytes, sizeBytes / entryBytes)
  }

  append(entry: Buffer): void {
    this.file.write(entry, this.count * this.entryBytes)
    this.count++
  }

  /** The entry, valid until the next call on any index. */
  entry(index: number): Buffer {
    return this.#load(index, 1)
  }

  /** The last entry that `isAtOrBefore` accepts, valid until the next call on any index; undefined if there is none. */
  floor(isAtOrBefore: (bytes: Buffer, at: number) => boolean): Buffer | undefined {
    let low = 0
    let high = this.count
    const perBlock = Math.floor(BLOCK_BYTES / this.entryBytes)
    while (high - low > perBlock) {
      const middle = (low + high) >>> 1
      if (isAtOrBefore(this.#load(middle, 1), 0)) low = middle
      else high = middle
    }
    if (high === low) return undefined
    const entries = this.#load(low, high - low)
    let found: Buffer | undefined
    for (let at = 0; at < entries.length && isAtOrBefore(entries, at); at += this.entryBytes)
      found = entries.subarray(at, at + this.entryBytes)
    return found
  }

  #load(first: number, count: number): Buffer {
    const view = block.subarray(0, count * this.entryBytes)
    if (this.file.read(view, first * this.entryBytes) !== view.length) throw unfit(this.file, 'it ends early')
    return view
  }
}

/** An index that does not fit its log is made again; this says which. */
export const unfit = (file: LogFile, why: string): StorageError =>
  new StorageError('CORRUPT', `${file.path} does not fit its log: ${why}`, { path: file.path })
