/** Ready-made requests, so that the client costs next to nothing: one broker a round, warmed up before each measure. */

import { type LoadOptions, load, type Outcome, of, sized, timed } from '../load.ts'
import { less, more, type SharedMeasure, type Values } from '../measure.ts'
import { createTopic } from '../topics.ts'

const PARTITIONS = 6
const MANY_PARTITIONS = 100

/** A JVM compiles what is asked often for ten seconds and more; before that a small request costs it three times what it does later. */
const WARM_PRODUCE_S = 10
const WARM_FETCH_S = 4

const one = { 'record-size': 100, 'batch-bytes': 100 }
const CPU_EACH = '… CPU a request'
const CPU_A_GB = '… CPU a GB'

const perRequest = (name: string, outcome: Outcome): Values => ({
  [name]: of(outcome, 'requestsPerS'),
  [CPU_EACH]: of(outcome, 'cpuUsPerRequest'),
})
const perGb = (name: string, outcome: Outcome): Values => ({
  [name]: of(outcome, 'mbPerS'),
  [CPU_A_GB]: of(outcome, 'cpuSecondsPerGb'),
})

const nameOf = (recordSize: number): string => `produce, batches of 64 kB, records of ${recordSize} B`

const largeBatches = (recordSize: number): SharedMeasure => ({
  name: `raw-produce-${recordSize}`,
  group: 'speed',
  session: 'raw',
  figures: {
    [nameOf(recordSize)]: { unit: 'MB/s', goal: more(1.5) },
    [CPU_A_GB]: { unit: 's/GB', goal: less(0.5) },
  },
  async on(broker, isQuick) {
    const topic = `produce-${recordSize}`
    await createTopic(broker, topic, PARTITIONS)
    const options = { topic, conns: 4, inflight: 5, 'record-size': recordSize, 'batch-bytes': 65_536 }
    const outcome = await load('produce', broker, { ...options, ...sized(isQuick, 400, 1000) })
    return perGb(nameOf(recordSize), outcome)
  },
})

const smallRequests: SharedMeasure = {
  name: 'raw-produce-small',
  group: 'speed',
  session: 'raw',
  figures: {
    'produce, one record of 100 B a request': { unit: 'requests/s', goal: more(3) },
    [CPU_EACH]: { unit: 'µs', goal: less(0.3) },
  },
  async on(broker, isQuick) {
    await createTopic(broker, 'small', PARTITIONS)
    const options = { topic: 'small', conns: 4, inflight: 5, ...one, ...timed(isQuick, WARM_PRODUCE_S, 4) }
    return perRequest('produce, one record of 100 B a request', await load('produce', broker, options))
  },
}

const largeFetches: SharedMeasure = {
  name: 'raw-fetch',
  group: 'speed',
  session: 'raw',
  figures: {
    'fetch from page cache, 1 MB a partition': { unit: 'MB/s', goal: more(1) },
    [CPU_A_GB]: { unit: 's/GB', goal: less(1.3) },
  },
  async on(broker, isQuick) {
    await createTopic(broker, 'fetch', PARTITIONS)
    await load('produce', broker, { topic: 'fetch', conns: 2, ...sized(isQuick, 0, 600) })
    const outcome = await load('fetch', broker, { topic: 'fetch', conns: 2, ...timed(isQuick, 2, 4) })
    return perGb('fetch from page cache, 1 MB a partition', outcome)
  },
}

const smallFetches = (name: string, what: string, options: LoadOptions): SharedMeasure => ({
  name,
  group: 'speed',
  session: 'raw',
  figures: { [what]: { unit: 'requests/s', goal: more(3) }, [CPU_EACH]: { unit: 'µs' } },
  async on(broker, isQuick) {
    await createTopic(broker, name, MANY_PARTITIONS)
    const topic = { topic: name, conns: 4 }
    await load('produce', broker, { ...topic, ...one, inflight: 5, warm: 0, total: MANY_PARTITIONS * 50 * 100 })
    return perRequest(
      what,
      await load('small-fetch', broker, { ...topic, ...options, ...timed(isQuick, WARM_FETCH_S, 3) }),
    )
  },
})

export const raw: readonly SharedMeasure[] = [
  smallRequests,
  largeBatches(1000),
  largeBatches(100),
  largeFetches,
  smallFetches('raw-fetch-small', 'fetch, 100 partitions with one small batch each', {}),
  smallFetches('raw-fetch-session', 'fetch in a session, news in one of 100 partitions', { session: true }),
]
