/** Many of something of which each does little: connections, consumers, members of a group. */

import { load, of, timed } from '../load.ts'
import { less, residentMb, type SharedMeasure } from '../measure.ts'
import { createTopic } from '../topics.ts'

const GROUPS = 50
const MEMBERS = 10
const MEMBERS_OF_ONE = 500
/** Some hundred thousand requests, after which neither broker's compiler finds more to do. */
const WARM_REBALANCES = 200
const CONNECTIONS = 10_000

export const connections: SharedMeasure = {
  name: 'connections',
  group: 'speed',
  session: 'connections',
  figures: {
    '10,000 connections, a request a second each: CPU': { unit: '% of a core', goal: less(0.5) },
    '… resident': { unit: 'MB', goal: less(0.3) },
    '… more than before': { unit: 'MB' },
    '… p99 of a request': { unit: 'ms' },
  },
  async on(broker, isQuick) {
    await createTopic(broker, 'held', 1)
    const before = residentMb(broker.pid)
    const conns = isQuick ? CONNECTIONS / 10 : CONNECTIONS
    const outcome = await load('connections', broker, { topic: 'held', conns, ...timed(isQuick, 5, 10) })
    return {
      '10,000 connections, a request a second each: CPU': of(outcome, 'cpuShare') * 100,
      '… resident': of(outcome, 'residentMb'),
      '… more than before': of(outcome, 'residentMb') - before,
      '… p99 of a request': of(outcome, 'p99'),
    }
  },
}

/** Each consumer with two connections: a fetch session that waits half a second, a heartbeat every three, a commit every five; five records a second in all. */
export const idleGroups: SharedMeasure = {
  name: 'idle-groups',
  group: 'speed',
  session: 'groups',
  figures: {
    '500 consumers in 50 groups, mostly idle: CPU': { unit: '% of a core', goal: less(0.3) },
    '… resident': { unit: 'MB' },
  },
  async on(broker, isQuick) {
    await createTopic(broker, 'followed', MEMBERS)
    const size = { groups: isQuick ? GROUPS / 10 : GROUPS, members: MEMBERS }
    const outcome = await load('groups', broker, { topic: 'followed', ...size, ...timed(isQuick, 5, 10) })
    return {
      '500 consumers in 50 groups, mostly idle: CPU': of(outcome, 'cpuShare') * 100,
      '… resident': of(outcome, 'residentMb'),
    }
  },
}

/** All members join again at once, with something new to say; until the last has its assignment. Nothing waits for a heartbeat. */
export const rebalance: SharedMeasure = {
  name: 'rebalance',
  group: 'speed',
  session: 'groups',
  figures: { 'group of 500 members rebalancing': { unit: 'ms', goal: less(0.3) }, '… CPU of it': { unit: 'ms' } },
  async on(broker, isQuick) {
    await createTopic(broker, 'shared-out', MEMBERS)
    const members = isQuick ? MEMBERS_OF_ONE / 10 : MEMBERS_OF_ONE
    const rounds = { 'warm-rounds': isQuick ? 3 : WARM_REBALANCES, rounds: isQuick ? 3 : 15 }
    const outcome = await load('rebalance', broker, { topic: 'shared-out', members, ...rounds })
    return {
      'group of 500 members rebalancing': of(outcome, 'p50'),
      '… CPU of it': of(outcome, 'cpuUsPerRequest') / 1000,
    }
  },
}
