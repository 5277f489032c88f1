import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { plantedBugs, simulate } from '@millrace/testkit'

/** A bug that lives longer than this is one that the simulation does not look for. */
const SEEDS_MAX = 20
const LENGTH_MS = 6_000

describe('the simulation finds a broker that', () => {
  for (const bug of plantedBugs)
    it(bug.name, async t => {
      const seen = new Map<string, number>()
      for (let seed = 1; seed <= SEEDS_MAX; seed++) {
        const { findings } = await simulate({ seed, bug, lengthMs: LENGTH_MS })
        for (const { anomaly } of findings) seen.set(anomaly, (seen.get(anomaly) ?? 0) + 1)
        const found = findings.find(({ anomaly }) => bug.found.includes(anomaly))
        if (found === undefined) continue
        t.diagnostic(`seed ${seed}: ${found.anomaly}: ${found.message}`)
        return
      }
      assert.fail(`not found in ${SEEDS_MAX} seeds; seen were ${JSON.stringify([...seen])}`)
    })
})
