/** Transactions: all of one or nothing, and nothing before its end was asked for. */
import type { Anomaly, Finding } from './anomaly.ts'
import type { SeenRecord } from './event.ts'
import { type HistoryIndex, isLossy, partitionKey, type Transaction } from './history-index.ts'

export function checkTransactions(index: HistoryIndex): Finding[] {
  if (index.transactions.size === 0) return []
  const there: CommittedEnds = new Map(
    [...index.partitions].map(([key, { finalCommitted }]) => [key, new Map(finalCommitted?.records)]),
  )
  return [
    ...checkReads(index),
    ...[...index.transactions.values()].flatMap(transaction => checkWhole(index, transaction, there)),
  ]
}

/** By partition, then by offset: what readers of committed records find at the end. */
type CommittedEnds = ReadonlyMap<string, ReadonlyMap<number, string>>

function checkReads(index: HistoryIndex): Finding[] {
  const findings: Finding[] = []
  for (const { key, reads, finalCommitted } of index.partitions.values()) {
    const committed = reads.filter(({ isolation }) => isolation === 'read_committed')
    const views: { readonly at: number; readonly records: readonly SeenRecord[] }[] = [...committed]
    if (finalCommitted !== undefined) views.push(finalCommitted)
    for (const { at, records } of views)
      for (const [offset, value] of records) {
        const name = index.sendOf.get(value)?.line.transaction
        const transaction = name === undefined ? undefined : index.transactions.get(name)
        if (transaction === undefined) continue
        const why = unreadable(transaction, at)
        if (why !== undefined)
          findings.push({
            anomaly: 'aborted read',
            message: `${key}: ${value} at ${offset} of ${transaction.id}, which ${why}`,
          })
      }
  }
  return findings
}

function unreadable({ fate, endAt }: Transaction, at: number): string | undefined {
  if (fate === 'aborted' || fate === 'aborting') return 'was aborted'
  if (fate === 'open') return 'nobody committed'
  return at < endAt ? 'nobody had committed yet' : undefined
}

function checkWhole(index: HistoryIndex, transaction: Transaction, ends: CommittedEnds): Finding[] {
  const findings: Finding[] = []
  const tell = (anomaly: Anomaly, message: string): void => {
    findings.push({ anomaly, message: `transaction ${transaction.id}: ${message}` })
  }
  const { present, absent } = recordsOf(index, transaction, ends)
  if (transaction.fate === 'committed' && absent.length > 0)
    tell('torn transaction', `committed, and ${absent[0]} is not there`)
  else if (present.length > 0 && absent.length > 0)
    tell('torn transaction', `${present[0]} is there and ${absent[0]} is not`)
  return findings
}

/** Acknowledged records of partitions that cannot have lost them. */
function recordsOf(
  index: HistoryIndex,
  { sends }: Transaction,
  ends: CommittedEnds,
): { present: string[]; absent: string[] } {
  const present: string[] = []
  const absent: string[] = []
  for (const { line, outcome, baseOffset } of sends) {
    const partition = index.partitions.get(partitionKey(line.topic, line.partition))
    if (partition?.finalCommitted === undefined || partition.isGone() || outcome !== 'acked') continue
    const { topic } = partition
    if (topic.shrinks || topic.compacts === true || (isLossy(topic) && index.powerCutCount > 0)) continue
    const there = ends.get(partition.key)!
    for (const [i, value] of line.values.entries())
      (baseOffset >= 0 && there.get(baseOffset + i) !== value ? absent : present).push(value)
  }
  return { present, absent }
}
