/**
 * Real clients against a real broker that is killed, stopped, frozen, cut off and starved of disk space, for as long as you like; then everything that the clients were
 * told is held against what is there.
 *   node run.ts --minutes N | --kills N [--against millrace|kafka] [--seed S] [--clients java,librdkafka,franz-go,millrace] [--rate N] [--disk MB] [--keep]
 */
import { parseArgs } from 'node:util'
import { seededRandom } from '@millrace/base'
import {
  freePortPair,
  freshFolder,
  installKafka,
  KINDS,
  type Kind,
  keepFolder,
  removeFolder,
} from '../interop/broker.ts'
import { addWork, describeWork, type WorkBetweenKills } from './between-kills.ts'
import { BrokerUnderFire } from './broker-under-fire.ts'
import { buildClient, CLIENTS, type ClientName, SoakClient } from './clients.ts'
import { FakeClock } from './fake-clock.ts'
import { FaultyLink } from './faulty-link.ts'
import { type RoundResult, type Siege, soakRound, tabular } from './round.ts'
import { SmallDisk } from './small-disk.ts'
import { Verdict } from './verdict.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    kills: { type: 'string' },
    against: { type: 'string', default: 'millrace' },
    nodes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    clients: { type: 'string', default: CLIENTS.join(',') },
    rate: { type: 'string', default: '300' },
    disk: { type: 'string', default: '1000' },
    keep: { type: 'boolean', default: false },
  },
})
const kind = values.against as Kind
if (!KINDS.includes(kind)) throw new Error(`--against is one of ${KINDS.join(', ')}`)
const wanted = values.clients.split(',') as ClientName[]
for (const name of wanted)
  if (!CLIENTS.includes(name)) throw new Error(`no client ${name}; there are ${CLIENTS.join(', ')}`)
const nodes = Number(values.nodes)
if (nodes !== 1 && nodes !== 2) throw new Error('--nodes is 1 or 2')
const seed = Number(values.seed)
const killsWanted = values.kills === undefined ? undefined : Number(values.kills)

/** A history is judged as a whole and held in memory for that. */
const ROUND_MS_MAX = 600_000
const ROUND_KILLS_MAX = 200
const SETTINGS: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  // What follows a crash is looked at more often than once a minute.
  millrace: { 'log.flush.offset.checkpoint.interval.ms': '5000', 'group.min.session.timeout.ms': '6000' },
  kafka: {
    'log.flush.offset.checkpoint.interval.ms': '5000',
    'log.initial.task.delay.ms': '3000',
    'offsets.topic.num.partitions': '5',
    'transaction.state.log.num.partitions': '5',
  },
}

const verdict = new Verdict()
const folder = freshFolder(`soak-${kind}`)
const length = killsWanted === undefined ? `${values.minutes} minutes` : `${killsWanted} kills`
verdict.say(`seed ${seed}, ${length} against ${kind}, in ${folder}`)
const noDump = await installKafka().then(
  () => undefined,
  (error: unknown) => {
    if (kind === 'kafka') throw error
    return String(error).trim().split('\n').at(-1)
  },
)
const names: ClientName[] = []
for (const name of wanted) {
  const why = await buildClient(name)
  if (why === undefined) names.push(name)
  else verdict.say(`${name} is left out: ${why}`)
}
const disk = Number(values.disk) > 0 ? await SmallDisk.mount(folder, Number(values.disk)) : 'not asked for'
verdict.say(typeof disk === 'string' ? `no small disk: ${disk}` : `small disk of ${values.disk} MB (${disk.kind})`)
// A Java virtual machine of today stands still under libfaketime 0.9.10, before it has read its first file.
const clock = kind === 'kafka' ? undefined : await FakeClock.find(folder)
if (clock === undefined)
  verdict.say(`no clock that jumps: ${kind === 'kafka' ? 'Java' : 'this machine'} has no libfaketime`)
process.on('exit', () => {
  if (!values.keep) removeFolder(folder)
})

try {
  await soak()
} finally {
  if (typeof disk !== 'string') {
    // What is to be looked at must not go with the mount.
    if (values.keep && verdict.failures.length > 0) await disk.saveTo(`${folder}/data-kept`)
    await disk.unmount()
  }
  if (values.keep) keepFolder(folder)
}
console.log(`${verdict.passedCount} passed, ${verdict.failures.length} failed`)
process.exit(verdict.failures.length === 0 && verdict.passedCount > 0 ? 0 : 1)

async function soak(): Promise<void> {
  const port = await freePortPair()
  await using link = await FaultyLink.open(port, nodes)
  const broker = await BrokerUnderFire.prepare({
    kind,
    folder,
    port,
    advertisedPort: link.port,
    nodes,
    settings: SETTINGS[kind],
    env: clock?.env ?? {},
  })
  const siege: Siege = {
    kind,
    folder,
    broker,
    bootstrap: `127.0.0.1:${link.port}`,
    clients: names.map(name => new SoakClient(name)),
    field: { broker, link, disk: typeof disk === 'string' ? undefined : disk, clock },
    random: seededRandom(seed),
    rate: Number(values.rate),
    seed,
    verdict,
    noDump,
    keepsHistories: values.keep,
  }
  const totals = new Map<string, number>()
  const work: WorkBetweenKills = new Map()
  const until = performance.now() + Number(values.minutes) * 60_000
  let killCount = 0
  let rounds = 0
  let before: RoundResult | undefined
  const isOver = (): boolean => (killsWanted === undefined ? performance.now() >= until : killCount >= killsWanted)
  do {
    rounds++
    if (rounds > 1) verdict.say(`round ${rounds}, after ${killCount} kills`)
    const plan =
      killsWanted === undefined
        ? { until: Math.min(until, performance.now() + ROUND_MS_MAX), killCount: Number.POSITIVE_INFINITY }
        : { until: Number.POSITIVE_INFINITY, killCount: Math.min(ROUND_KILLS_MAX, killsWanted - killCount) }
    before = await soakRound(siege, rounds, plan, before)
    killCount += before.killCount
    for (const [what, count] of before.judgement.counts) totals.set(what, (totals.get(what) ?? 0) + count)
    addWork(work, before.judgement.work)
  } while (!isOver())
  verdict.say(`acknowledged between two kills`)
  for (const line of describeWork(work)) verdict.say(line)
  if (rounds > 1) {
    verdict.say(`all ${rounds} rounds together`)
    for (const [what, count] of totals) verdict.say(tabular(what, count))
  }
  if (verdict.failures.length > 0) console.log(`--- broker's log\n${broker.logTail(40)}\n---`)
}
