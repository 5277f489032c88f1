// Writes the tables of settings in docs/configuration.md from the code: node scripts/config-table.ts
import { readFileSync, writeFileSync } from 'node:fs'
import { withSettingsTable } from '../packages/broker/src/config/configuration-page.ts'

const page = new URL('../docs/configuration.md', import.meta.url)
writeFileSync(page, withSettingsTable(readFileSync(page, 'utf8')))
