import { markdownTable, shown } from './markdown.ts'
import { type Goal, median } from './measure.ts'
import { profileTable } from './profile/table.ts'
import { type FigureResult, type MeasureResult, PROFILE_GROUP } from './results.ts'

const titles: Readonly<Record<string, string>> = { millrace: 'Millrace', kafka: 'Apache Kafka' }

/** A figure, and the one of the same measure that it has grown from. */
interface Row {
  readonly figure: FigureResult
  readonly base: FigureResult | undefined
}

/** Medians, the spread from least to most, the ratio of the medians and the goal, as Markdown: one table for all measures that compare the same sides. */
export function tables(results: readonly MeasureResult[]): string {
  const rows = results.filter(({ group }) => group !== PROFILE_GROUP).flatMap(rowsOf)
  const byKind = Map.groupBy(rows, ({ figure, base }) => `${Object.keys(figure.sides)} ${base !== undefined}`)
  const profiles = results.filter(({ group }) => group === PROFILE_GROUP)
  return [...[...byKind.values()].map(table), ...profiles.map(profileTable)].join('\n\n')
}

function rowsOf({ figures }: MeasureResult): Row[] {
  return figures.map(figure => ({ figure, base: figures.find(({ name }) => name === figure.since) }))
}

function table(rows: readonly Row[]): string {
  const sides = Object.keys(rows[0]!.figure.sides)
  const names = sides.map(side => titles[side] ?? side)
  const growths = rows[0]!.base === undefined ? [] : sides
  const head = ['measure', 'unit', ...names, 'ratio', ...growths.map((_, i) => `growth, ${names[i]}`), 'goal', '']
  return markdownTable(
    head,
    rows.map(({ figure, base }) => [
      figure.name,
      figure.unit,
      ...sides.map(side => cell(figure.sides[side]!)),
      ratioOf(figure)?.toFixed(2) ?? '',
      ...growths.map(side => growthCell(figure, base!, side)),
      goalText(figure.goal, figure.unit),
      verdict(figure, base),
    ]),
  )
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

export function verdict(figure: FigureResult, base?: FigureResult): '' | 'ok' | 'short' {
  const { goal, sides } = figure
  const [side] = Object.keys(sides)
  if (goal === undefined || side === undefined || sides[side]!.length === 0) return ''
  if ('atMost' in goal) return saidOf(median(sides[side]!) <= goal.atMost)
  if ('growth' in goal) {
    const growth = base && growthOf(figure, base, side)
    return growth === undefined ? '' : saidOf(growth <= goal.growth)
  }
  const ratio = ratioOf(figure)
  if (ratio === undefined) return ''
  return saidOf(goal.better === 'more' ? ratio >= goal.ratio : ratio <= goal.ratio)
}

const saidOf = (isReached: boolean): 'ok' | 'short' => (isReached ? 'ok' : 'short')

function growthOf(figure: FigureResult, base: FigureResult, side: string): number | undefined {
  const [now, before] = [figure.sides[side] ?? [], base.sides[side] ?? []]
  return now.length === 0 || before.length === 0 ? undefined : median(now) / median(before)
}

function growthCell(figure: FigureResult, base: FigureResult, side: string): string {
  const growth = figure.name === base.name ? undefined : growthOf(figure, base, side)
  return growth === undefined ? '' : `${growth.toFixed(2)} ×`
}

function isBetterMore(goal: Goal): boolean {
  return goal !== undefined && 'better' in goal && goal.better === 'more'
}

function goalText(goal: Goal, unit: string): string {
  if (goal === undefined) return ''
  if ('atMost' in goal) return `≤ ${goal.atMost} ${unit}`
  if ('growth' in goal) return `grows ≤ ${goal.growth} ×`
  const ratio = goal.ratio.toFixed(goal.ratio * 10 === Math.round(goal.ratio * 10) ? 1 : 2)
  return `${goal.better === 'more' ? '≥' : '≤'} ${ratio} ×`
}

function cell(values: readonly number[]): string {
  if (values.length === 0) return '–'
  if (values.length === 1) return shown(values[0]!)
  return `${shown(median(values))} (${shown(Math.min(...values))} … ${shown(Math.max(...values))})`
}
