// Writes the table of metrics in docs/metrics.md from the code: node scripts/metrics-table.ts
import { readFileSync, writeFileSync } from 'node:fs'
import { withMetricsTable } from '../packages/broker/src/metrics/metrics-page.ts'

const page = new URL('../docs/metrics.md', import.meta.url)
writeFileSync(page, withMetricsTable(readFileSync(page, 'utf8')))
