/**
 * Whole brokers, side by side: Millrace and Apache Kafka in turn in one run, round by round, and the ratio of the medians.
 *   node run.ts [--only idle-memory,start] [--rounds 5] [--json file]
 * Run it on a quiet machine and beside nothing else: only the ratio counts.
 */
import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { installKafka, KINDS, type Kind } from '../../test/interop/broker.ts'
import type { Figures, Measure } from './measure.ts'
import { idleConnections, idleMemory, smallRequestCpu, startTime } from './measures/broker-figures.ts'
import { perfTests } from './measures/perf-tests.ts'
import { table } from './table.ts'

const measures: readonly Measure[] = [idleMemory, startTime, idleConnections, smallRequestCpu, ...perfTests]

const { values } = parseArgs({
  options: { only: { type: 'string' }, rounds: { type: 'string', default: '5' }, json: { type: 'string' } },
})
const only = values.only?.split(',')
const rounds = Number(values.rounds)

await installKafka()
const results: Figures[] = []
for (const measure of measures.filter(m => only === undefined || only.includes(m.name))) {
  const figures: Record<Kind, number[]> = { millrace: [], kafka: [] }
  for (let round = 0; round < rounds; round++)
    for (const kind of KINDS) {
      const value = await measure.run(kind)
      figures[kind].push(value)
      process.stderr.write(`${measure.name} ${kind} ${value.toFixed(2)} ${measure.unit}\n`)
    }
  results.push({ name: measure.name, unit: measure.unit, wanted: measure.wanted, figures })
}
const machine = {
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
}
console.log(table(results))
console.log(`\n${rounds} rounds, ${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, Node ${machine.node}`)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, rounds, results }, null, 2)}\n`)
