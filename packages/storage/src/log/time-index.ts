/**
 * `.timeindex`: how new the records are up to some offset. Both rise.
 *
 *   0 the largest timestamp so far (8)   8 last offset of the batch that has it, relative to the segment's base (4)
 */
import { int64At, writeInt64 } from '@millrace/protocol'
import { IndexFile, unfit } from './index-file.ts'
import type { LogFile } from './open-files.ts'

export const TIME_ENTRY_BYTES = 12
const scratch = Buffer.allocUnsafeSlow(TIME_ENTRY_BYTES)

export interface TimeEntry {
  readonly timestampMs: number
  readonly offset: number
}

export class TimeIndex {
  readonly #entries: IndexFile
  readonly #baseOffset: number
  /** Without entries: no time, at the base. */
  last: TimeEntry

  constructor(entries: IndexFile, baseOffset: number) {
    this.#entries = entries
    this.#baseOffset = baseOffset
    this.last =
      entries.count === 0 ? { timestampMs: -1, offset: baseOffset } : this.#at(entries.entry(entries.count - 1))
  }

  static create(file: LogFile, baseOffset: number): TimeIndex {
    file.create()
    return new TimeIndex(new IndexFile(file, TIME_ENTRY_BYTES, 0), baseOffset)
  }

  static open(file: LogFile, baseOffset: number): TimeIndex {
    const entries = IndexFile.of(file, TIME_ENTRY_BYTES)
    const index = new TimeIndex(entries, baseOffset)
    if (entries.count > 0) {
      const first = int64At(entries.entry(0), 0)
      if (index.last.timestampMs < first || index.last.timestampMs < 0)
        throw unfit(file, 'its last time is below its first')
      if (index.last.offset < baseOffset) throw unfit(file, 'its last offset is below its base')
    }
    return index
  }

  get file(): LogFile {
    return this.#entries.file
  }

  /** The last slot is kept free for the entry that closes the segment. */
  isFull(indexBytesMax: number): boolean {
    return this.#entries.count >= Math.floor(indexBytesMax / TIME_ENTRY_BYTES) - 1
  }

  /** Only what is newer than the last entry is worth one. */
  note(entry: TimeEntry): void {
    if (entry.timestampMs <= this.last.timestampMs) return
    writeInt64(scratch, 0, entry.timestampMs)
    scratch.writeInt32BE(entry.offset - this.#baseOffset, 8)
    this.#entries.append(scratch)
    this.last = entry
  }

  /** Nothing up to this offset is as new as the time, so that a search may begin there. The base offset when nothing is known. */
  offsetBefore(timestampMs: number): number {
    const entry = this.#entries.floor((bytes, at) => int64At(bytes, at) < timestampMs)
    return entry === undefined ? this.#baseOffset : this.#at(entry).offset
  }

  #at(entry: Buffer): TimeEntry {
    return { timestampMs: int64At(entry, 0), offset: this.#baseOffset + entry.readInt32BE(8) }
  }
}
