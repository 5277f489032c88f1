import { markdownTable, shown } from './markdown.ts'
import { type Goal, median } from './measure.ts'
import { profileTable } from './profile/table.ts'
import { type FigureResult, type MeasureResult, PROFILE_GROUP } from './results.ts'

const titles: Readonly<Record<string, string>> = { millrace: 'Millrace', kafka: 'Apache Kafka' }

/** Medians, the spread from least to most, the ratio of the medians and the goal, as Markdown: one table for all measures that compare the same sides. */
export function tables(results: readonly MeasureResult[]): string {
  const [profiles, compared] = [true, false].map(is => results.filter(({ group }) => (group === PROFILE_GROUP) === is))
  const bySides = Map.groupBy(
    compared!.flatMap(({ figures }) => figures),
    ({ sides }) => Object.keys(sides).join(),
  )
  return [...[...bySides.values()].map(table), ...profiles!.map(profileTable)].join('\n\n')
}

function table(figures: readonly FigureResult[]): string {
  const sides = Object.keys(figures[0]!.sides)
  const head = ['measure', 'unit', ...sides.map(side => titles[side] ?? side), 'ratio', 'goal', '']
  const rows = figures.map(figure => [
    figure.name,
    figure.unit,
    ...sides.map(side => cell(figure.sides[side]!)),
    ratioOf(figure)?.toFixed(2) ?? '',
    goalText(figure.goal, figure.unit),
    verdict(figure),
  ])
  return markdownTable(head, rows)
}

/** Ours to theirs; where there are several others, to the best of them. */
export function ratioOf({ sides, goal }: FigureResult): number | undefined {
  const [ours, ...others] = Object.values(sides)
    .filter((values, i) => i === 0 || values.length > 0)
    .map(median)
  if (ours === undefined || others.length === 0) return undefined
  const best = isBetterMore(goal) ? Math.max(...others) : Math.min(...others)
  const ratio = ours / best
  return Number.isFinite(ratio) ? ratio : undefined
}

export function verdict(figure: FigureResult): '' | 'ok' | 'short' {
  const { goal, sides } = figure
  if (goal === undefined) return ''
  const ours = median(Object.values(sides)[0] ?? [])
  if ('atMost' in goal) return ours <= goal.atMost ? 'ok' : 'short'
  const ratio = ratioOf(figure)
  if (ratio === undefined) return ''
  return (goal.better === 'more' ? ratio >= goal.ratio : ratio <= goal.ratio) ? 'ok' : 'short'
}

function isBetterMore(goal: Goal): boolean {
  return goal !== undefined && 'better' in goal && goal.better === 'more'
}

function goalText(goal: Goal, unit: string): string {
  if (goal === undefined) return ''
  if ('atMost' in goal) return `≤ ${goal.atMost} ${unit}`
  const ratio = goal.ratio.toFixed(goal.ratio * 10 === Math.round(goal.ratio * 10) ? 1 : 2)
  return `${goal.better === 'more' ? '≥' : '≤'} ${ratio} ×`
}

function cell(values: readonly number[]): string {
  if (values.length === 0) return '–'
  if (values.length === 1) return shown(values[0]!)
  return `${shown(median(values))} (${shown(Math.min(...values))} … ${shown(Math.max(...values))})`
}
