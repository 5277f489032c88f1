/** Each state machine has a SPEC.md for people. Here it is held to the table that runs, and its invariants to the checks and tests that there are. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { TRANSITIONS as GROUP_TRANSITIONS } from './group/classic/step.ts'
import { TRANSITIONS as TRANSACTION_TRANSITIONS } from './transaction/step.ts'

type Transitions = Readonly<Record<string, Readonly<Record<string, { readonly name: string }>>>>

function check(spec: URL, folder: URL, transitions: Transitions): void {
  const text = readFileSync(spec, 'utf8')
  const sources = readdirSync(folder).map(name => ({ name, text: readFileSync(new URL(name, folder), 'utf8') }))
  const states = Object.keys(transitions)

  test('SPEC.md shows the table that runs', () => {
    const events = Object.keys(transitions.Dead!)
    for (const event of events) {
      const running = states.map(state => transitions[state]![event]!.name)
      const shown = rows(text, new RegExp(`^${event}$`)).find(cells => cells.length === states.length + 1)
      assert.deepEqual(shown?.slice(1), running, event)
    }
    assert.deepEqual(
      rows(text, /^S\d+$/).map(cells => cells[1]),
      states,
    )
    assert.deepEqual(
      rows(text, /^E\d+$/).map(cells => cells[1]),
      events,
    )
  })

  test('every invariant of SPEC.md is checked, and names a test that exists', () => {
    const textOf = (isTest: boolean): string =>
      sources.flatMap(({ name, text: source }) => (name.endsWith('.test.ts') === isTest ? source : [])).join('\n')
    const checked = new Set([...textOf(false).matchAll(/['`](I\d+) /g)].map(([, number]) => number))
    const stated = rows(text, /^I\d+$/)
    assert.deepEqual([...checked].sort(), stated.map(([number]) => number).sort())
    const tests = textOf(true)
    for (const [number, , shownBy] of stated) {
      const name = shownBy?.match(/^"(.*)"$/)?.[1]
      const isThere = name !== undefined && (tests.includes(`test('${name}'`) || tests.includes(`test(\`${name} (`))
      assert.ok(isThere, `${number} names no test`)
    }
  })
}

/** The cells of the rows whose first cell matches. */
function rows(text: string, first: RegExp): string[][] {
  return text
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

const at = (path: string): URL => new URL(path, import.meta.url)

describe('the classic group', () => {
  check(at('group/SPEC.md'), at('group/classic/'), GROUP_TRANSITIONS as unknown as Transitions)
})

describe('the transactional id', () => {
  check(at('transaction/SPEC.md'), at('transaction/'), TRANSACTION_TRANSITIONS as unknown as Transitions)
})
