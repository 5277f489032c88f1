import assert from 'node:assert/strict'
import { it } from 'node:test'
import { formatLine, type SimulationResult, simulate } from '@millrace/testkit'

/** `npm run simulate` takes more. */
const SEEDS = 15

const told = ({ findings, problems }: SimulationResult): string[] => [
  ...findings.slice(0, 5).map(({ anomaly, message }) => `${anomaly}: ${message}`),
  ...problems,
]

it('runs the same way twice from one seed', async () => {
  const [first, second] = [await simulate({ seed: 7 }), await simulate({ seed: 7 })]
  assert.deepEqual(second.history.map(formatLine), first.history.map(formatLine))
  assert.deepEqual(second.log, first.log)
})

it('finds that a broker holds what it acknowledged, under every fault there is', async t => {
  const from = Number(process.env.SEED ?? 1)
  t.diagnostic(`seeds from ${from}`)
  for (let seed = from; seed < from + SEEDS; seed++)
    assert.deepEqual(told(await simulate({ seed })), [], `seed ${seed}: npm run simulate -- --seed ${seed}`)
})
