/**
 * `.txnindex`: the aborted transactions whose marker lies in the segment. 34 bytes each:
 *
 *   0 version, 0 (2)   2 producer id (8)   10 first offset (8)   18 last offset, the marker's (8)   26 last stable offset at that moment (8)
 *
 * Whoever looks for what overlaps a range goes on from segment to segment until an entry's last stable offset is past the range: nothing that begins
 * in it can end later.
 */
import { int64At, writeInt64 } from '@millrace/protocol'
import type { AbortedTransaction } from '../engine.ts'
import { takeIn } from './admission.ts'
import { scanBatches } from './batch-scan.ts'
import { unfit } from './index-file.ts'
import type { EndedTransaction, ProducerStates } from './producer-state.ts'
import type { LogSegment } from './segment.ts'
import { checkedContent } from './transaction-index-sums.ts'

const ENTRY_BYTES = 34
const LAST_OFFSET_AT = 18
const OFFSET_DELTA_MAX = 0x7fff_ffff

/** One entry as it stands in an index. */
export interface IndexedAbort extends AbortedTransaction {
  readonly lastOffset: number
  readonly lastStableOffset: number
}

export function appendAborted(segment: LogSegment, ended: EndedTransaction, lastStableOffset: number): void {
  appendEntry(segment, { ...ended, lastStableOffset })
}

export function appendEntry(segment: LogSegment, aborted: IndexedAbort): void {
  const entry = Buffer.alloc(ENTRY_BYTES)
  writeInt64(entry, 2, aborted.producerId)
  writeInt64(entry, 10, aborted.firstOffset)
  writeInt64(entry, LAST_OFFSET_AT, aborted.lastOffset)
  writeInt64(entry, 26, aborted.lastStableOffset)
  if (!segment.hasTransactionIndex) {
    segment.transactions.create()
    segment.hasTransactionIndex = true
    // Its name in the folder has to reach the device as well.
    segment.isNew = true
  }
  segment.transactionSum = undefined
  segment.transactionsAreNoted = false
  segment.transactions.write(entry, segment.transactions.sizeBytes ?? 0)
}

/** Makes the segment's index again from its log and what was known of producers where it begins. */
export async function rebuildAborted(segment: LogSegment, producers: ProducerStates): Promise<void> {
  segment.hasTransactionIndex = false
  const range = { from: 0, end: segment.sizeBytes, depth: 'headers' } as const
  await scanBatches(segment.log, range, (batch, records) => {
    const ended = takeIn(producers, batch, records)
    if (ended?.aborted === true) appendAborted(segment, ended, producers.firstOpenOffset ?? batch.lastOffset + 1)
    return true
  })
  if (!segment.hasTransactionIndex) segment.removeTransactionIndex()
}

const isWithin = (segment: LogSegment, markerOffset: number): boolean =>
  markerOffset >= segment.baseOffset && markerOffset <= segment.baseOffset + OFFSET_DELTA_MAX

export interface OffsetRange {
  readonly from: number
  readonly to: number
}

/** Those that overlap the range, looked for in the segment that holds its begin and those after it. */
export const abortedIn = (segments: readonly LogSegment[], range: OffsetRange): AbortedTransaction[] =>
  entriesIn(segments, range).map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))

export function entriesIn(segments: readonly LogSegment[], { from, to }: OffsetRange): IndexedAbort[] {
  const found: IndexedAbort[] = []
  for (const segment of segments) {
    if (!segment.hasTransactionIndex && segment.transactionSum === undefined) continue
    const bytes = checkedContent(segment)
    const size = bytes.length
    if (size % ENTRY_BYTES !== 0) throw unfit(segment.transactions, 'its size is not whole entries')
    for (let at = firstEndingFrom(bytes, from); at < size; at += ENTRY_BYTES) {
      const entry = entryAt(bytes, at)
      if (bytes.readInt16BE(at) !== 0 || !isWithin(segment, entry.lastOffset) || entry.firstOffset < 0)
        throw unfit(segment.transactions, `its entry at ${at} is none`)
      if (entry.firstOffset < to) found.push(entry)
      if (entry.lastStableOffset >= to) return found
    }
  }
  return found
}

/** Where the first entry lies whose marker is at the offset or behind it: markers lie in the order of the log. */
function firstEndingFrom(bytes: Buffer, offset: number): number {
  let low = 0
  let high = bytes.length / ENTRY_BYTES
  while (low < high) {
    const middle = (low + high) >>> 1
    if (int64At(bytes, middle * ENTRY_BYTES + LAST_OFFSET_AT) < offset) low = middle + 1
    else high = middle
  }
  return low * ENTRY_BYTES
}

const entryAt = (bytes: Buffer, at: number): IndexedAbort => ({
  producerId: int64At(bytes, at + 2),
  firstOffset: int64At(bytes, at + 10),
  lastOffset: int64At(bytes, at + LAST_OFFSET_AT),
  lastStableOffset: int64At(bytes, at + 26),
})
