/** Kafka's own load tools. The client is Java's and often the slower half: what counts is not to be behind. */
import { type Broker, kafkaScript } from '../../../test/interop/broker.ts'
import { run } from '../../../test/interop/process.ts'
import { more, type SharedMeasure } from '../measure.ts'
import { createTopic } from '../topics.ts'

const PARTITIONS = 6
const LIMIT_MS = 300_000

interface Load {
  readonly recordSize: number
  readonly count: number
}
const loads: readonly Load[] = [
  { recordSize: 1024, count: 800_000 },
  { recordSize: 100, count: 4_000_000 },
]

async function tool(args: readonly string[]): Promise<string> {
  const done = await run(kafkaScript, args, { limitMs: LIMIT_MS })
  if (done.code !== 0) throw new Error(`${args[0]} failed: ${done.stderr}`)
  return done.stdout
}

async function produceRate(bootstrap: string, topic: string, { recordSize, count }: Load): Promise<number> {
  const sizes = ['--num-records', String(count), '--record-size', String(recordSize), '--throughput', '-1']
  const settings = ['--command-property', 'acks=all', 'batch.size=65536', 'linger.ms=5']
  const where = ['--topic', topic, '--bootstrap-server', bootstrap]
  const output = await tool(['kafka-producer-perf-test', ...where, ...sizes, ...settings])
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

async function measured(broker: Broker, load: Load): Promise<{ readonly produced: number; readonly consumed: number }> {
  const topic = `perf-${load.recordSize}`
  const { bootstrap } = broker
  await createTopic(broker, topic, PARTITIONS)
  await produceRate(bootstrap, topic, { ...load, count: load.count / 5 })
  const produced = await produceRate(bootstrap, topic, load)
  await consumeRate(bootstrap, topic, load.count / 2)
  return { produced, consumed: await consumeRate(bootstrap, topic, load.count) }
}

export const perfTests: readonly SharedMeasure[] = loads.map(load => {
  const [producer, consumer] = ['producer', 'consumer'].map(who => `kafka-${who}-perf-test, ${load.recordSize} B`)
  return {
    name: `perf-test-${load.recordSize}`,
    group: 'speed',
    session: 'perf-test',
    figures: {
      [producer!]: { unit: 'records/s', goal: more(1) },
      [consumer!]: { unit: 'records/s', goal: more(1) },
    },
    async on(broker, isQuick) {
      const { produced, consumed } = await measured(broker, isQuick ? { ...load, count: load.count / 10 } : load)
      return { [producer!]: produced, [consumer!]: consumed }
    },
  }
})
