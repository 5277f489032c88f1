import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Schedules } from '../../simulation/schedules.ts'
import { PLANTED_BUGS } from './planted-bugs.ts'
import { simulate } from './simulation.ts'

const schedules = new Schedules(simulate, { seeds: 250, actions: 300 })

test('every schedule keeps every invariant, and all states are reached', () => {
  const seen = schedules.run()
  for (const kind of ['join', 'sync', 'heartbeat', 'leave', 'commit', 'deleteGroup', 'expireOffsets', 'failed']) {
    for (const state of ['Dead', 'PreparingRebalance', 'Stable']) {
      if (kind === 'join' && state === 'Dead') continue
      assert.ok(seen.has(`${kind} ${state}`), `${kind} never ended in ${state}`)
    }
  }
  for (const line of [
    'sync CompletingRebalance',
    'expire CompletingRebalance',
    'expire Empty',
    'loaded Stable',
    'unload Dead',
  ]) {
    assert.ok(seen.has(line), `${line} never happened`)
  }
})

test('one seed run twice gives one log', () => {
  for (let seed = 1; seed <= 10; seed++) {
    assert.deepEqual(schedules.log(seed), schedules.log(seed))
  }
})

for (const bug of PLANTED_BUGS) {
  test(`the simulation finds a group that ${bug.name}`, () => {
    assert.match(schedules.find(bug) ?? 'not found', bug.breaks)
  })
}
