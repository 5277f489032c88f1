import { type MetricFacts, metricTable } from './metric-table.ts'

export const tableStart = '<!-- metrics: written by scripts/metrics-table.ts -->'
export const tableEnd = '<!-- end of metrics -->'

/** The page with its table of metrics written anew from the code; what stands around it stays. */
export function withMetricsTable(page: string): string {
  const start = page.indexOf(tableStart)
  const end = page.indexOf(tableEnd)
  if (start < 0 || end < start) throw new Error('the page has lost the marks around its table of metrics')
  return `${page.slice(0, start + tableStart.length)}\n\n${table()}\n\n${page.slice(end)}`
}

function table(): string {
  const rows = Object.entries<MetricFacts>(metricTable).map(([name, { type, labels, help }]) => {
    const shown = labels.map(label => `\`${label}\``).join(', ')
    return `| \`${name}\` | ${type} | ${shown} | ${help} |`
  })
  return ['| name | type | labels | what it is |', '|---|---|---|---|', ...rows].join('\n')
}
