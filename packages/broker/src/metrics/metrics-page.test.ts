import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { withMetricsTable } from './metrics-page.ts'

test('the page lists the metrics as the code has them (node scripts/metrics-table.ts writes it)', () => {
  const page = readFileSync(new URL('../../../../docs/metrics.md', import.meta.url), 'utf8')
  assert.equal(withMetricsTable(page), page)
})
