import { type Figures, median } from './measure.ts'

/** Medians, the spread from least to most, and the ratio of the medians, as a Markdown table. */
export function table(results: readonly Figures[]): string {
  const rows = results.map(({ name, unit, wanted, figures }) => {
    const ours = median(figures.millrace)
    const theirs = median(figures.kafka)
    return [name, unit, cell(figures.millrace), cell(figures.kafka), (ours / theirs).toFixed(2), wanted]
  })
  const head = ['measure', 'unit', 'Millrace', 'Apache Kafka', 'ratio', 'wanted']
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map(r => r[i]!.length)))
  const line = (cells: readonly string[]): string => `| ${cells.map((c, i) => c.padEnd(widths[i]!)).join(' | ')} |`
  return [line(head), line(widths.map(w => '-'.repeat(w))), ...rows.map(line)].join('\n')
}

function cell(values: readonly number[]): string {
  return `${shown(median(values))} (${shown(Math.min(...values))}–${shown(Math.max(...values))})`
}

const shown = (n: number): string => (n >= 100 ? n.toFixed(0) : n.toFixed(2))
