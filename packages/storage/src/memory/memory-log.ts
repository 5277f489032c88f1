/** A partition log in memory: batches in an array, searched by offset. The plainest thing that keeps the seam's promises, and the model for the others. */
import type { Clock } from '@millrace/base'
import type {
  AppendEntry,
  AppendOutcome,
  Isolation,
  LogConfig,
  LogRefusal,
  OffsetFound,
  OffsetQuery,
  PartitionLog,
  ReadOutcome,
} from '../engine.ts'
import { admit, appended, takeIn } from '../log/admission.ts'
import { LeaderEpochs } from '../log/leader-epochs.ts'
import { type LogRange, readableEnd, refusedRead, startAfterDelete } from '../log/offset-range.ts'
import { type EndedTransaction, ProducerStates } from '../log/producer-state.ts'
import type { Allowance } from '../log/read-budget.ts'
import { type RecordTime, recordAtOrAfter, recordOfMaxTimestamp } from '../log/record-time.ts'
import { cleanBatches, type StoredBatch } from './memory-cleaning.ts'

export class MemoryLog implements PartitionLog, LogRange {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly leaderEpoch = 0
  readonly producers = new ProducerStates()
  readonly epochs = new LeaderEpochs([{ epoch: 0, startOffset: 0 }])
  config: LogConfig
  logStartOffset = 0
  logEndOffset = 0
  sizeBytes = 0
  #cleanedUpTo = 0
  #isBeingCleaned = false
  #batches: StoredBatch[] = []
  #aborted: EndedTransaction[] = []

  constructor(layout: { topic: string; topicId: string; config: LogConfig }, partition: number) {
    this.topic = layout.topic
    this.topicId = layout.topicId
    this.partition = partition
    this.config = layout.config
  }

  get highWatermark(): number {
    return this.logEndOffset
  }

  get lastStableOffset(): number {
    const unstable = this.producers.firstUnstableOffset(this.logEndOffset)
    return Math.max(this.logStartOffset, unstable ?? this.logEndOffset)
  }

  append(entry: AppendEntry, nowMs: number): AppendOutcome {
    const admission = admit(this, entry, nowMs)
    if (admission.kind === 'answered') return admission.outcome
    const { batch, records } = admission
    const ended = takeIn(this.producers, batch, records)
    if (ended?.aborted) this.#aborted.push(ended)
    // The caller's memory is used again. Of its own: a slice of Node's pool would hold what others lie beside.
    const own = Buffer.allocUnsafeSlow(records.length)
    records.copy(own)
    this.#batches.push({ batch, records: own })
    this.logEndOffset = batch.lastOffset + 1
    this.sizeBytes += batch.sizeInBytes
    return appended(batch, this.logStartOffset)
  }

  read(offset: number, isolation: Isolation, allowance: Allowance): ReadOutcome {
    const refused = refusedRead(this, offset)
    if (refused !== undefined)
      return { ...refused, highWatermark: this.highWatermark, logStartOffset: this.logStartOffset }
    const end = readableEnd(this, isolation)
    const records: Buffer[] = []
    let bytes = 0
    let readEnd = offset
    for (let i = this.#indexOf(offset); i < this.#batches.length; i++) {
      const { batch, records: view } = this.#batches[i]!
      const fits = bytes + batch.sizeInBytes <= allowance.maxBytes || (bytes === 0 && allowance.evenIfTooLarge)
      if (batch.lastOffset >= end || !fits) break
      records.push(view)
      bytes += batch.sizeInBytes
      readEnd = batch.lastOffset + 1
    }
    const { highWatermark, lastStableOffset, logStartOffset } = this
    const abortedTransactions =
      isolation === 'read_committed' && bytes > 0
        ? this.#aborted.filter(t => t.lastOffset >= offset && t.firstOffset < readEnd)
        : []
    return { kind: 'read', records, bytes, highWatermark, lastStableOffset, logStartOffset, abortedTransactions }
  }

  listOffset(query: OffsetQuery): OffsetFound {
    switch (query.kind) {
      case 'earliest':
        return this.#boundary(this.logStartOffset)
      case 'latest':
        return this.#boundary(readableEnd(this, query.isolation))
      case 'max_timestamp':
        return this.#found(this.#latestRecord(), this.highWatermark)
      case 'timestamp':
        return this.#found(this.#recordAtOrAfter(query.timestampMs), readableEnd(this, query.isolation))
      default:
        return query satisfies never
    }
  }

  deleteBefore(beforeOffset: number): { readonly kind: 'deleted'; readonly logStartOffset: number } | LogRefusal {
    const start = startAfterDelete(this, this.config, beforeOffset)
    if (typeof start !== 'number') return start
    this.#cutBefore(start)
    return { kind: 'deleted', logStartOffset: this.logStartOffset }
  }

  /** Retention batch by batch: there are no segments here. Answers whether the log start moved. */
  retain(nowMs: number): boolean {
    const { retentionMs, retentionBytes, cleanupPolicy } = this.config
    if (!cleanupPolicy.includes('delete')) return false
    let excess = retentionBytes < 0 ? 0 : this.sizeBytes - retentionBytes
    let start = this.logStartOffset
    for (const { batch } of this.#batches) {
      const tooOld = retentionMs >= 0 && batch.maxTimestamp >= 0 && nowMs - batch.maxTimestamp > retentionMs
      if (!tooOld && excess < batch.sizeInBytes) break
      excess -= batch.sizeInBytes
      start = batch.lastOffset + 1
    }
    if (start === this.logStartOffset) return false
    this.#cutBefore(start)
    return true
  }

  /** Compaction. What was deleted meanwhile makes it begin anew the next time. */
  async clean(clock: Clock, isWanted: () => boolean): Promise<void> {
    if (this.#isBeingCleaned || !this.config.cleanupPolicy.includes('compact')) return
    this.#isBeingCleaned = true
    try {
      const { config, producers, lastStableOffset } = this
      const log = {
        config,
        producers,
        lastStableOffset,
        batches: this.#batches,
        aborted: this.#aborted,
        cleanedUpTo: this.#cleanedUpTo,
      }
      const cleaning = await cleanBatches(log, clock, isWanted)
      if (cleaning === undefined || this.#batches[0] !== cleaning.source[0]) return
      const { source, kept, keptAborts } = cleaning
      this.#batches = [...kept, ...this.#batches.slice(source.length)]
      this.sizeBytes = this.#batches.reduce((sum, { batch }) => sum + batch.sizeInBytes, 0)
      const cleanedEnd = source.at(-1)!.batch.lastOffset
      this.#aborted = this.#aborted.filter(({ lastOffset }) => lastOffset > cleanedEnd || keptAborts.has(lastOffset))
      this.#cleanedUpTo = cleaning.cleanedUpTo
    } finally {
      this.#isBeingCleaned = false
    }
  }

  #cutBefore(offset: number): void {
    this.logStartOffset = offset
    const kept = this.#indexOf(offset)
    for (const { batch } of this.#batches.slice(0, kept)) this.sizeBytes -= batch.sizeInBytes
    this.#batches = this.#batches.slice(kept)
    this.#aborted = this.#aborted.filter(t => t.lastOffset >= offset)
    this.epochs.cutBefore(offset)
  }

  /** The first batch that ends at or after the offset. */
  #indexOf(offset: number): number {
    let low = 0
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#batches[middle]!.batch.lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  #latestRecord(): RecordTime | undefined {
    let latest: StoredBatch | undefined
    for (const stored of this.#batches)
      if (latest === undefined || stored.batch.maxTimestamp > latest.batch.maxTimestamp) latest = stored
    return latest === undefined ? undefined : recordOfMaxTimestamp(latest.batch, latest.records)
  }

  #recordAtOrAfter(timestampMs: number): RecordTime | undefined {
    for (const { batch, records } of this.#batches) {
      if (batch.maxTimestamp < timestampMs) continue
      const found = recordAtOrAfter(batch, records, { timestampMs, fromOffset: this.logStartOffset })
      if (found !== undefined) return found
    }
    return undefined
  }

  #boundary(offset: number): OffsetFound {
    return { kind: 'found', offset, timestampMs: -1, leaderEpoch: this.leaderEpoch }
  }

  #found(record: RecordTime | undefined, end: number): OffsetFound {
    if (record === undefined || record.offset >= end)
      return { kind: 'found', offset: -1, timestampMs: -1, leaderEpoch: -1 }
    return { kind: 'found', ...record, leaderEpoch: this.epochs.epochOf(record.offset) }
  }
}
