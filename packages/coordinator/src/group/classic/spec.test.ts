import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { TRANSITIONS } from './step.ts'

const here = new URL('.', import.meta.url)
const spec = readFileSync(new URL('../SPEC.md', here), 'utf8')
const sources = readdirSync(here).map(name => ({ name, text: readFileSync(new URL(name, here), 'utf8') }))

/** The cells of the rows whose first cell matches. */
function rows(first: RegExp): string[][] {
  return spec
    .split('\n')
    .filter(line => line.startsWith('|'))
    .map(line =>
      line
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim()),
    )
    .filter(cells => first.test(cells[0] ?? ''))
}

test('SPEC.md shows the table that runs', () => {
  const states = Object.entries(TRANSITIONS)
  const events = Object.keys(TRANSITIONS.Dead)
  for (const event of events) {
    const running = states.map(
      ([, transitions]) => (transitions as Record<string, { readonly name: string }>)[event]!.name,
    )
    const shown = rows(new RegExp(`^${event}$`)).find(cells => cells.length === states.length + 1)
    assert.deepEqual(shown?.slice(1), running, event)
  }
  assert.deepEqual(
    rows(/^S\d+$/).map(cells => cells[1]),
    states.map(([state]) => state),
  )
  assert.deepEqual(
    rows(/^E\d+$/).map(cells => cells[1]),
    events,
  )
})

test('every invariant of SPEC.md is checked, and names a test that exists', () => {
  const checks = sources
    .filter(({ name }) => !name.endsWith('.test.ts'))
    .map(({ text }) => text)
    .join('\n')
  const tests = sources
    .filter(({ name }) => name.endsWith('.test.ts'))
    .map(({ text }) => text)
    .join('\n')
  const checked = new Set([...checks.matchAll(/'(I\d+) /g)].map(([, number]) => number))
  const stated = rows(/^I\d+$/)
  assert.deepEqual([...checked].sort(), stated.map(([number]) => number).sort())
  for (const [number, , shownBy] of stated) {
    const name = shownBy?.match(/^"(.*)"$/)?.[1]
    assert.ok(name !== undefined && tests.includes(`test('${name}'`), `${number} names no test`)
  }
})
