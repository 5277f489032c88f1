/**
 * Whole brokers, side by side: Millrace and Apache Kafka in turn in one run, round by round, and the ratio of the medians. See bench/README.md.
 *   node run.ts [--only speed,transactions-1] [--from memory] [--rounds 5] [--quick] [--json file] [--list] [--report]
 * Run it on a quiet machine and beside nothing else: only the ratio counts.
 */
import { parseArgs } from 'node:util'
import { installKafka } from '../../test/interop/broker.ts'
import { oneFigure, withBroker } from './measure.ts'
import { clients } from './measures/clients.ts'
import { compaction } from './measures/compaction.ts'
import { cores } from './measures/cores.ts'
import { costs } from './measures/costs.ts'
import { exactlyOnce } from './measures/exactly-once.ts'
import { growths } from './measures/growth.ts'
import { latencies } from './measures/latency.ts'
import { connections, idleGroups, rebalance } from './measures/many.ts'
import { memory } from './measures/memory.ts'
import { perfTests } from './measures/perf-tests.ts'
import { profiles } from './measures/profiles.ts'
import { raw } from './measures/raw.ts'
import { manyPartitions, starts } from './measures/start.ts'
import { writeReport } from './report.ts'
import { keepResults, type MeasureResult, machine, resultsFile, versions } from './results.ts'
import { type AnyMeasure, sessionsOf, takeSession } from './rounds.ts'
import { tables } from './table.ts'

const measures: readonly AnyMeasure[] = [
  ...exactlyOnce,
  ...compaction.map(measure => oneFigure('compaction', measure)),
  ...raw,
  ...perfTests,
  ...latencies,
  idleGroups,
  rebalance,
  manyPartitions,
  connections,
  memory,
  ...starts,
  ...cores,
  ...clients,
  ...costs,
  ...growths,
  ...profiles,
]

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    from: { type: 'string' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    list: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
  },
})

/** Those of `only`, in the order of the list, from the one called `from` on: where a run was interrupted. */
function chosen(only: string | undefined, from: string | undefined): readonly AnyMeasure[] {
  const all = only === undefined ? measures : named(only.split(','))
  const begin = from === undefined ? 0 : all.findIndex(({ name }) => name === from)
  if (begin < 0) throw new Error(`${from} is none of the measures: see --list`)
  return all.slice(begin)
}

function named(names: readonly string[]): readonly AnyMeasure[] {
  const unknown = names.filter(name => !measures.some(m => m.name === name || m.group === name))
  if (unknown.length > 0) throw new Error(`no measure or group is called ${unknown.join(', ')}: see --list`)
  return measures.filter(m => names.includes(m.name) || names.includes(m.group))
}

if (values.list)
  for (const { group, name, figures } of measures) console.log(group, name, Object.keys(figures).join('; '))
else if (values.report)
  writeReport(
    resultsFile,
    measures.map(({ name }) => name),
  )
else await measureAll()

async function measureAll(): Promise<void> {
  const begun = performance.now()
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
  if (!Number.isSafeInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}`)
  // a quick run shows that everything works, and its figures are worth nothing: they are not kept unless they are asked for
  const json = values.json ?? (values.quick ? undefined : resultsFile)
  const selected = chosen(values.only, values.from)
  await installKafka()
  await withBroker('millrace', async () => {}) // builds what is not built yet
  const results: MeasureResult[] = []
  const clock = (): string => `${((performance.now() - begun) / 1000).toFixed(0)} s`.padStart(6)
  const options = { rounds, isQuick: values.quick, onProgress: (line: string) => console.error(`${clock()} ${line}`) }
  for (const session of sessionsOf(selected)) {
    const taken = await takeSession(session, options)
    results.push(...taken)
    if (json !== undefined) keepResults(json, taken)
    options.onProgress(`done: ${session.map(({ name }) => name).join(', ')}`)
  }
  console.log(tables(results))
  for (const { measure, notes } of results) for (const note of notes) console.log(`${measure}: ${note}`)
  const made = Object.entries(versions()).map(([name, version]) => `${name} ${version}`)
  console.log(`\n${values.quick ? 'quick, ' : ''}${rounds} rounds, ${machine()}; ${made.join(', ')}; ${clock().trim()}`)
  if (results.some(({ notes }) => notes.length > 0)) process.exitCode = 1
}
