/** Transactions: all of one or nothing, nothing before its end was asked for, none that never ends, and nobody who writes after its successor began. */
import type { Finding } from './anomaly.ts'
import type { SeenRecord } from './event.ts'
import type { HistoryIndex, Transaction } from './history-index.ts'
import { type CommittedEnds, committedEnds, mayBeForgotten, mayHaveLostEnd, remainsOf } from './transaction-ends.ts'

export function checkTransactions(index: HistoryIndex): Finding[] {
  if (index.transactions.size === 0) return []
  const ends = committedEnds(index)
  return [
    ...checkReads(index),
    ...[...index.transactions.values()].flatMap(transaction => checkWhole(index, transaction, ends)),
    ...checkHanging(index),
    ...checkZombies(index),
  ]
}

function checkReads(index: HistoryIndex): Finding[] {
  const findings: Finding[] = []
  for (const partition of index.partitions.values()) {
    const { key, reads, finalCommitted } = partition
    const committed = reads.filter(({ isolation }) => isolation === 'read_committed')
    const views: { readonly at: number; readonly records: readonly SeenRecord[] }[] = [...committed]
    if (finalCommitted !== undefined) views.push(finalCommitted)
    for (const { at, records } of views)
      for (const [offset, value] of records) {
        const sent = index.sendOf.get(value)?.line
        const transaction = sent?.transaction === undefined ? undefined : index.transactions.get(sent.transaction)
        if (sent === undefined || transaction === undefined) continue
        const why = unreadable(transaction, at)
        const isExcused = mayHaveLostEnd(index, partition, sent.at, at) || mayBeForgotten(index, transaction)
        if (why !== undefined && !isExcused)
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
  const { present, absent } = remainsOf(index, transaction, ends)
  if (absent.length === 0 || mayBeForgotten(index, transaction)) return []
  const tell = (message: string): Finding[] => [
    { anomaly: 'torn transaction', message: `transaction ${transaction.id}: ${message}` },
  ]
  if (transaction.fate === 'committed') return tell(`committed, and ${absent[0]} is not there`)
  return present.length > 0 ? tell(`${present[0]} is there and ${absent[0]} is not`) : []
}

/** At the end every transaction has had the time to end. */
function checkHanging(index: HistoryIndex): Finding[] {
  return [...index.partitions.values()].flatMap((partition): Finding[] => {
    const { key, finalCommitted, isGone } = partition
    if (finalCommitted?.lastStableOffset === undefined || isGone()) return []
    const { lastStableOffset, highWatermark, at } = finalCommitted
    if (lastStableOffset >= highWatermark || mayHaveLostEnd(index, partition, 0, at)) return []
    if ([...index.transactions.values()].every(transaction => mayBeForgotten(index, transaction))) return []
    return [
      {
        anomaly: 'hanging transaction',
        message: `${key}: nobody ends the transaction at ${lastStableOffset}, below the high watermark ${highWatermark}`,
      },
    ]
  })
}

/** Who was given a transactional id was given it alone: what the one before sends from then on is refused. Epochs tell who came later, answers may be late. */
function checkZombies(index: HistoryIndex): Finding[] {
  const identities = index.producerIds.filter(({ transactionalId }) => transactionalId !== undefined)
  const byClient = Map.groupBy(identities, ({ client }) => client)
  const byProducerId = Map.groupBy(identities, ({ producerId }) => producerId)
  return [...index.transactions.values()].flatMap(transaction => {
    if (mayBeForgotten(index, transaction)) return []
    return transaction.sends.flatMap(({ line, outcome }): Finding[] => {
      const own = byClient.get(line.client)?.findLast(({ at }) => at <= line.at)
      if (outcome !== 'acked' || own === undefined) return []
      const successor = byProducerId
        .get(own.producerId)!
        .find(({ client, epoch, at }) => client !== own.client && epoch > own.epoch && at < line.at)
      if (successor === undefined) return []
      const what = `${line.values[0]} of ${line.client} was sent and taken after ${successor.client} had begun`
      return [{ anomaly: 'zombie write', message: `transaction ${transaction.id}: ${what}` }]
    })
  })
}
