/** From when a record was due to be sent until a long-polling consumer has it, at a fixed rate. */

import { load, of, timed } from '../load.ts'
import { less, type SharedMeasure } from '../measure.ts'
import { createTopic } from '../topics.ts'

const PARTITIONS = 6
const REQUESTS_PER_S = 2000
/** A JVM that still compiles falls behind, and what is measured then is how long it takes to catch up. */
const WARM_UP_S = 15

/** As producers do: what comes together goes into one request. */
export const latencies: readonly SharedMeasure[] = [2000, 20_000].map(rate => {
  const names = { p50: `end-to-end latency at ${rate} records/s, p50`, p99: '… p99', p999: '… p99.9' }
  return {
    name: `latency-${rate}`,
    group: 'speed',
    session: 'latency',
    figures: Object.fromEntries(Object.values(names).map(name => [name, { unit: 'ms', goal: less(0.5) }])),
    async on(broker, isQuick) {
      const topic = `latency-${rate}`
      await createTopic(broker, topic, PARTITIONS)
      const options = { topic, rate, 'per-request': rate / REQUESTS_PER_S, 'record-size': 1000 }
      const outcome = await load('latency', broker, { ...options, ...timed(isQuick, WARM_UP_S, 5) })
      return Object.fromEntries(Object.entries(names).map(([p, name]) => [name, of(outcome, p)]))
    },
  }
})
