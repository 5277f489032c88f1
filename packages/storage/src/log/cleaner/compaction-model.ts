/**
 * What a compacted log is to hold, in the plainest words: batches in an array, looked through again and again. Tests hold the cleaner against it; nothing
 * is shared with it. One segment ends where the test says so.
 */
export interface ModelRecord {
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
}

export interface ModelBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly producerId: number
  readonly kind: 'data' | 'commit' | 'abort'
  /** Of a transaction: which one, by a number of its own. */
  readonly transaction: number | undefined
  horizonMs: number | undefined
  records: readonly ModelRecord[]
  isEmptied: boolean
}

export interface ModelCleaning {
  readonly firstDirtyOffset: number
  readonly end: number
  readonly nowMs: number
  readonly deleteRetentionMs: number
}

export class CompactionModel {
  batches: ModelBatch[] = []
  readonly aborted = new Set<number>()
  /** Of every batch that ever was there, by base offset. */
  readonly transactionOf = new Map<number, number | undefined>()

  get end(): number {
    const last = this.batches.at(-1)
    return last === undefined ? 0 : last.lastOffset + 1
  }

  /** The first offset of a transaction that no marker ended. */
  get firstUnstableOffset(): number {
    const ended = new Set(this.batches.filter(b => b.kind !== 'data').map(b => b.transaction))
    const open = this.batches.find(b => b.transaction !== undefined && b.kind === 'data' && !ended.has(b.transaction))
    return open?.baseOffset ?? this.end
  }

  get records(): ModelRecord[] {
    return this.batches.filter(b => b.kind === 'data').flatMap(b => b.records)
  }

  /** What a reader of committed records makes of the log. */
  get table(): Map<string, string> {
    const table = new Map<string, string>()
    for (const batch of this.batches) {
      if (batch.kind !== 'data' || this.#isAborted(batch)) continue
      for (const { key, value } of batch.records) {
        if (key === null) continue
        if (value === null) table.delete(key)
        else table.set(key, value)
      }
    }
    return table
  }

  clean(cleaning: ModelCleaning): void {
    const { firstDirtyOffset, end, nowMs, deleteRetentionMs } = cleaning
    const latest = new Map<string, number>()
    for (const batch of this.batches)
      if (batch.kind === 'data' && !this.#isAborted(batch))
        for (const { key, offset } of batch.records)
          if (key !== null && offset >= firstDirtyOffset && offset < end) latest.set(key, offset)
    const before = this.batches
    const lastOfProducer = new Map<number, number>()
    for (const batch of before)
      if (batch.kind === 'data' && batch.producerId >= 0) lastOfProducer.set(batch.producerId, batch.lastOffset)
    const left: ModelBatch[] = []
    for (const batch of before) {
      if (batch.baseOffset >= end) {
        left.push(batch)
        continue
      }
      const hasPassed = batch.horizonMs !== undefined && nowMs >= batch.horizonMs
      const staysEmpty =
        batch.lastOffset + 1 === end ||
        (batch.producerId >= 0 && batch.kind === 'data' && lastOfProducer.get(batch.producerId) === batch.lastOffset)
      if (batch.kind === 'data') {
        const kept = this.#isAborted(batch)
          ? []
          : batch.records.filter(
              ({ key, value, offset }) =>
                key !== null && offset >= (latest.get(key) ?? -1) && (value !== null || !hasPassed),
            )
        if (kept.length === 0 && !staysEmpty) continue
        const hasTombstones = kept.some(({ value }) => value === null)
        const horizonMs = batch.horizonMs ?? (hasTombstones ? nowMs + deleteRetentionMs : undefined)
        left.push({
          ...batch,
          records: kept,
          isEmptied: kept.length === 0,
          horizonMs: kept.length === 0 ? undefined : horizonMs,
        })
        continue
      }
      const isNeeded = before.some(
        other =>
          other.kind === 'data' && other.transaction === batch.transaction && other.lastOffset < batch.baseOffset,
      )
      const isSpent = batch.isEmptied || !isNeeded
      if ((isSpent && hasPassed) || batch.isEmptied) {
        if (staysEmpty) left.push({ ...batch, isEmptied: true, horizonMs: undefined, records: [] })
        continue
      }
      left.push({ ...batch, horizonMs: batch.horizonMs ?? (isSpent ? nowMs + deleteRetentionMs : undefined) })
    }
    this.batches = left
  }

  #isAborted({ transaction }: ModelBatch): boolean {
    return transaction !== undefined && this.aborted.has(transaction)
  }
}
