/**
 * One segment of a partition: a `.log` of batches back to back and the two sparse indexes beside it.
 *
 *     00000000000000000042.log        [batch 42..44][batch 45..45][batch 46..60] …
 *     00000000000000000042.index      last offset → position      one entry in some kilobytes
 *     00000000000000000042.timeindex  largest time so far → last offset
 *
 * Only the last segment of a log is written. `sizeBytes` counts what is whole: a write that failed in the middle leaves bytes behind it that
 * no reader sees, which are cut off or written over.
 */
import type { BatchHeader } from '@millrace/protocol'
import { StorageError } from '../engine.ts'
import { HeaderWalk, scanBatches } from './batch-scan.ts'
import { CLEANED_SUFFIX, dataSuffixes, type SegmentSuffix, SWAP_SUFFIX, segmentFile } from './file-names.ts'
import { unfit } from './index-file.ts'
import { OffsetIndex } from './offset-index.ts'
import { LogFile, type OpenFiles } from './open-files.ts'
import { TimeIndex } from './time-index.ts'
import type { IndexSum } from './transaction-index-sums.ts'

const OFFSET_DELTA_MAX = 0x7fff_ffff

export interface Segment {
  readonly baseOffset: number
  readonly log: LogFile
  sizeBytes: number
}

export interface RollLimits {
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly segmentIndexBytes: number
}

export class LogSegment implements Segment {
  readonly baseOffset: number
  readonly folder: string
  readonly log: LogFile
  readonly #files: OpenFiles
  sizeBytes: number
  /** Time since when a segment without timestamps counts as open. */
  readonly createdMs: number
  /** How much earlier than segment.ms it rolls, so that not all partitions roll at once. */
  rollJitterMs = 0
  hasTransactionIndex = false
  /** What the transaction index has to be; undefined where nobody knows, or while it grows. */
  transactionSum: IndexSum | undefined
  /** What the transaction index has to be is on the device. */
  transactionsAreNoted = false
  /** Files are new and their names in the folder not yet synced. */
  isNew = false
  /** Its files were renamed away: nothing is to be written or synced any more. */
  isRemoved = false
  /** Bytes were written since the last sync of log and indexes. */
  isDirty = false
  #offsets: OffsetIndex | undefined
  #times: TimeIndex | undefined
  #transactions: LogFile | undefined
  #maxTimestamp = -1
  #maxTimestampOffset = -1
  /** Undefined until asked for, after a start. */
  #firstTimestamp: number | undefined
  #bytesSinceEntry = 0
  /** Behind the names of its files while it is not one of the log's segments: still being made, or on its way out. */
  #ending = ''

  constructor(files: OpenFiles, folder: string, at: { baseOffset: number; sizeBytes: number; createdMs: number }) {
    this.#files = files
    this.folder = folder
    this.baseOffset = at.baseOffset
    this.sizeBytes = at.sizeBytes
    this.createdMs = at.createdMs
    this.log = new LogFile(files, segmentFile(folder, at.baseOffset, '.log'))
  }

  /** Empty, whatever had its names before. */
  static create(
    files: OpenFiles,
    folder: string,
    at: { baseOffset: number; nowMs: number; ending?: string },
  ): LogSegment {
    const segment = new LogSegment(files, folder, { baseOffset: at.baseOffset, sizeBytes: 0, createdMs: at.nowMs })
    segment.#ending = at.ending ?? ''
    segment.log.path += segment.#ending
    segment.log.create()
    segment.resetIndexes()
    segment.isNew = true
    return segment
  }

  /** Throws CORRUPT when an index does not fit; `rebuild` makes it again. */
  get offsets(): OffsetIndex {
    this.#offsets ??= OffsetIndex.open(this.#file('.index'), this.baseOffset, this.sizeBytes)
    return this.#offsets
  }

  get times(): TimeIndex {
    if (this.#times === undefined) {
      this.#times = TimeIndex.open(this.#file('.timeindex'), this.baseOffset)
      if (this.#times.last.timestampMs > this.#maxTimestamp) {
        this.#maxTimestamp = this.#times.last.timestampMs
        this.#maxTimestampOffset = this.#times.last.offset
      }
    }
    return this.#times
  }

  /** Only there when a transaction was aborted in this segment. */
  get transactions(): LogFile {
    this.#transactions ??= this.#file('.txnindex')
    return this.#transactions
  }

  removeTransactionIndex(): void {
    this.#transactions?.close()
    this.#files.fs.remove(this.#pathOf('.txnindex'))
  }

  /** -1 when no batch has a time. */
  get maxTimestamp(): number {
    if (this.sizeBytes > 0) void this.times
    return this.#maxTimestamp
  }

  /** By which its age counts; -1 when no batch has a time. */
  get firstTimestamp(): number {
    this.#firstTimestamp ??= new HeaderWalk(this.log, this.sizeBytes).at(0)?.maxTimestamp ?? -1
    return this.#firstTimestamp
  }

  /**
   * Gives its files' names another ending, the log's first: by that recovery tells how far a crash let it come. Whoever reads the segment goes on
   * reading the same files. Answers their new names.
   */
  moveTo(ending: string): string[] {
    const { fs } = this.#files
    const moved: string[] = []
    for (const suffix of dataSuffixes) {
      const name = segmentFile(this.folder, this.baseOffset, suffix)
      if (fs.stat(name + this.#ending) === undefined) continue
      fs.rename(name + this.#ending, name + ending)
      moved.push(name + ending)
    }
    this.#ending = ending
    this.log.path = this.#pathOf('.log')
    if (this.#offsets !== undefined) this.#offsets.file.path = this.#pathOf('.index')
    if (this.#times !== undefined) this.#times.file.path = this.#pathOf('.timeindex')
    if (this.#transactions !== undefined) this.#transactions.path = this.#pathOf('.txnindex')
    return moved
  }

  /** Of one that was made to take others' place and does not: its files go, however far they came. */
  discard(): void {
    this.isRemoved = true
    this.close()
    for (const suffix of dataSuffixes)
      for (const ending of [CLEANED_SUFFIX, SWAP_SUFFIX])
        this.#files.fs.remove(segmentFile(this.folder, this.baseOffset, suffix) + ending)
  }

  /** Appends a batch whose offsets are set. After a fault the segment is as it was before, or the fault says that it could not be put back. */
  append(batch: BatchHeader, records: Buffer, indexIntervalBytes: number): void {
    const position = this.sizeBytes
    try {
      this.log.write(records, position)
    } catch (fault) {
      this.#putBack(position, fault)
    }
    this.isDirty = true
    this.note(batch, position, indexIntervalBytes)
  }

  /** Takes in a batch that lies at the end of the log: what append does once it is written, and recovery with what it finds. */
  note(batch: BatchHeader, position: number, indexIntervalBytes: number): void {
    if (position === 0) this.#firstTimestamp = batch.maxTimestamp
    if (batch.maxTimestamp > this.#maxTimestamp) {
      this.#maxTimestamp = batch.maxTimestamp
      this.#maxTimestampOffset = batch.lastOffset
    }
    this.sizeBytes = position + batch.sizeInBytes
    if (this.#bytesSinceEntry > indexIntervalBytes) this.#index(batch.lastOffset, position)
    this.#bytesSinceEntry += batch.sizeInBytes
  }

  /** The batch is in the log already, and an index may lack entries: one that cannot be written now is tried again with the next batch. */
  #index(lastOffset: number, position: number): void {
    try {
      this.offsets.append(lastOffset, position)
      this.times.note({ timestampMs: this.#maxTimestamp, offset: this.#maxTimestampOffset })
      this.#bytesSinceEntry = 0
    } catch (fault) {
      if (!(fault instanceof StorageError)) throw fault
    }
  }

  mustRollBefore(batch: BatchHeader, nowMs: number, limits: RollLimits): boolean {
    if (batch.lastOffset - this.baseOffset > OFFSET_DELTA_MAX) return true
    if (this.sizeBytes === 0) return false
    return (
      this.sizeBytes + batch.sizeInBytes > limits.segmentBytes ||
      this.#openForMs(batch.maxTimestamp, nowMs) > limits.segmentMs - this.rollJitterMs ||
      this.offsets.isFull(limits.segmentIndexBytes) ||
      this.times.isFull(limits.segmentIndexBytes)
    )
  }

  /** No batch follows any more, or not before the next start: the time index gets its closing entry. */
  seal(): void {
    if (this.sizeBytes > 0) this.times.note({ timestampMs: this.#maxTimestamp, offset: this.#maxTimestampOffset })
  }

  /** Where the batch lies that holds the offset, or the first one after it. */
  find(offset: number): { readonly position: number; readonly batch: BatchHeader } | undefined {
    const walk = new HeaderWalk(this.log, this.sizeBytes)
    const entry = this.offsets.floor(offset)
    let position = entry?.position ?? 0
    while (position < this.sizeBytes) {
      const batch = walk.at(position)
      if (batch === undefined) throw damaged(this, position)
      if (position === entry?.position && batch.lastOffset > entry.lastOffset)
        throw unfit(this.offsets.file, `no batch at ${position} ends at offset ${entry.lastOffset}`)
      if (batch.lastOffset >= offset) return { position, batch }
      position += batch.sizeInBytes
    }
    return undefined
  }

  /** The first batch, from `fromOffset` on, that has a record as new as the time. With its records. */
  async findByTime(
    timestampMs: number,
    fromOffset: number,
  ): Promise<{ batch: BatchHeader; records: Buffer } | undefined> {
    const start = this.find(Math.max(fromOffset, this.times.offsetBefore(timestampMs)))
    let found: { position: number; batch: BatchHeader } | undefined
    if (start === undefined) return undefined
    await scanBatches(
      this.log,
      { from: start.position, end: this.sizeBytes, depth: 'headers' },
      (batch, _, position) => {
        if (batch.maxTimestamp < timestampMs || batch.lastOffset < fromOffset) return true
        found = { position, batch }
        return false
      },
    )
    if (found === undefined) return undefined
    const records = Buffer.allocUnsafeSlow(found.batch.sizeInBytes)
    await this.log.readLater(records, found.position)
    return { batch: found.batch, records }
  }

  /** Makes both indexes again from the log, up to where its batches are whole (and, with `whole`, their checksums good). Answers that position. */
  async rebuild(
    options: { depth: 'whole' | 'headers'; indexIntervalBytes: number },
    visit: (batch: BatchHeader, records: Buffer) => boolean = () => true,
  ): Promise<number> {
    const end = this.sizeBytes
    this.resetIndexes()
    this.sizeBytes = 0
    const goodEnd = await scanBatches(this.log, { from: 0, end, depth: options.depth }, (batch, records, position) => {
      if (batch.baseOffset < this.baseOffset || batch.lastOffset - this.baseOffset > OFFSET_DELTA_MAX) return false
      if (!visit(batch, records)) return false
      this.note(batch, position, options.indexIntervalBytes)
      return true
    })
    this.seal()
    this.isDirty = true
    // Only recovery cuts. A look at the headers alone that ends early has found damage, and whoever reads there is to be told.
    if (options.depth === 'headers') this.sizeBytes = end
    return goodEnd
  }

  /** After a clean stop: walks the few batches behind the last index entry and answers the offset that follows them. Whatever lies behind is no batch. */
  resume(): number {
    const walk = new HeaderWalk(this.log, this.sizeBytes)
    let position = this.offsets.lastPosition
    let nextOffset = this.baseOffset
    void this.times
    for (let batch = walk.at(position); batch !== undefined; batch = walk.at(position)) {
      if (batch.maxTimestamp > this.#maxTimestamp) {
        this.#maxTimestamp = batch.maxTimestamp
        this.#maxTimestampOffset = batch.lastOffset
      }
      nextOffset = batch.lastOffset + 1
      position += batch.sizeInBytes
      this.#bytesSinceEntry += batch.sizeInBytes
    }
    if (position < this.sizeBytes) this.log.truncate(position)
    this.sizeBytes = position
    return nextOffset
  }

  resetIndexes(): void {
    this.#offsets?.file.close()
    this.#times?.file.close()
    this.#offsets = OffsetIndex.create(this.#file('.index'), this.baseOffset)
    this.#times = TimeIndex.create(this.#file('.timeindex'), this.baseOffset)
    this.#maxTimestamp = -1
    this.#maxTimestampOffset = -1
    this.#bytesSinceEntry = 0
  }

  /** Everything of the segment on the device. */
  async sync(): Promise<void> {
    const sizeBytes = this.sizeBytes
    await Promise.all([this.log.sync(), this.offsets.file.sync(), this.times.file.sync()])
    if (this.hasTransactionIndex) await this.transactions.sync()
    if (this.sizeBytes === sizeBytes) this.isDirty = false
  }

  /** On the device, and so that a start finds it as it was closed. */
  get isSafe(): boolean {
    return !this.isDirty && (this.transactionsAreNoted || !this.hasTransactionIndex)
  }

  close(): void {
    this.log.close()
    this.#offsets?.file.close()
    this.#times?.file.close()
    this.#transactions?.close()
  }

  #file(suffix: '.index' | '.timeindex' | '.txnindex'): LogFile {
    return new LogFile(this.#files, this.#pathOf(suffix))
  }

  #pathOf(suffix: SegmentSuffix): string {
    return segmentFile(this.folder, this.baseOffset, suffix) + this.#ending
  }

  #openForMs(timestampMs: number, nowMs: number): number {
    const { firstTimestamp } = this
    return firstTimestamp >= 0 && timestampMs >= 0 ? timestampMs - firstTimestamp : nowMs - this.createdMs
  }

  #putBack(position: number, fault: unknown): never {
    try {
      this.log.truncate(position)
    } catch (cause) {
      throw new StorageError('CORRUPT', `${this.log.path} has half a batch at ${position} that cannot be cut off`, {
        cause,
      })
    }
    throw fault
  }
}

export const damaged = (segment: Segment, position: number): StorageError =>
  new StorageError('CORRUPT', `${segment.log.path} has no readable batch at position ${position}`, {
    path: segment.log.path,
  })
