/**
 * What became of each transaction, and what a power cut may undo of it. A commit that was asked for and never answered happened if a reader of committed
 * records has seen any of it; then its committed offsets have to be there as well.
 */
import {
  type HistoryIndex,
  isDamaged,
  isLossy,
  type Partition,
  partitionKey,
  type Transaction,
} from './history-index.ts'

/*
 * What a power cut may cost of transactions is said by these three and nowhere else.
 *
 * The coordinator's word (that one is open, that it is decided, who may write) is the catalog's: where that is not durable it may be gone, except of a
 * transaction that writes to a topic with every record synced. A partition's own word (its markers) is the log's: where records may be lost, so may the
 * end of a transaction whose records stay, and then what its producer does next ends it, or nothing does.
 */

/** Whether the promise for synced topics is kept. While it is not, the simulation has no power cuts where transactions are in a catalog that is not durable. */
export const SYNCED_TRANSACTIONS_ARE_KEPT: boolean = true

/** Whether the coordinator may have forgotten what it said of this one. */
export function mayBeForgotten(index: HistoryIndex, transaction: Transaction): boolean {
  if (index.run.catalogIsDurable || index.powerCutCount === 0) return false
  if (!SYNCED_TRANSACTIONS_ARE_KEPT) return true
  return transaction.sends.every(({ line }) => {
    const partition = index.partitions.get(partitionKey(line.topic, line.partition))
    return partition === undefined || isLossy(partition.topic)
  })
}

/** Whether the partition may have lost, by `at`, the end of a transaction that wrote to it at `sentAt`. */
export const mayHaveLostEnd = (index: HistoryIndex, partition: Partition, sentAt: number, at: number): boolean =>
  isLossy(partition.topic) && index.eraOf(sentAt) < index.eraOf(at)

export interface Remains {
  readonly present: readonly string[]
  readonly absent: readonly string[]
}

/** The acknowledged records of a transaction, as a reader of committed records finds them at the end: only where nothing may have taken them. */
export function remainsOf(index: HistoryIndex, { sends }: Transaction, ends: CommittedEnds): Remains {
  const present: string[] = []
  const absent: string[] = []
  for (const { line, outcome, baseOffset } of sends) {
    const partition = index.partitions.get(partitionKey(line.topic, line.partition))
    if (partition?.finalCommitted === undefined || partition.isGone() || outcome !== 'acked') continue
    const { topic } = partition
    if (topic.shrinks || topic.compacts === true || (isLossy(topic) && index.powerCutCount > 0)) continue
    const there = ends.get(partition.key)!
    for (const [i, value] of line.values.entries())
      if (baseOffset < 0 || there.get(baseOffset + i) === value) present.push(value)
      else if (!isDamaged(partition, baseOffset + i)) absent.push(value)
  }
  return { present, absent }
}

/** By partition, then by offset: what readers of committed records find at the end. */
export type CommittedEnds = ReadonlyMap<string, ReadonlyMap<number, string>>

export const committedEnds = (index: HistoryIndex): CommittedEnds =>
  new Map([...index.partitions].map(([key, { finalCommitted }]) => [key, new Map(finalCommitted?.records)]))

/** Offsets that a transaction commits count when it is committed, and not before. */
export function settleCommits(index: HistoryIndex): void {
  const withOffsets = [...index.transactions.values()].filter(({ commits }) => commits.length > 0)
  if (withOffsets.length === 0) return
  const seenAt = firstSeenCommitted(index)
  const ends = committedEnds(index)
  for (const transaction of withOffsets) {
    const { fate, endAt, endedAt, id } = transaction
    const wasSeenAt = seenAt.get(id)
    const happened = fate === 'committed' ? endedAt : fate === 'committing' ? wasSeenAt : undefined
    const did = happened !== undefined
    const didNot = fate === 'aborted' || fate === 'aborting' || fate === 'open' || isAbsent(index, transaction, ends)
    for (const commit of transaction.commits) {
      if (commit.outcome === 'refused') continue
      commit.at = endAt
      commit.endedAt = happened ?? Number.POSITIVE_INFINITY
      commit.outcome = did ? commit.outcome : didNot ? 'refused' : 'unknown'
    }
  }
}

function isAbsent(index: HistoryIndex, transaction: Transaction, ends: CommittedEnds): boolean {
  const { present, absent } = remainsOf(index, transaction, ends)
  return present.length === 0 && absent.length > 0
}

function firstSeenCommitted(index: HistoryIndex): Map<string, number> {
  const seenAt = new Map<string, number>()
  for (const { reads, finalCommitted } of index.partitions.values()) {
    const committed = reads.filter(({ isolation }) => isolation === 'read_committed')
    for (const { at, records } of finalCommitted === undefined ? committed : [...committed, finalCommitted])
      for (const [, value] of records) {
        const id = index.sendOf.get(value)?.line.transaction
        if (id !== undefined && at < (seenAt.get(id) ?? Number.POSITIVE_INFINITY)) seenAt.set(id, at)
      }
  }
  return seenAt
}
