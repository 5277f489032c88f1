/**
 * Which transactions a cleaning is in the midst of, as it goes through the log: data of aborted ones goes at once, and a marker may go when nothing of
 * its transaction was met on the way. Aborted transactions are known ahead, from the transaction indexes, because no cleaning reaches the last stable
 * offset.
 */
import { type BatchHeader, readControlRecord } from '@millrace/protocol'
import { isControl, isTransactional } from '../batch-view.ts'
import type { IndexedAbort } from '../transaction-index.ts'

interface OngoingAbort {
  readonly entry: IndexedAbort
  hasData: boolean
}

export class CleanedTransactions {
  /** By first offset, rising. */
  #ahead: IndexedAbort[] = []
  readonly #aborted = new Map<number, OngoingAbort>()
  readonly #committed = new Set<number>()
  /** Told of each aborted transaction whose marker stays. */
  onKeptAbort: (entry: IndexedAbort) => void = () => {}

  /** May be told of the same one again, with each segment that it lies in. */
  expect(aborted: readonly IndexedAbort[]): void {
    this.#ahead = [...this.#ahead, ...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Whether the batch has no more to say: data of an aborted transaction, or the marker of one of which nothing is left. `bytes` begin with it. */
  isSpent(batch: BatchHeader, bytes: Buffer): boolean {
    this.#beginUpTo(batch.lastOffset)
    if (isControl(batch)) return this.#markerIsSpent(batch, bytes)
    if (!isTransactional(batch)) return false
    const aborted = this.#aborted.get(batch.producerId)
    if (aborted === undefined) {
      this.#committed.add(batch.producerId)
      return false
    }
    aborted.hasData = true
    return true
  }

  #markerIsSpent({ producerId, recordCount }: BatchHeader, bytes: Buffer): boolean {
    // It was emptied before, and stands for its producer's epoch alone.
    if (recordCount === 0) return true
    const kind = readControlRecord(bytes, 0)?.kind
    if (kind === 'commit') return !this.#committed.delete(producerId)
    if (kind !== 'abort') return false
    const aborted = this.#aborted.get(producerId)
    this.#aborted.delete(producerId)
    if (aborted?.hasData !== true) return true
    this.onKeptAbort(aborted.entry)
    return false
  }

  #beginUpTo(offset: number): void {
    let count = 0
    for (const entry of this.#ahead) {
      if (entry.firstOffset > offset) break
      count++
      if (!this.#aborted.has(entry.producerId)) this.#aborted.set(entry.producerId, { entry, hasData: false })
    }
    if (count > 0) this.#ahead.splice(0, count)
  }
}
