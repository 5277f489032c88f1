/**
 * Compaction where there are no segments. What would lie in a closed one is cleaned: batches below the last stable offset with `segment.bytes` of newer ones
 * behind them, or as old as a segment gets. Dirty are those behind the end of the last cleaning.
 */
import type { Clock } from '@millrace/base'
import { type BatchHeader, RecordCursor, readBatchHeader } from '@millrace/protocol'
import type { LogConfig } from '../engine.ts'
import { isControl } from '../log/batch-view.ts'
import { BatchFilter, noteKeys } from '../log/cleaner/batch-filter.ts'
import { CleanedTransactions } from '../log/cleaner/cleaned-transactions.ts'
import { defaultCleanerSettings } from '../log/cleaner/log-cleaner.ts'
import { OffsetMap } from '../log/cleaner/offset-map.ts'
import { Pace } from '../log/cleaner/pace.ts'
import type { EndedTransaction, ProducerStates } from '../log/producer-state.ts'

export interface StoredBatch {
  readonly batch: BatchHeader
  readonly records: Buffer
}

export interface CleanedMemory {
  readonly config: LogConfig
  readonly batches: readonly StoredBatch[]
  readonly aborted: readonly EndedTransaction[]
  readonly producers: ProducerStates
  readonly lastStableOffset: number
  readonly cleanedUpTo: number
}

export interface MemoryCleaning {
  /** The batches that were cleaned, in the log as it was; what is kept of them; and the aborted transactions whose markers are still there. */
  readonly source: readonly StoredBatch[]
  readonly kept: readonly StoredBatch[]
  readonly keptAborts: ReadonlySet<number>
  readonly cleanedUpTo: number
}

/** Undefined when it is not worth it. */
export async function cleanBatches(
  log: CleanedMemory,
  clock: Clock,
  isWanted: () => boolean,
): Promise<MemoryCleaning | undefined> {
  const nowMs = clock.now()
  const source = log.batches.slice(0, cleanableCount(log, nowMs))
  const end = source.at(-1)
  const dirty = source.filter(({ batch }) => batch.lastOffset >= log.cleanedUpTo)
  if (end === undefined || bytesOf(dirty) <= bytesOf(source) * log.config.minCleanableDirtyRatio) return undefined
  const { dedupeBufferBytes: bytesMax, loadFactor } = defaultCleanerSettings
  const pace = new Pace({ clock, bytesPerSecondMax: () => Number.MAX_VALUE, isWanted })
  const map = new OffsetMap({ bytesMax, loadFactor })
  await noteAll(map, dirty, { aborted: log.aborted, fromOffset: log.cleanedUpTo, pace })
  const transactions = transactionsOf(log.aborted)
  const keptAborts = new Set<number>()
  transactions.onKeptAbort = ({ lastOffset }) => keptAborts.add(lastOffset)
  const filter = new BatchFilter({
    map,
    transactions,
    producer: id => log.producers.get(id),
    firstUncleanableOffset: end.batch.lastOffset + 1,
    nowMs,
    deleteRetentionMs: log.config.deleteRetentionMs,
  })
  const kept: StoredBatch[] = []
  for (const stored of source) {
    const records = filter.apply(stored.batch, stored.records)
    if (records === stored.records) kept.push(stored)
    else if (records !== undefined) kept.push({ batch: readBatchHeader(records, 0), records })
    if (pace.needsRest) await pace.rest()
  }
  return { source, kept, keptAborts, cleanedUpTo: map.latestOffset + 1 }
}

function cleanableCount({ batches, config, lastStableOffset }: CleanedMemory, nowMs: number): number {
  const ageMs = Math.min(config.segmentMs, config.maxCompactionLagMs)
  let newerBytes = 0
  for (let i = batches.length - 1; i >= 0; i--) {
    const { batch } = batches[i]!
    const isClosed =
      newerBytes >= config.segmentBytes || (batch.maxTimestamp >= 0 && nowMs - batch.maxTimestamp > ageMs)
    const isOldEnough = nowMs - batch.maxTimestamp >= config.minCompactionLagMs
    if (isClosed && isOldEnough && batch.lastOffset < lastStableOffset) return i + 1
    newerBytes += batch.sizeInBytes
  }
  return 0
}

async function noteAll(
  map: OffsetMap,
  dirty: readonly StoredBatch[],
  { aborted, fromOffset, pace }: { aborted: readonly EndedTransaction[]; fromOffset: number; pace: Pace },
): Promise<void> {
  const transactions = transactionsOf(aborted)
  const cursor = new RecordCursor(Buffer.alloc(0))
  for (const { batch, records } of dirty) {
    const hasKeys = !transactions.isSpent(batch, records) && !isControl(batch)
    if (hasKeys && !noteKeys(map, batch, { bytes: records, cursor, fromOffset })) return
    map.latestOffset = batch.lastOffset
    if (pace.needsRest) await pace.rest()
  }
}

function transactionsOf(aborted: readonly EndedTransaction[]): CleanedTransactions {
  const transactions = new CleanedTransactions()
  transactions.expect(aborted.map(entry => ({ ...entry, lastStableOffset: entry.lastOffset })))
  return transactions
}

const bytesOf = (batches: readonly StoredBatch[]): number =>
  batches.reduce((sum, { batch }) => sum + batch.sizeInBytes, 0)
