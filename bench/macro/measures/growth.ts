/** How the cost of one and the same small request grows with what there is beside it: partitions, connections, groups, data. */
import type { Broker } from '../../../test/interop/broker.ts'
import { type LoadOptions, type LoadRun, load, of, sized } from '../load.ts'
import { type FigureKind, type Goal, grown, type SharedMeasure, type Values } from '../measure.ts'
import { createTopic } from '../topics.ts'
import { costTime, small, warmedUp } from './costs.ts'

const PARTITIONS = 6

/** A row a size, each against the first; the goal is the last one's. */
function figuresOf(what: string, rows: readonly string[], goal: Goal): Record<string, FigureKind> {
  const names = rows.map(row => nameOf(what, row))
  const since = names[0]!
  const last = names.length - 1
  return Object.fromEntries(names.map((name, i) => [name, { unit: 'µs', since, ...(i === last && { goal }) }]))
}

const nameOf = (what: string, row: string): string => `${what}, ${row}: CPU a request`

interface Growth {
  readonly name: string
  readonly what: string
  readonly sizes: readonly number[]
  readonly rowOf: (size: number) => string
  readonly goal: Goal
  /** Makes ready what there is beside the load, and gives the load's own options. */
  readonly beside: (broker: Broker, size: number) => Promise<LoadOptions>
}

const growthOf = ({ name, what, sizes, rowOf, goal, beside }: Growth): SharedMeasure => ({
  name,
  group: 'costs',
  session: 'costs',
  figures: figuresOf(what, sizes.map(rowOf), goal),
  async on(broker, isQuick) {
    await warmedUp(broker, isQuick)
    const values: Record<string, number> = {}
    for (const size of sizes) {
      const options = await beside(broker, isQuick ? Math.ceil(size / 10) : size)
      const outcome = await load('produce', broker, { ...small, ...options, ...costTime(isQuick) })
      values[nameOf(what, rowOf(size))] = of(outcome, 'cpuUsPerRequest')
    }
    return values
  },
})

const PRODUCE = 'produce, one record of 100 B'
const count = (n: number): string => n.toLocaleString('en')

const connections = growthOf({
  name: 'costs-connections',
  what: PRODUCE,
  sizes: [10, 1000, 5000],
  rowOf: size => `${count(size)} connections beside`,
  goal: grown(1.2),
  async beside(broker, size) {
    const topic = `costs-connections-${size}`
    await createTopic(broker, topic, PARTITIONS)
    return { topic, idle: size }
  },
})

const groups = growthOf({
  name: 'costs-groups',
  what: PRODUCE,
  sizes: [0, 50, 500],
  rowOf: size => `${count(size)} groups alive`,
  goal: grown(1.2),
  async beside(broker, size) {
    const topic = `costs-groups-${size}`
    await createTopic(broker, topic, PARTITIONS)
    return { topic, alive: size }
  },
})

const partitions = growthOf({
  name: 'costs-partitions',
  what: PRODUCE,
  sizes: [1, 100, 1000],
  rowOf: size => `${count(size)} partition${size === 1 ? '' : 's'} in use`,
  goal: grown(1.5),
  async beside(broker, size) {
    const topic = `costs-partitions-${size}`
    await createTopic(broker, topic, size)
    return { topic }
  },
})

const SIZES_MB = [100, 1000, 4000]
const rowOfMb = (mb: number): string => `${mb / 1000} GB in the log`

interface Access {
  readonly what: string
  readonly run: LoadRun
  readonly options: LoadOptions
}
const batch = { conns: 4, 'record-size': 1000, 'batch-bytes': 65_536 }
const accesses: readonly Access[] = [
  { what: PRODUCE, run: 'produce', options: small },
  { what: 'fetch of 64 kB at the end', run: 'small-fetch', options: { conns: 4, from: 1 } },
  { what: 'fetch of 64 kB from the middle', run: 'small-fetch', options: { conns: 4, from: 0.5 } },
  { what: 'fetch of 64 kB from the begin', run: 'small-fetch', options: { conns: 4, from: 0 } },
]

/** One partition, which is filled further and further; what is produced beside goes to the same one, before each filling. */
const data: SharedMeasure = {
  name: 'costs-data',
  group: 'costs',
  session: 'costs',
  figures: Object.assign({}, ...accesses.map(({ what }) => figuresOf(what, SIZES_MB.map(rowOfMb), grown(1.2)))),
  async on(broker, isQuick) {
    await warmedUp(broker, isQuick)
    const topic = 'costs-data'
    await createTopic(broker, topic, 1)
    const values: Record<string, number> = {}
    for (const [i, mb] of SIZES_MB.entries()) {
      await load('produce', broker, { topic, ...batch, ...sized(isQuick, 0, mb - (SIZES_MB[i - 1] ?? 0)) })
      // the fetches before the small records come, so that the last batch is a large one
      for (const { what, run, options } of accesses.toReversed())
        values[nameOf(what, rowOfMb(mb))] = of(
          await load(run, broker, { topic, ...options, ...costTime(isQuick) }),
          'cpuUsPerRequest',
        )
    }
    return values satisfies Values
  },
}

export const growths: readonly SharedMeasure[] = [connections, groups, data, partitions]
