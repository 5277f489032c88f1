/**
 * run.ts [--seeds 100] [--from 1] [--seed N] [--log]
 *
 * Simulates whole runs of a broker, one a seed, and judges each. `--seed` is one run, with its history on standard output as JSON lines; with `--log` also what
 * the broker logged. The exit status is 1 when something was found.
 */
import { parseArgs } from 'node:util'
import { formatLine, type SimulationResult, simulate } from '@millrace/testkit'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    log: { type: 'boolean', default: false },
  },
})
const FINDINGS_SHOWN = 6

function tell({ seed, findings, problems }: SimulationResult): void {
  const all = [...findings.map(({ anomaly, message }) => `${anomaly}: ${message}`), ...problems]
  if (all.length === 0) return
  process.exitCode = 1
  console.error(`seed ${seed}: ${all.length} found`)
  for (const line of all.slice(0, FINDINGS_SHOWN)) console.error(`  ${line}`)
}

if (values.seed !== undefined) {
  const result = await simulate({ seed: Number(values.seed) })
  for (const line of result.history) process.stdout.write(formatLine(line))
  if (values.log) for (const line of result.log) console.error(line)
  tell(result)
} else {
  const from = Number(values.from)
  const until = from + Number(values.seeds)
  const startedMs = performance.now()
  const sum = { operations: 0, events: 0, starts: 0, found: 0 }
  for (let seed = from; seed < until; seed++) {
    const result = await simulate({ seed })
    sum.operations += result.operationCount
    sum.events += result.eventCount
    sum.starts += result.startCount
    if (result.findings.length + result.problems.length > 0) sum.found++
    tell(result)
  }
  const seconds = (performance.now() - startedMs) / 1000
  console.log(
    `${until - from} seeds in ${seconds.toFixed(1)} s, ${sum.found} with findings; ${sum.starts} starts of the broker, ${sum.operations} operations (${Math.round(sum.operations / seconds)} a second), ${sum.events} events`,
  )
}
