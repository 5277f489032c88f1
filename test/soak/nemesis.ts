/** What goes wrong, one thing after the other, as a seed has it. */
import type { Random } from '@millrace/base'
import type { FaultLine } from '../../packages/testkit/src/history/event.ts'
import type { BrokerUnderFire } from './broker-under-fire.ts'
import type { FakeClock } from './fake-clock.ts'
import type { FaultyLink } from './faulty-link.ts'
import type { SmallDisk } from './small-disk.ts'

export interface Battlefield {
  readonly broker: BrokerUnderFire
  readonly link: FaultyLink
  readonly disk: SmallDisk | undefined
  readonly clock: FakeClock | undefined
  /** Kills one of the clients' processes and starts another in its place; answers which. */
  readonly killClient: () => Promise<string>
  readonly note: (fault: FaultLine['fault'], detail: string) => void
}

type Fault = (field: Battlefield, random: Random) => Promise<void>

const pause = (ms: number): Promise<void> => new Promise(done => setTimeout(done, ms))
const between = (random: Random, low: number, high: number): number => low + random.integer(high - low + 1)

async function start({ broker, note }: Battlefield): Promise<void> {
  note('start', `answered after ${Math.round(await broker.start())} ms`)
}

const kill: Fault = async (field, random) => {
  await field.broker.kill()
  field.note('kill', 'SIGKILL')
  await pause(between(random, 0, random.integer(4) === 0 ? 2_000 : 300))
  await start(field)
}

/** Again before the clients have come back, or in the middle of recovery. */
const killTwice: Fault = async (field, random) => {
  await field.broker.kill()
  field.note('kill', 'SIGKILL')
  const starting = field.broker.start().catch(() => 0)
  await pause(between(random, 50, random.integer(4) === 0 ? 1_500 : 300))
  await field.broker.kill()
  await starting
  field.note('kill', 'SIGKILL while it starts')
  await start(field)
}

/** The others go on, and its clients find it again on the same port. */
const failThread: Fault = async ({ broker, note }, random) => {
  broker.failThread()
  note('thread', 'the thread of a node failed')
  await pause(between(random, 0, 1_000))
}

const stop: Fault = async (field, random) => {
  await field.broker.stop()
  field.note('stop', 'SIGTERM')
  await pause(between(random, 0, 2_000))
  await start(field)
}

const freeze: Fault = async ({ broker, note }, random) => {
  const ms = random.integer(4) === 0 ? between(random, 8_000, 14_000) : between(random, 100, 4_000)
  note('pause', `SIGSTOP for ${ms} ms`)
  broker.signal('SIGSTOP')
  await pause(ms)
  broker.signal('SIGCONT')
  note('continue', 'SIGCONT')
}

const cut: Fault = async ({ link, note }, random) => {
  const times = between(random, 1, 5)
  for (let i = 0; i < times; i++) {
    link.cut()
    note('network', 'every connection was cut')
    await pause(between(random, 50, 1_000))
  }
}

const refuse: Fault = async ({ link, note }, random) => {
  const ms = between(random, 1_000, 6_000)
  note('network', `nobody gets through for ${ms} ms`)
  link.refuse(true)
  await pause(ms)
  link.refuse(false)
}

const stall: Fault = async ({ link, note }, random) => {
  const ms = between(random, 500, 8_000)
  note('network', `stands still for ${ms} ms`)
  link.stall(true)
  await pause(ms)
  link.stall(false)
}

const delay: Fault = async ({ link, note }, random) => {
  const ms = between(random, 10, 200)
  note('network', `${ms} ms late`)
  link.delay(ms)
  await pause(between(random, 2_000, 6_000))
  link.delay(0)
}

const fillDisk: Fault = async (field, random) => {
  const { disk, broker, note } = field
  if (disk === undefined) return
  await disk.fill()
  note('disk', 'full')
  await pause(between(random, 1_000, 6_000))
  // Now and then the broker is to start, or to stop, without room.
  const fate = random.integer(4)
  if (fate === 0) {
    await broker.kill()
    note('kill', 'SIGKILL with a full disk')
  } else if (fate === 1) {
    await broker.stop()
    note('stop', 'SIGTERM with a full disk')
  }
  disk.empty()
  note('disk', `${(disk.freeBytes / 1e6).toFixed(0)} MB free`)
  // Apache Kafka ends itself when its only data folder fails.
  if (fate > 1) await pause(1_000)
  if (broker.hasEnded) {
    if (fate > 1) note('stop', 'it ended by itself when the disk was full')
    await start(field)
  }
}

const jump: Fault = async ({ clock, note }, random) => {
  const seconds = between(random, -3_600, 3_600)
  clock?.jump(seconds)
  note('clock', `${seconds} s off`)
  await pause(2_000)
}

const killClient: Fault = async ({ killClient: killOne, note }) => {
  note('network', `client ${await killOne()} was killed`)
}

type Weighted = readonly (readonly [weight: number, fault: Fault])[]

const ofEverything: Weighted = [
  [6, kill],
  [1, killTwice],
  [4, failThread],
  [2, stop],
  [3, freeze],
  [2, cut],
  [1, refuse],
  [2, stall],
  [1, delay],
  [2, killClient],
  [2, fillDisk],
  [1, jump],
]
const mostlyKills: Weighted = [
  [44, kill],
  [6, killTwice],
  [10, failThread],
  [1, stop],
  [1, freeze],
  [1, cut],
  [1, stall],
  [1, killClient],
  [1, fillDisk],
  [1, jump],
]

function isPossible(fault: Fault, { broker, disk, clock }: Battlefield): boolean {
  if (fault === failThread) return broker.nodes > 1
  if (fault === fillDisk) return disk !== undefined
  return fault !== jump || clock !== undefined
}

export interface Plan {
  /** On the clock of `performance.now()`. */
  readonly until: number
  /** How often the broker is killed, if that is what counts; then it is killed every two to three seconds, and little else happens. */
  readonly killCount: number
}

/** One fault after the other until the time or the kills are over; then everything is put right. */
export async function rage(
  battlefield: Battlefield,
  random: Random,
  { until, killCount }: Plan,
): Promise<{ faultCount: number; killCount: number }> {
  let kills = 0
  const field: Battlefield = {
    ...battlefield,
    note: (fault, detail) => {
      if (fault === 'kill') kills++
      battlefield.note(fault, detail)
    },
  }
  const isHasty = Number.isFinite(killCount)
  const faults = (isHasty ? mostlyKills : ofEverything).filter(([, fault]) => isPossible(fault, field))
  const total = faults.reduce((sum, [weight]) => sum + weight, 0)
  let faultCount = 0
  await pause(2_000)
  while (performance.now() < until && kills < killCount) {
    let pick = random.integer(total)
    const [, fault] = faults.find(([weight]) => (pick -= weight) < 0)!
    await fault(field, random)
    faultCount++
    await pause(isHasty ? between(random, 600, 2_400) : between(random, 500, 5_000))
  }
  field.clock?.jump(0)
  return { faultCount, killCount: kills }
}
