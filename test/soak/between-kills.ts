/** What each client got acknowledged between two kills: a soak in which nobody gets on proves nothing. */
import type { HistoryLine } from '../../packages/testkit/src/history/event.ts'

const KINDS = ['records', 'transactions', 'commits of offsets'] as const
type Work = (typeof KINDS)[number]

/** `client: work` to how often it was acknowledged in each stretch between two kills. */
export type WorkBetweenKills = Map<string, number[]>

export function workBetweenKills(history: readonly HistoryLine[]): WorkBetweenKills {
  const work: WorkBetweenKills = new Map()
  let sinceKill = new Map<string, number>()
  const close = (): void => {
    for (const [key, counts] of work) counts.push(sinceKill.get(key) ?? 0)
    sinceKill = new Map()
  }
  for (const key of keysOf(history)) work.set(key, [])
  for (const line of history) {
    // One that is killed while it starts has not answered anybody.
    if (line.kind === 'fault' && line.fault === 'kill' && line.detail?.includes('starts') !== true) close()
    const key = keyOf(line)
    if (key !== undefined) sinceKill.set(key, (sinceKill.get(key) ?? 0) + 1)
  }
  return work
}

export function addWork(to: WorkBetweenKills, more: WorkBetweenKills): void {
  for (const [key, counts] of more) to.set(key, [...(to.get(key) ?? []), ...counts])
}

/** One line for each client and kind of work. */
export function describeWork(work: WorkBetweenKills): string[] {
  return [...work].sort().map(([key, counts]) => {
    const sorted = counts.toSorted((a, b) => a - b)
    const none = sorted.filter(count => count === 0).length
    const median = sorted[sorted.length >> 1] ?? 0
    return `${key.padEnd(36)} ${String(median).padStart(6)} in the median, none in ${none} of ${sorted.length}`
  })
}

function keysOf(history: readonly HistoryLine[]): Set<string> {
  const keys = new Set<string>()
  for (const line of history) {
    const key = keyOf(line)
    if (key !== undefined) keys.add(key)
  }
  return keys
}

function keyOf(line: HistoryLine): string | undefined {
  const work = workOf(line)
  // java2.g1 is the second life of java
  return work === undefined || !('client' in line) ? undefined : `${/^[a-z-]+/.exec(line.client)?.[0]}: ${work}`
}

function workOf(line: HistoryLine): Work | undefined {
  if (!('outcome' in line) || line.outcome !== 'acked') return undefined
  switch (line.kind) {
    case 'sent':
      return 'records'
    case 'ended':
      return 'transactions'
    case 'committed':
      return 'commits of offsets'
  }
}
