import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PLANTED_BUGS } from './planted-bugs.ts'
import type { StepFunction } from './simulated-shell.ts'
import { simulate } from './simulation.ts'

const SEEDS = 250
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

test('every schedule keeps every invariant, and all states are reached', () => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= SEEDS; seed++) {
    const failure = failureOf(seed, undefined, line => seen.add(line.split(' ').slice(1, 3).join(' ')))
    assert.equal(failure, undefined, `seed ${seed}`)
  }
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
    assert.deepEqual(simulate({ seed, actions: ACTIONS }), simulate({ seed, actions: ACTIONS }))
  }
})

for (const bug of PLANTED_BUGS) {
  test(`the simulation finds a group that ${bug.name}`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const failure = failureOf(seed, bug.step)
      if (failure !== undefined) return assert.match(failure, bug.breaks)
    }
    assert.fail(`${bug.name}: not found in ${SEEDS} schedules`)
  })
}
