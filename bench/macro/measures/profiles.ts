/** Where the time goes: Millrace alone under ready-made loads, its CPU shared out to the parts of the house by a profile. */

import { type LoadOptions, type LoadRun, load, of, sized, timed } from '../load.ts'
import type { SidesMeasure, Values } from '../measure.ts'
import { type Profiled, withProfiled } from '../profile/broker.ts'
import { PARTS } from '../profile/parts.ts'
import { THREAD_PARTS } from '../profile/threads.ts'
import { PROFILE_GROUP } from '../results.ts'
import { createTopic } from '../topics.ts'

const PARTITIONS = 6
const MANY_PARTITIONS = 100
const WARM_S = 2
const FOR_S = 3
/** Bytes that are written may not be more than the system keeps in memory: a broker that waits for the device is not what is asked for. */
const WARM_MB = 400
const FOR_MB = 1000

const TOTAL = 'all'

const GB = 's/GB'
const REQUEST = 'µs a request'

interface ProfiledLoad {
  readonly side: string
  readonly unit: typeof GB | typeof REQUEST
  readonly topic: string
  readonly partitions: number
  /** Brings what a fetch reads, before anything is measured. */
  readonly fill?: LoadOptions
  readonly run: LoadRun
  readonly options: LoadOptions
}

const one = { 'record-size': 100, 'batch-bytes': 100 }
const large = { 'batch-bytes': 65_536, conns: 4, inflight: 5 }

const produces: readonly ProfiledLoad[] = [1000, 100].map(size => ({
  side: `64 kB of ${size} B, ${GB}`,
  unit: GB,
  topic: `produce-${size}`,
  partitions: PARTITIONS,
  run: 'produce',
  options: { ...large, 'record-size': size },
}))
const smallProduce: ProfiledLoad = {
  side: `one record of 100 B, ${REQUEST}`,
  unit: REQUEST,
  topic: 'small',
  partitions: PARTITIONS,
  run: 'produce',
  options: { ...one, conns: 4, inflight: 5 },
}

const largeFetch: ProfiledLoad = {
  side: `1 MB a partition, ${GB}`,
  unit: GB,
  topic: 'fetch',
  partitions: PARTITIONS,
  fill: { ...large, 'record-size': 1000 },
  run: 'fetch',
  options: { conns: 2 },
}
const smallFetch = (partitions: number, side: string): ProfiledLoad => ({
  side: `${side}, ${REQUEST}`,
  unit: REQUEST,
  topic: `small-${partitions}`,
  partitions,
  fill: { ...one, inflight: 5, warm: 0, total: partitions * 50 * 100 },
  run: 'small-fetch',
  options: { conns: 4 },
})

const profileOf = (name: string, loads: readonly ProfiledLoad[]): SidesMeasure => ({
  name,
  group: PROFILE_GROUP,
  sides: loads.map(({ side }) => side),
  figures: Object.fromEntries([TOTAL, ...PARTS, ...THREAD_PARTS].map(part => [part, { unit: '' }])),
  round: isQuick =>
    withProfiled(async profiled => {
      const values: Record<string, Values> = {}
      for (const one of loads) values[one.side] = await taken(profiled, one, isQuick)
      return values
    }),
})

async function taken({ broker, during }: Profiled, one: ProfiledLoad, isQuick: boolean): Promise<Values> {
  const { topic, run, unit } = one
  await createTopic(broker, topic, one.partitions)
  if (one.fill !== undefined) await load('produce', broker, { topic, ...sized(isQuick, 0, 600), ...one.fill })
  const options = { topic, ...one.options }
  const isBounded = run === 'produce' && unit === GB
  const [warm, measured] = isBounded
    ? [sized(isQuick, 0, WARM_MB), sized(isQuick, 0, FOR_MB)]
    : [timed(isQuick, 0, WARM_S), timed(isQuick, 0, FOR_S)]
  await load(run, broker, { ...options, ...warm })
  const { result, seconds } = await during(() => load(run, broker, { ...options, ...measured }))
  const each = unit === GB ? of(result, 'mbPerS') * of(result, 'seconds') * 1e-3 : of(result, 'requests') * 1e-6
  const parts = [...seconds].map(([part, s]) => [part, s / each] as const)
  return { [TOTAL]: parts.reduce((sum, [, cost]) => sum + cost, 0), ...Object.fromEntries(parts) }
}

export const profiles: readonly SidesMeasure[] = [
  profileOf('profile-produce', [...produces, smallProduce]),
  profileOf('profile-fetch', [
    largeFetch,
    smallFetch(MANY_PARTITIONS, `${MANY_PARTITIONS} partitions with one small batch each`),
    smallFetch(1, 'one small batch'),
  ]),
]
