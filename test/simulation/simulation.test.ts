import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatLine, type SimulationResult, simulate } from '@millrace/testkit'

/** Seeds that found something once. */
const FOUND: readonly (readonly [seed: number, what: string])[] = [
  [39, 'a power cut brought back a part of what retention had removed, and the next start dropped what came after it'],
  [10, 'the same, with a kill at the end'],
]
/** `npm run simulate` takes more. */
const SEEDS = 12

const told = ({ findings, problems }: SimulationResult): string[] => [
  ...findings.slice(0, 5).map(({ anomaly, message }) => `${anomaly}: ${message}`),
  ...problems,
]

it('runs the same way twice from one seed', async () => {
  const [first, second] = [await simulate({ seed: 7 }), await simulate({ seed: 7 })]
  assert.deepEqual(second.history.map(formatLine), first.history.map(formatLine))
  assert.deepEqual(second.log, first.log)
})

describe('whole histories under faults', () => {
  for (const [seed, what] of FOUND)
    it(`seed ${seed}: ${what}`, async () => assert.deepEqual(told(await simulate({ seed })), []))

  it('hold what was acknowledged', async t => {
    const from = Number(process.env.SEED ?? Math.floor(Date.now() / 1000) % 1_000_000)
    t.diagnostic(`seeds from ${from}`)
    for (let seed = from; seed < from + SEEDS; seed++)
      assert.deepEqual(told(await simulate({ seed })), [], `seed ${seed}: run.ts --seed ${seed}`)
  })
})
