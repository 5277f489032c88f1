/** What a request, a batch, a record and a MB cost the broker, from a few loads that differ in what a request has; its CPU, not the time. */
import type { Broker } from '../../../test/interop/broker.ts'
import { type Counts, priced } from '../cost-model.ts'
import { type LoadOptions, load, of, sized, timed } from '../load.ts'
import type { FigureKind, SharedMeasure, Values } from '../measure.ts'
import { createTopic } from '../topics.ts'

const US = { unit: 'µs' }
const PARTITIONS = 6
const CONNECTIONS = 4
const TOGETHER = 16

/** Of every load of the group. */
export const costTime = (isQuick: boolean): LoadOptions => timed(isQuick, 0.8, 2)

export const small = { conns: CONNECTIONS, inflight: 5, 'record-size': 100, 'batch-bytes': 100 }

/** A JVM compiles for long, and a request then costs a quarter of what it did in the first seconds: what grows would seem to shrink. */
const WARM_PRODUCE_S = 10
const WARM_FETCH_S = 4
const warmBrokers = new WeakSet<Broker>()

/** Once a broker, whichever measure comes first. */
export async function warmedUp(broker: Broker, isQuick: boolean): Promise<void> {
  if (warmBrokers.has(broker)) return
  warmBrokers.add(broker)
  const topic = 'costs-warm-up'
  await createTopic(broker, topic, PARTITIONS)
  await load('produce', broker, { topic, ...small, ...timed(isQuick, WARM_PRODUCE_S, 0.1) })
  await load('small-fetch', broker, { topic, conns: CONNECTIONS, ...timed(isQuick, WARM_FETCH_S, 0.1) })
}

interface Size {
  readonly name: string
  readonly recordSize: number
  readonly records: number
  /** Batches in a request, each to a partition of its own. */
  readonly batches: number
}

const one: Size = { name: 'one record of 100 B', recordSize: 100, records: 1, batches: 1 }
const several: Size = { ...one, name: `${TOGETHER} batches of one record of 100 B`, batches: TOGETHER }
const oneBatch = [
  { name: 'a batch of 4 kB, records of 1 kB', recordSize: 1000, records: 4, batches: 1 },
  { name: 'a batch of 64 kB, records of 1 kB', recordSize: 1000, records: 65, batches: 1 },
  { name: 'a batch of 900 kB, records of 1 kB', recordSize: 1000, records: 900, batches: 1 },
] satisfies readonly Size[]
const shortRecords: Size = { name: 'a batch of 64 kB, records of 100 B', recordSize: 100, records: 655, batches: 1 }

/** Of large batches few enough bytes that the broker does not wait for the device. */
const loadOf = ({ recordSize, records }: Size, isQuick: boolean): LoadOptions =>
  recordSize * records < 50_000 ? costTime(isQuick) : sized(isQuick, 100, 500)

const countsOf = ({ recordSize, records, batches }: Size): Counts => ({
  request: 1,
  batch: batches,
  MB: (batches * records * recordSize) / 1e6,
})

const batchOf = ({ recordSize, records }: Size): LoadOptions => ({
  'record-size': recordSize,
  'batch-bytes': recordSize * records,
})

/** Rows of whole requests, then what one more of each thing costs by the model. */
function figuresOf(what: string, sizes: readonly Size[], things: readonly string[]): Record<string, FigureKind> {
  return Object.fromEntries([
    ...sizes.map(({ name }) => [`${what}, ${name}: CPU a request`, US] as const),
    ...things.map(thing => [`… of it a ${thing}`, US] as const),
    ['… the model is off by at most', { unit: '%' }],
  ])
}

function valuesOf(what: string, measured: readonly { size: Size; counts: Counts; cost: number }[]): Values {
  const { prices, off } = priced(measured)
  return Object.fromEntries([
    ...measured.map(({ size, cost }) => [`${what}, ${size.name}: CPU a request`, cost] as const),
    ...Object.entries(prices).map(([thing, price]) => [`… of it a ${thing}`, price] as const),
    ['… the model is off by at most', off * 100],
  ])
}

const produced: readonly Size[] = [one, several, ...oneBatch, shortRecords]
const PRODUCE = 'produce'

const produceCosts: SharedMeasure = {
  name: 'costs-produce',
  group: 'costs',
  session: 'costs',
  figures: figuresOf(PRODUCE, produced, ['request', 'batch', 'MB', 'record']),
  async on(broker, isQuick) {
    await warmedUp(broker, isQuick)
    const measured = []
    for (const size of produced) {
      const topic = `costs-produce-${size.batches}-${size.recordSize}-${size.records}`
      await createTopic(broker, topic, size.batches === 1 ? PARTITIONS : CONNECTIONS * size.batches)
      const options = { topic, conns: CONNECTIONS, inflight: 5, ...batchOf(size), 'per-ask': size.batches }
      const outcome = await load('produce', broker, { ...options, ...loadOf(size, isQuick) })
      const counts = { ...countsOf(size), record: size.records * size.batches }
      measured.push({ size, counts, cost: of(outcome, 'cpuUsPerRequest') })
    }
    return valuesOf(PRODUCE, measured)
  },
}

const FETCH = 'fetch'
const SMALL_FILL = 50
const FILL_MB = 200

const fetchCosts: SharedMeasure = {
  name: 'costs-fetch',
  group: 'costs',
  session: 'costs',
  figures: figuresOf(FETCH, [one, several, ...oneBatch], ['request', 'batch', 'MB']),
  async on(broker, isQuick) {
    await warmedUp(broker, isQuick)
    const measured = []
    for (const size of [one, several, ...oneBatch]) {
      const topic = `costs-fetch-${size.batches}-${size.records}`
      const isSmall = size.records === 1
      await createTopic(broker, topic, isSmall ? size.batches : PARTITIONS)
      const fill = isSmall
        ? { warm: 0, total: SMALL_FILL * size.batches * size.recordSize }
        : sized(isQuick, 0, FILL_MB)
      await load('produce', broker, { topic, conns: CONNECTIONS, ...batchOf(size), ...fill })
      // one batch a partition and no more: what is larger comes whole, what is smaller would come with others
      const options = { topic, conns: CONNECTIONS, 'max-bytes': size.recordSize * size.records }
      const run = isSmall ? 'small-fetch' : 'fetch'
      const outcome = await load(run, broker, { ...options, ...costTime(isQuick) })
      measured.push({ size, counts: countsOf(size), cost: of(outcome, 'cpuUsPerRequest') })
    }
    return valuesOf(FETCH, measured)
  },
}

export const costs: readonly SharedMeasure[] = [produceCosts, fetchCosts]
