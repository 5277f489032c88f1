import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PLANTED_BUGS } from './planted-bugs.ts'
import type { StepFunction } from './simulated-shell.ts'
import { simulate } from './simulation.ts'
import { TRANSITIONS } from './step.ts'

const SEEDS = 800
const ACTIONS = 300

/** What goes wrong in a run, or undefined. */
function failureOf(seed: number, step?: StepFunction, line: (line: string) => void = () => {}): string | undefined {
  try {
    simulate(step === undefined ? { seed, actions: ACTIONS } : { seed, actions: ACTIONS, step }).forEach(line)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** What cannot happen: nothing waits for a marker or a time-out there, and who has given an id up is not told so twice. */
const NEVER = /^(markersWritten|expire) (Dead|Empty|Complete\w+|Ongoing)$/

test('every schedule keeps every invariant, and every event comes in every state', () => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= SEEDS; seed++) {
    const failure = failureOf(seed, undefined, line => seen.add(line.split(' ').slice(1, 3).join(' ')))
    assert.equal(failure, undefined, `seed ${seed}`)
  }
  for (const [state, row] of Object.entries(TRANSITIONS)) {
    for (const event of Object.keys(row)) {
      const cell = `${event} ${state}`
      assert.ok(seen.has(cell) || NEVER.test(cell), `${cell} never happened`)
    }
  }
  assert.ok(seen.has('expire Ongoing') && seen.has('expire PrepareCommit'), 'timers run out')
})

test('one seed run twice gives one log', () => {
  for (let seed = 1; seed <= 10; seed++) {
    assert.deepEqual(simulate({ seed, actions: ACTIONS }), simulate({ seed, actions: ACTIONS }))
  }
})

for (const bug of PLANTED_BUGS) {
  test(`the simulation finds a coordinator that ${bug.name}`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const failure = failureOf(seed, bug.step)
      if (failure !== undefined) return assert.match(failure, bug.breaks)
    }
    assert.fail(`${bug.name}: not found in ${SEEDS} schedules`)
  })
}
