import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Schedules } from '../simulation/schedules.ts'
import { PLANTED_BUGS } from './planted-bugs.ts'
import { simulate } from './simulation.ts'
import { TRANSITIONS } from './step.ts'

const schedules = new Schedules(simulate, { seeds: 800, actions: 300 })

/** What cannot happen: nothing waits for a marker or a time-out there, and who has given an id up is not told so twice. */
const NEVER = /^(markersWritten|expire) (Dead|Empty|Complete\w+|Ongoing)$/

test('every schedule keeps every invariant, and every event comes in every state', () => {
  const seen = schedules.run()
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
    assert.deepEqual(schedules.log(seed), schedules.log(seed))
  }
})

for (const bug of PLANTED_BUGS) {
  test(`the simulation finds a coordinator that ${bug.name}`, () => {
    assert.match(schedules.find(bug) ?? 'not found', bug.breaks)
  })
}
