import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { brokerSettings } from './broker-settings.ts'
import { brokerDefs } from './config-defs.ts'
import { environmentName } from './config-sources.ts'
import { withSettingsTable } from './configuration-page.ts'
import { honouredSettings, isHonoured } from './honoured-settings.ts'

test('the page lists the settings as the code has them (node scripts/config-table.ts writes it)', () => {
  const page = readFileSync(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8')
  assert.equal(withSettingsTable(page), page)
})

test('every honoured setting is defined, and every setting that code reads is honoured', () => {
  for (const name of Object.keys(honouredSettings)) assert.ok(brokerDefs.has(name), name)
  for (const { from } of Object.values(brokerSettings)) {
    for (const [name] of from) assert.ok(isHonoured(name), name)
  }
})

test('no two configurations share an environment variable', () => {
  const variables = [...brokerDefs.keys()].map(environmentName)
  assert.equal(new Set(variables).size, variables.length)
})
