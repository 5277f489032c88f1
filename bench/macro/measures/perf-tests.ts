/** Kafka's own load tools. The client is Java's and often the slower half: what counts is not to be behind. */
import { type Kind, kafkaScript } from '../../../test/interop/broker.ts'
import { run } from '../../../test/interop/process.ts'
import { type Measure, withBroker } from '../measure.ts'
import { createTopic } from './broker-figures.ts'

const PARTITIONS = 6
const LIMIT_MS = 300_000

interface Load {
  readonly recordSize: number
  readonly count: number
}
const loads: readonly Load[] = [
  { recordSize: 1024, count: 1_000_000 },
  { recordSize: 100, count: 5_000_000 },
]

async function tool(args: readonly string[]): Promise<string> {
  const done = await run(kafkaScript, args, { limitMs: LIMIT_MS })
  if (done.code !== 0) throw new Error(`${args[0]} failed: ${done.stderr}`)
  return done.stdout
}

function produce(bootstrap: string, topic: string, { recordSize, count }: Load): Promise<string> {
  const sizes = ['--num-records', String(count), '--record-size', String(recordSize), '--throughput', '-1']
  const settings = ['--command-property', 'acks=all', 'batch.size=65536', 'linger.ms=5']
  return tool(['kafka-producer-perf-test', '--topic', topic, '--bootstrap-server', bootstrap, ...sizes, ...settings])
}

function produceRate(output: string): number {
  const rate = /([0-9.]+) records\/sec/.exec(output.trim().split('\n').at(-1) ?? '')?.[1]
  if (rate === undefined) throw new Error(`no rate in: ${output}`)
  return Number(rate)
}

async function consumeRate(bootstrap: string, topic: string, count: number): Promise<number> {
  const where = ['--bootstrap-server', bootstrap, '--topic', topic]
  const output = await tool(['kafka-consumer-perf-test', ...where, '--num-records', String(count), '--hide-header'])
  const fetchRate = output.trim().split('\n').at(-1)?.split(', ')[9]
  if (fetchRate === undefined) throw new Error(`no rate in: ${output}`)
  return Number(fetchRate)
}

const measureOf = (name: string, load: Load, rateOf: (bootstrap: string) => Promise<number>): Measure => ({
  name: `${name}-${load.recordSize}`,
  unit: 'records/s',
  wanted: '≥ 1.0 ×',
  run: (kind: Kind) =>
    withBroker(kind, async broker => {
      await createTopic(broker, 'perf', PARTITIONS)
      await produce(broker.bootstrap, 'perf', { ...load, count: load.count / 5 })
      return rateOf(broker.bootstrap)
    }),
})

export const perfTests: readonly Measure[] = loads.flatMap(load => [
  measureOf('producer-perf-test', load, async bootstrap => produceRate(await produce(bootstrap, 'perf', load))),
  measureOf('consumer-perf-test', load, async bootstrap => {
    await produce(bootstrap, 'perf', load)
    await consumeRate(bootstrap, 'perf', load.count)
    return consumeRate(bootstrap, 'perf', load.count)
  }),
])
