import { markdownTable, shown } from '../markdown.ts'
import { median } from '../measure.ts'
import type { MeasureResult } from '../results.ts'

const ROWS_MAX = 15

/** A load a column, its parts by the median of their CPU and their share, the largest shares first. The rows past the limit are one. */
export function profileTable({ figures }: MeasureResult): string {
  const sides = Object.keys(figures[0]!.sides)
  const costs = figures.map(({ name, sides: all }) => ({ name, each: sides.map(side => medianOf(all[side])) }))
  const [total, ...parts] = costs
  const shareOf = (cost: number, i: number): number => (total!.each[i]! > 0 ? cost / total!.each[i]! : 0)
  const largest = (each: readonly number[]): number => Math.max(...each.map(shareOf))
  const sorted = parts.filter(({ each }) => largest(each) > 0).sort((a, b) => largest(b.each) - largest(a.each))
  const few = sorted.slice(0, ROWS_MAX - 1)
  const left = total!.each.map((all, i) => all - few.reduce((sum, { each }) => sum + each[i]!, 0))
  const rows = [...few, { name: 'all else', each: left.map(cost => Math.max(0, cost)) }]
  const cell = (cost: number, i: number): string => {
    const percent = Math.round(100 * shareOf(cost, i))
    return percent === 0 ? '' : `${shown(cost)} (${percent} %)`
  }
  return markdownTable(
    ['CPU of', ...sides],
    [...rows.map(({ name, each }) => [name, ...each.map(cell)]), ['all', ...total!.each.map(shown)]],
  )
}

const medianOf = (values: readonly number[] = []): number => (values.length === 0 ? 0 : median(values))
