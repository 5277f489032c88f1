/** The history as numbers, and what the checker has to say of it. */
import { checkHistory } from '../../packages/testkit/src/history/checker.ts'
import type { HistoryLine } from '../../packages/testkit/src/history/event.ts'
import { type WorkBetweenKills, workBetweenKills } from './between-kills.ts'

export interface Judgement {
  readonly counts: readonly (readonly [what: string, count: number])[]
  readonly findings: readonly string[]
  readonly work: WorkBetweenKills
}

export function judge(history: readonly HistoryLine[]): Judgement {
  const findings = checkHistory(history)
  const ofKind = new Map<string, number>()
  for (const { anomaly } of findings) ofKind.set(anomaly, (ofKind.get(anomaly) ?? 0) + 1)
  const counted = [...new Set([...MOST_WANTED, ...ofKind.keys()])]
  return {
    counts: [...countsOf(history), ...counted.map(anomaly => [anomaly, ofKind.get(anomaly) ?? 0] as const)],
    findings: findings.map(({ anomaly, message }) => `${anomaly}: ${message}`),
    work: workBetweenKills(history),
  }
}

/** Said even when there are none. */
const MOST_WANTED = ['lost', 'duplicate', 'torn transaction', 'aborted read'] as const

function countsOf(history: readonly HistoryLine[]): [string, number][] {
  const sent = history.filter(line => line.kind === 'sent')
  const faults = history.filter(line => line.kind === 'fault')
  const commits = history.filter(line => line.kind === 'committed')
  const ended = history.filter(line => line.kind === 'ended')
  const count = (lines: readonly { outcome: string }[], outcome: string): number =>
    lines.filter(line => line.outcome === outcome).length
  return [
    ['records sent', history.filter(line => line.kind === 'send').length],
    ['records acknowledged', count(sent, 'acked')],
    ['records without a certain answer', count(sent, 'unknown')],
    ['records read', history.reduce((sum, line) => (line.kind === 'read' ? sum + line.records.length : sum), 0)],
    ['commits of offsets acknowledged', count(commits, 'acked')],
    ['transactions ended with an answer', count(ended, 'acked')],
    ['kills with -9', faults.filter(({ fault }) => fault === 'kill').length],
    ['threads that failed', faults.filter(({ fault }) => fault === 'thread').length],
    ['clean stops', faults.filter(({ fault }) => fault === 'stop').length],
    ['pauses', faults.filter(({ fault }) => fault === 'pause').length],
    ['full disks', faults.filter(({ fault, detail }) => fault === 'disk' && detail === 'full').length],
    ['jumps of the clock', faults.filter(({ fault }) => fault === 'clock').length],
    ['faults of the network, clients killed', faults.filter(({ fault }) => fault === 'network').length],
  ]
}
