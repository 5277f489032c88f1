/**
 * What can be done about what a check found. Nothing here acts: a plan is shown before it is followed, and says what is lost for good.
 *
 *   damage inside a log   the good batches before and behind it stay; an empty batch holds the lost offsets, so that nothing is numbered anew
 *   damage at its end     the log is cut there: how many records followed is not known
 *   an index              made again from the log
 *   a snapshot, a file    put aside; the next start makes a new one, or checks more
 *   a gap                 nothing: no file holds those offsets
 */
import { LEADER_EPOCH_FILE } from '../log/file-names.ts'
import type { Damage, LogProblem } from './log-problem.ts'
import type { PartitionReport } from './partition-check.ts'

export type RepairStep =
  | {
      readonly kind: 'skip'
      readonly path: string
      readonly baseOffset: number
      readonly damages: readonly Damage[]
      readonly lostOffsets: number
    }
  | {
      readonly kind: 'cut'
      readonly path: string
      readonly baseOffset: number
      readonly damage: Damage
    }
  | { readonly kind: 'reindex'; readonly path: string; readonly baseOffset: number }
  | { readonly kind: 'aside'; readonly path: string }
  | { readonly kind: 'epochs'; readonly path: string }
  | { readonly kind: 'lower'; readonly path: string }
  | { readonly kind: 'nothing'; readonly path: string }

export interface PlannedStep {
  readonly step: RepairStep
  /** For people: what is done, and what is lost by it. */
  readonly says: string
}

export interface RepairPlan {
  readonly topic: string
  readonly partition: number
  readonly folder: string
  readonly steps: readonly PlannedStep[]
  /** There are more problems than are listed: another round is needed. */
  readonly isPartial: boolean
}

export function planRepair(report: PartitionReport): RepairPlan {
  const { topic, partition, folder, problems, problemCount } = report
  const steps = [...damageSteps(problems), ...otherSteps(problems)]
  return { topic, partition, folder, steps, isPartial: problemCount > problems.length }
}

/** One segment is written once, however much of it is damaged. */
function damageSteps(problems: readonly LogProblem[]): PlannedStep[] {
  const bySegment = Map.groupBy(
    problems.filter(({ damage }) => damage !== undefined),
    ({ path }) => path,
  )
  return [...bySegment].flatMap(([path, found]) => {
    const baseOffset = found[0]!.baseOffset!
    const damages = found.map(({ damage }) => damage!)
    const inside = damages.filter(({ lostTo }) => lostTo !== undefined)
    const atEnd = damages.find(({ lostTo }) => lostTo === undefined)
    const steps: PlannedStep[] = []
    // The end first: what is cut is not copied.
    if (atEnd !== undefined) steps.push(cutStep(path, baseOffset, atEnd))
    if (inside.length > 0) steps.push(skipStep(path, baseOffset, inside))
    return steps
  })
}

function skipStep(path: string, baseOffset: number, damages: readonly Damage[]): PlannedStep {
  const lost = damages.filter(({ lostFrom, lostTo }) => lostTo! > lostFrom)
  const lostOffsets = lost.reduce((sum, { lostFrom, lostTo }) => sum + lostTo! - lostFrom, 0)
  const bytes = damages.reduce((sum, { from, to }) => sum + to - from, 0)
  const ranges = lost.map(({ lostFrom, lostTo }) => rangeText(lostFrom, lostTo! - 1)).join(', ')
  const loss = lostOffsets === 0 ? 'no offset is lost' : `LOST: the records at ${ranges}`
  const says = `${bytes} bytes are skipped and kept in ${asideNames(path, damages)}; ${loss}`
  return { step: { kind: 'skip', path, baseOffset, damages, lostOffsets }, says }
}

function cutStep(path: string, baseOffset: number, damage: Damage): PlannedStep {
  const { from, to, lostFrom } = damage
  const says =
    `the log is cut at position ${from}, ${to - from} bytes are kept in ${asideNames(path, [damage])}; ` +
    `LOST: whatever was written from offset ${lostFrom} on, and those offsets are given out again`
  return { step: { kind: 'cut', path, baseOffset, damage }, says }
}

const rangeText = (first: number, last: number): string =>
  first === last ? `offset ${first}` : `offsets ${first} to ${last}`

const asideNames = (path: string, damages: readonly Damage[]): string =>
  damages
    .map(({ from }) => asidePath(path, from))
    .map(nameOf)
    .join(', ')

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** Where damaged bytes are kept: those of a whole file, or those from a position on. */
export const asidePath = (path: string, position?: number): string =>
  position === undefined ? `${path}.damaged` : `${path}.${position}.damaged`

function otherSteps(problems: readonly LogProblem[]): PlannedStep[] {
  const byPath = Map.groupBy(
    problems.filter(({ damage }) => damage === undefined),
    ({ path }) => path,
  )
  return [...byPath].map(([path, found]) => otherStep(path, found))
}

function otherStep(path: string, found: readonly LogProblem[]): PlannedStep {
  const { kind, baseOffset } = found[0]!
  switch (kind) {
    case 'index':
    case 'timeindex':
    case 'txnindex':
      return {
        step: { kind: 'reindex', path, baseOffset: baseOffset! },
        says: `it is made again from the log; the old one is kept in ${nameOf(asidePath(path))}; nothing is lost`,
      }
    case 'snapshot':
      return aside(path, 'the next start makes producers known again from the log')
    case 'metadata':
      return aside(path, 'the next start takes the topic id from the catalog')
    case 'checkpoint':
      if (path.endsWith(LEADER_EPOCH_FILE))
        return {
          step: { kind: 'epochs', path },
          says: `it is made again from the log; the old one is kept in ${nameOf(asidePath(path))}; nothing is lost`,
        }
      return found.some(({ position }) => position === undefined)
        ? { step: { kind: 'lower', path }, says: 'it is lowered to the end of the log; nothing is lost' }
        : aside(path, 'less is known, and the next start checks more')
    case 'gap':
      return { step: { kind: 'nothing', path }, says: `${found[0]!.message}: no file holds them, nothing can be done` }
    default:
      return { step: { kind: 'nothing', path }, says: `${found[0]!.message}: nothing can be done` }
  }
}

const aside = (path: string, then: string): PlannedStep => ({
  step: { kind: 'aside', path },
  says: `it is put aside as ${nameOf(asidePath(path))}: ${then}; nothing is lost`,
})

/** Of a data folder's own files. */
export const planFolderRepair = (problems: readonly LogProblem[]): readonly PlannedStep[] => otherSteps(problems)
