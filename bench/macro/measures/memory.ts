/** Resident memory of a broker: soon after its start, the most while it is loaded, and some time after. */

import { load, of, sized, timed } from '../load.ts'
import { atMost, pause, residentMb, type SharedMeasure } from '../measure.ts'
import { createTopic } from '../topics.ts'

const SETTLE_MS = 5_000
const AFTER_MS = 10_000

export const memory: SharedMeasure = {
  name: 'memory',
  group: 'speed',
  session: 'memory',
  figures: {
    'resident memory, idle': { unit: 'MB', goal: atMost(90) },
    '… under load': { unit: 'MB', goal: atMost(200) },
    '… after load': { unit: 'MB', goal: atMost(150) },
  },
  async on(broker, isQuick) {
    await pause(isQuick ? SETTLE_MS / 10 : SETTLE_MS)
    const idle = residentMb(broker.pid)
    await createTopic(broker, 'weighed', 6)
    const large = { topic: 'weighed', conns: 4, inflight: 5 }
    const loads = [
      await load('produce', broker, { ...large, ...sized(isQuick, 0, 1000) }),
      await load('fetch', broker, { topic: 'weighed', conns: 2, ...sized(isQuick, 0, 2000) }),
      await load('produce', broker, { ...large, 'record-size': 100, 'batch-bytes': 100, ...timed(isQuick, 0, 2) }),
    ]
    await pause(isQuick ? AFTER_MS / 10 : AFTER_MS)
    return {
      'resident memory, idle': idle,
      '… under load': Math.max(...loads.map(outcome => of(outcome, 'residentPeakMb'))),
      '… after load': residentMb(broker.pid),
    }
  },
}
