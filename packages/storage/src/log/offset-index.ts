/**
 * `.index`: where batches lie, some kilobytes apart.
 *
 *   0 last offset of the batch, relative to the segment's base (4)   4 position of the batch in the `.log` (4)
 */
import { IndexFile, unfit } from './index-file.ts'
import type { LogFile } from './open-files.ts'

export const OFFSET_ENTRY_BYTES = 8
const scratch = Buffer.allocUnsafeSlow(OFFSET_ENTRY_BYTES)

export interface OffsetEntry {
  readonly lastOffset: number
  readonly position: number
}

export class OffsetIndex {
  readonly #entries: IndexFile
  readonly #baseOffset: number

  constructor(entries: IndexFile, baseOffset: number) {
    this.#entries = entries
    this.#baseOffset = baseOffset
  }

  static create(file: LogFile, baseOffset: number): OffsetIndex {
    file.create()
    return new OffsetIndex(new IndexFile(file, OFFSET_ENTRY_BYTES, 0), baseOffset)
  }

  /** Throws CORRUPT when it cannot belong to a log of that size. */
  static open(file: LogFile, baseOffset: number, logBytes: number): OffsetIndex {
    const entries = IndexFile.of(file, OFFSET_ENTRY_BYTES)
    if (entries.count > 0) {
      const last = entries.entry(entries.count - 1)
      if (last.readInt32BE(0) <= 0) throw unfit(file, 'its last offset is not above its base')
      if (last.readInt32BE(4) >= logBytes) throw unfit(file, 'it points beyond the log')
    }
    return new OffsetIndex(entries, baseOffset)
  }

  get file(): LogFile {
    return this.#entries.file
  }

  isFull(indexBytesMax: number): boolean {
    return this.#entries.count >= Math.floor(indexBytesMax / OFFSET_ENTRY_BYTES)
  }

  append(lastOffset: number, position: number): void {
    scratch.writeInt32BE(lastOffset - this.#baseOffset, 0)
    scratch.writeInt32BE(position, 4)
    this.#entries.append(scratch)
  }

  /** The entry from which on batches are to be walked to find the one that holds the offset. Undefined: from the begin of the log. */
  floor(offset: number): OffsetEntry | undefined {
    const relative = offset - this.#baseOffset
    const entry = this.#entries.floor((bytes, at) => bytes.readInt32BE(at) <= relative)
    if (entry === undefined) return undefined
    return { lastOffset: this.#baseOffset + entry.readInt32BE(0), position: entry.readInt32BE(4) }
  }

  get lastPosition(): number {
    return this.#entries.count === 0 ? 0 : this.#entries.entry(this.#entries.count - 1).readInt32BE(4)
  }
}
