/** Judges a history. What the anomalies mean is in README.md beside this file. */
import type { Finding } from './anomaly.ts'
import { checkGroups } from './check-groups.ts'
import { checkLogs } from './check-logs.ts'
import { checkReaders } from './check-readers.ts'
import { checkTransactions } from './check-transactions.ts'
import type { HistoryLine } from './event.ts'
import { type HistoryIndex, indexHistory } from './history-index.ts'
import { settleCommits } from './transaction-ends.ts'

export function checkHistory(lines: readonly HistoryLine[]): Finding[] {
  const index = indexHistory(lines)
  settleCommits(index)
  return [
    ...checkLogs(index),
    ...checkReaders(index),
    ...checkGroups(index),
    ...checkTransactions(index),
    ...checkProducerIds(index),
  ]
}

function checkProducerIds({ producerIds, run, eraOf }: HistoryIndex): Finding[] {
  const findings: Finding[] = []
  const owners = new Map<string, string>()
  for (const { client, producerId, epoch, at, began = at } of producerIds) {
    const key = `${run.catalogIsDurable ? 0 : eraOf(began)}:${producerId}:${epoch}`
    const owner = owners.get(key)
    if (owner !== undefined && owner !== client)
      findings.push({
        anomaly: 'producer id reused',
        message: `${owner} and ${client} are producer ${producerId} of epoch ${epoch}`,
      })
    owners.set(key, client)
  }
  return findings
}
