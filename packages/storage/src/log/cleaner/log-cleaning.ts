/**
 * One cleaning of one log. Its keys' last offsets are noted from the dirty part, then all segments up to there are written anew without what they
 * say no more, group by group, and each group is put in its place as it is done: an end in between costs the groups that were not reached, and
 * the next cleaning begins where this one did.
 */
import { RecordCursor } from '@millrace/protocol'
import { isControl } from '../batch-view.ts'
import type { DiskLog } from '../disk-log.ts'
import type { LogServices } from '../log-services.ts'
import type { LogSegment } from '../segment.ts'
import { appendEntry, entriesIn } from '../transaction-index.ts'
import { BatchFilter, noteKeys } from './batch-filter.ts'
import { BatchReader } from './batch-reader.ts'
import { type CleanableRange, groupSegments, segmentsFrom } from './cleanable-range.ts'
import { CleanedTransactions } from './cleaned-transactions.ts'
import { OffsetMap, type OffsetMapLimits } from './offset-map.ts'
import { CleaningStopped, type Pace } from './pace.ts'
import { removeUnfinished, swapIn } from './segment-swap.ts'
import { SegmentWriter } from './segment-writer.ts'

export interface CleaningOptions {
  readonly range: CleanableRange
  readonly map: OffsetMapLimits
  /** log.cleaner.io.buffer.size: half of it for reading, half for writing. */
  readonly ioBufferBytes: number
  readonly pace: Pace
}

export interface CleaningResult {
  /** Everything below is clean now. */
  readonly cleanedUpTo: number
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly recordsRead: number
  readonly recordsKept: number
  readonly mapBytes: number
  readonly mapUtilization: number
}

/** Rejects with `CleaningStopped` when the log is not to be cleaned any more, with CORRUPT when it cannot be, else with what the disk said. */
export async function cleanLog(services: LogServices, log: DiskLog, options: CleaningOptions): Promise<CleaningResult> {
  removeUnfinished(services.fs, log.folder)
  return new Cleaning(services, log, options).run()
}

class Cleaning {
  readonly #services: LogServices
  readonly #log: DiskLog
  readonly #options: CleaningOptions
  readonly #blockBytes: number
  readonly #reader: BatchReader
  readonly #map: OffsetMap
  readonly #transactions = new CleanedTransactions()
  readonly #filter: BatchFilter
  #bytesRead = 0
  #bytesWritten = 0

  constructor(services: LogServices, log: DiskLog, options: CleaningOptions) {
    this.#services = services
    this.#log = log
    this.#options = options
    this.#blockBytes = Math.max(1024, options.ioBufferBytes >> 1)
    this.#reader = new BatchReader(options.pace, services.readPace, this.#blockBytes)
    this.#map = new OffsetMap(options.map)
    this.#filter = new BatchFilter({
      map: this.#map,
      transactions: this.#transactions,
      producer: id => log.producers.get(id),
      firstUncleanableOffset: options.range.firstUncleanableOffset,
      nowMs: services.clock.now(),
      deleteRetentionMs: log.config.deleteRetentionMs,
    })
  }

  async run(): Promise<CleaningResult> {
    await this.#buildMap()
    const cleanedUpTo = this.#map.latestOffset + 1
    for (const group of this.#groups(cleanedUpTo)) await this.#cleanGroup(group)
    return {
      cleanedUpTo: Math.max(cleanedUpTo, this.#options.range.firstDirtyOffset),
      bytesRead: this.#bytesRead,
      bytesWritten: this.#bytesWritten,
      recordsRead: this.#filter.recordsRead,
      recordsKept: this.#filter.recordsKept,
      mapBytes: this.#map.bytes,
      mapUtilization: this.#map.utilization,
    }
  }

  /** From the first dirty offset on, committed records alone, until the map is full. */
  async #buildMap(): Promise<void> {
    const { firstDirtyOffset, firstUncleanableOffset } = this.#options.range
    const fromDirty = segmentsFrom(this.#log.segments, firstDirtyOffset)
    const dirty = fromDirty.filter(segment => segment.baseOffset < firstUncleanableOffset)
    const transactions = new CleanedTransactions()
    // The marker of an aborted one may lie beyond what is cleaned.
    transactions.expect(entriesIn(fromDirty, { from: firstDirtyOffset, to: firstUncleanableOffset }))
    const cursor = new RecordCursor(Buffer.alloc(0))
    const map = this.#map
    for (const [i, segment] of dirty.entries()) {
      let isFull = false
      const start =
        segment.baseOffset >= firstDirtyOffset ? 0 : (segment.offsets.floor(firstDirtyOffset)?.position ?? 0)
      await this.#reader.each(segment, start, (batch, bytes) => {
        const hasKeys = !transactions.isSpent(batch, bytes) && !isControl(batch)
        isFull = hasKeys && !noteKeys(map, batch, { bytes, cursor, fromOffset: firstDirtyOffset })
        if (!isFull && batch.lastOffset >= firstDirtyOffset) map.latestOffset = batch.lastOffset
        return !isFull
      })
      if (isFull) return
      map.latestOffset = (dirty[i + 1]?.baseOffset ?? firstUncleanableOffset) - 1
    }
  }

  #groups(end: number): LogSegment[][] {
    const { segmentBytes, segmentIndexBytes } = this.#log.config
    const segments = this.#log.segments.filter(segment => segment.baseOffset < end)
    const grouped = segments.map(segment => ({
      segment,
      baseOffset: segment.baseOffset,
      sizeBytes: segment.sizeBytes,
      offsetIndexBytes: segment.offsets.file.sizeBytes ?? 0,
      timeIndexBytes: segment.times.file.sizeBytes ?? 0,
    }))
    const endOffset = this.#options.range.firstUncleanableOffset
    return groupSegments(grouped, { segmentBytes, segmentIndexBytes, endOffset }).map(group =>
      group.map(({ segment }) => segment),
    )
  }

  async #cleanGroup(group: readonly LogSegment[]): Promise<void> {
    const { folder, config } = this.#log
    const { indexIntervalBytes } = config
    const writer = new SegmentWriter(this.#services, this.#options.pace, {
      folder,
      baseOffset: group[0]!.baseOffset,
      indexIntervalBytes,
      blockBytes: this.#blockBytes,
    })
    this.#transactions.onKeptAbort = entry => appendEntry(writer.segment, entry)
    try {
      for (const segment of group) await this.#cleanInto(writer, segment)
      const fresh = await writer.finish()
      if (!(await swapIn(this.#services, this.#log, { old: group, fresh })))
        throw new CleaningStopped('a segment went while it was cleaned')
      this.#bytesWritten += fresh.sizeBytes
    } catch (fault) {
      if (this.#log.fault === undefined && !this.#log.segments.includes(writer.segment)) writer.segment.discard()
      throw fault
    }
  }

  async #cleanInto(writer: SegmentWriter, segment: LogSegment): Promise<void> {
    const { segments } = this.#log
    const at = segments.indexOf(segment)
    if (at < 0) throw new CleaningStopped('a segment went while it was cleaned')
    const range = { from: segment.baseOffset, to: segments[at + 1]!.baseOffset }
    this.#transactions.expect(entriesIn(segments.slice(at), range))
    await this.#reader.each(segment, 0, (batch, bytes) => {
      const kept = this.#filter.apply(batch, bytes)
      if (kept !== undefined) writer.append(kept)
      return true
    })
    this.#bytesRead += segment.sizeBytes
  }
}
