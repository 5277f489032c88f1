/** What durability and transactions cost: ready-made requests again, so that the broker is the limit. */
import type { Broker } from '../../../test/interop/broker.ts'
import { load, of, sized, timed } from '../load.ts'
import { less, more, type SharedMeasure, type SidesMeasure, type Values, withBroker } from '../measure.ts'
import { createTopic } from '../topics.ts'

const PARTITIONS = 16
const PRODUCERS = 16

/** Each producer has one partition, and one transaction after the other: a batch of 100 records of 100 bytes, and a commit. */
const transactions = (producers: number): SharedMeasure => {
  const name = `transactions of 100 records, ${producers === 1 ? 'one producer' : `${producers} producers`}`
  return {
    name: `transactions-${producers}`,
    group: 'exactly-once',
    session: 'exactly-once',
    figures: {
      [name]: { unit: 'commits/s', goal: more(2) },
      '… CPU a commit': { unit: 'µs' },
      '… p99': { unit: 'ms' },
    },
    async on(broker, isQuick) {
      const topic = `transactions-${producers}`
      await createTopic(broker, topic, PARTITIONS)
      const options = { topic, conns: producers, records: 100, 'record-size': 100, ...timed(isQuick, 2, 4) }
      const outcome = await load('transactions', broker, options)
      return {
        [name]: of(outcome, 'requestsPerS'),
        '… CPU a commit': of(outcome, 'cpuUsPerRequest'),
        '… p99': of(outcome, 'p99'),
      }
    },
  }
}

/** Each producer with one connection and five requests of one record of 100 bytes under way, acks all. */
const flushed = (partitions: number): SharedMeasure => {
  const where = partitions === 1 ? 'one partition' : `${partitions} partitions`
  const name = `flush.messages=1, ${PRODUCERS} producers, ${where}`
  return {
    name: `flush-${partitions}`,
    group: 'exactly-once',
    session: 'exactly-once',
    figures: { [name]: { unit: 'records/s', goal: more(5) } },
    async on(broker, isQuick) {
      const topic = `flush-${partitions}`
      await createTopic(broker, topic, partitions, { 'flush.messages': '1' })
      const record = { 'record-size': 100, 'batch-bytes': 100 }
      const options = { topic, conns: PRODUCERS, inflight: 5, ...record, ...timed(isQuick, 1.5, 3) }
      return { [name]: of(await load('produce', broker, options), 'recordsPerS') }
    },
  }
}

const COST = 'fetch of 1 MB a partition: CPU'

/** The same log, one transaction of ten aborted, read both ways in turn. */
const readCommitted: SidesMeasure = {
  name: 'read-committed',
  group: 'exactly-once',
  sides: ['read_committed', 'read_uncommitted'],
  figures: { [COST]: { unit: 's/GB', goal: less(1.1) }, '… throughput': { unit: 'MB/s', goal: more(1 / 1.1) } },
  round: isQuick =>
    withBroker('millrace', async broker => {
      await createTopic(broker, 'mixed', 6)
      const each = { records: 100, 'record-size': 640, 'abort-every': 10 }
      await load('transactions', broker, { topic: 'mixed', conns: 12, ...each, ...sized(isQuick, 0, 500) })
      const values: Record<string, Values[]> = { read_committed: [], read_uncommitted: [] }
      await fetched(broker, false, isQuick)
      for (const side of ['read_uncommitted', 'read_committed', 'read_committed', 'read_uncommitted'])
        values[side]!.push(await fetched(broker, side === 'read_committed', isQuick))
      return Object.fromEntries(Object.entries(values).map(([side, all]) => [side, mean(all)]))
    }),
}

async function fetched(broker: Broker, committed: boolean, isQuick: boolean): Promise<Values> {
  const outcome = await load('fetch', broker, { topic: 'mixed', conns: 2, committed, ...timed(isQuick, 0.5, 2) })
  return { [COST]: of(outcome, 'cpuSecondsPerGb'), '… throughput': of(outcome, 'mbPerS') }
}

function mean(all: readonly Values[]): Values {
  const names = Object.keys(all[0]!)
  return Object.fromEntries(names.map(name => [name, all.reduce((sum, v) => sum + v[name]!, 0) / all.length]))
}

export const exactlyOnce: readonly (SharedMeasure | SidesMeasure)[] = [
  transactions(1),
  transactions(PRODUCERS),
  flushed(PARTITIONS),
  flushed(1),
  readCommitted,
]
