/**
 * One whole run: a broker on a disk that fails, clients on a network that cuts, everything from one seed. Answers the history, what the checker says of it,
 * and what went wrong that is no matter of history: a broker that does not come up, a partition that stays out of service, a client that crashed.
 */
import { type Random, seededRandom } from '@millrace/base'
import { errorName, OffsetFetch } from '@millrace/protocol'
import type { Finding } from '../history/anomaly.ts'
import { checkHistory } from '../history/checker.ts'
import { HISTORY_VERSION, type HistoryLine, type PartitionOffset, type SeenRecord } from '../history/event.ts'
import { Nemesis } from './nemesis.ts'
import type { PlantedBug } from './planted-bug.ts'
import { SimulatedAdmin, type TopicPlan } from './simulated-admin.ts'
import { SimulatedMachine } from './simulated-broker.ts'
import { type ClientWorld, NoAnswer, type SimulatedTopic } from './simulated-client.ts'
import { GroupMember, type GroupPlan } from './simulated-member.ts'
import { SimulatedNetwork } from './simulated-network.ts'
import { IdempotentProducer, PlainProducer } from './simulated-producer.ts'
import { FollowingReader, SimulatedReader } from './simulated-reader.ts'
import { SimulatedTime } from './simulated-time.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly bug?: PlantedBug | undefined
  /** How long clients work, in simulated time. */
  readonly lengthMs?: number
}

export interface SimulationResult {
  readonly seed: number
  readonly history: readonly HistoryLine[]
  readonly findings: readonly Finding[]
  readonly problems: readonly string[]
  /** What the broker logged, and when. */
  readonly log: readonly string[]
  readonly operationCount: number
  readonly eventCount: number
  readonly startCount: number
}

const LENGTH_MS = 12_000
const PATIENCE_MS = 60_000
const TOPICS: readonly TopicPlan[] = [
  { name: 'written', partitions: 2, flushMessages: null, shrinks: false },
  { name: 'synced', partitions: 2, flushMessages: 1, shrinks: false },
  { name: 'counted', partitions: 1, flushMessages: 4, shrinks: false },
  { name: 'shrinking', partitions: 1, flushMessages: 1, shrinks: true },
  { name: 'shrinking-written', partitions: 1, flushMessages: null, shrinks: true },
]

export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const simulation = new Simulation(options)
  return simulation.run()
}

class Simulation implements ClientWorld {
  readonly time = new SimulatedTime()
  readonly network: SimulatedNetwork
  readonly topics: SimulatedTopic[] = []
  isEnding = false
  readonly #seed: number
  readonly #random: Random
  readonly #lengthMs: number
  readonly #machine: SimulatedMachine
  readonly #nemesis: Nemesis
  readonly #history: HistoryLine[] = []
  readonly #log: string[] = []
  readonly #problems: string[] = []
  readonly #catalogIsDurable: boolean
  #operationCount = 0

  constructor({ seed, bug, lengthMs = LENGTH_MS }: SimulationOptions) {
    this.#seed = seed
    this.#lengthMs = lengthMs
    const random = seededRandom(seed)
    this.#random = random
    this.network = new SimulatedNetwork(this.time, this.#fork())
    this.#catalogIsDurable = bug?.needs === 'durable catalog' || random.integer(2) === 0
    this.#machine = new SimulatedMachine({
      time: this.time,
      network: this.network,
      random: this.#fork(),
      catalogIsDurable: this.#catalogIsDurable,
      bug,
      log: line => (process.env.SIMDBG ? console.error(line) : this.#log.push(`${this.time.nowMs.toFixed(3)} ${line}`)),
    })
    this.#nemesis = new Nemesis(this, this.#machine, this.#fork(), bug?.mischief)
  }

  record(line: Parameters<ClientWorld['record']>[0]): void {
    this.#history.push({ ...line, at: this.time.nowMs } as HistoryLine)
  }

  countOperation(): void {
    this.#operationCount++
  }

  async run(): Promise<SimulationResult> {
    let isOver = false
    let failure: unknown
    const story = this.#story()
      .catch((error: unknown) => {
        failure = error
      })
      .finally(() => {
        isOver = true
      })
    await this.time.run(() => isOver)
    if (!isOver) this.#problems.push('nothing was left to happen, and the run was not over')
    else await story
    if (failure !== undefined) throw failure
    return {
      seed: this.#seed,
      history: this.#history,
      findings: checkHistory(this.#history),
      problems: this.#problems,
      log: this.#log,
      operationCount: this.#operationCount,
      eventCount: this.time.eventCount,
      startCount: this.#machine.startCount,
    }
  }

  async #story(): Promise<void> {
    const about = `simulation, seed ${this.#seed}`
    this.record({ kind: 'run', version: HISTORY_VERSION, about, catalogIsDurable: this.#catalogIsDurable })
    this.#nemesis.start()
    const admin = new SimulatedAdmin(this, 'admin', this.#fork())
    for (const plan of TOPICS) await admin.createForSure(plan)
    const working = this.#clients(admin).map((client, i) =>
      client.run().catch((error: unknown) => {
        this.#problems.push(`client ${i} crashed: ${error instanceof Error ? error.stack : String(error)}`)
      }),
    )
    const mischief = this.#nemesis.run()
    await this.time.sleep(this.#lengthMs)
    this.isEnding = true
    await mischief
    this.#nemesis.heal()
    this.#nemesis.start()
    const atRest = Promise.all(working).then(() => true)
    if (!(await Promise.race([atRest, this.time.sleep(PATIENCE_MS).then(() => false)])))
      this.#problems.push('clients did not come to their end')
    await this.#nemesis.endAndStart((['kill', 'powerCut', 'stop'] as const)[this.#random.integer(3)]!)
    await this.#look(groupPlans(this.topics))
  }

  #clients(admin: SimulatedAdmin): { run(): Promise<void> }[] {
    const clients: { run(): Promise<void> }[] = [admin]
    for (let i = 0; i < 3; i++) clients.push(new IdempotentProducer(this, `i${i}`, this.#fork()))
    for (let i = 0; i < 2; i++) clients.push(new PlainProducer(this, `p${i}`, this.#fork()))
    for (let i = 0; i < 2; i++) clients.push(new FollowingReader(this, `r${i}`, this.#fork()))
    for (const plan of groupPlans(this.topics))
      for (let i = 0; i < 3; i++) clients.push(new GroupMember(plan, this, `${plan.groupId}-${i}`, this.#fork()))
    return clients
  }

  /** Everything there is, once all has come to rest. */
  async #look(plans: readonly GroupPlan[]): Promise<void> {
    const reader = new FinalReader(this, 'final', this.#fork())
    const untilMs = this.time.nowMs + PATIENCE_MS
    for (const topic of this.topics.filter(({ isGone }) => !isGone))
      for (let partition = 0; partition < topic.partitions; partition++) {
        const problem = await reader.readAll(topic, partition, untilMs)
        if (problem !== undefined) this.#problems.push(problem)
      }
    for (const { groupId, topics } of plans) {
      const problem = await reader.readOffsets(groupId, topics(), untilMs)
      if (problem !== undefined) this.#problems.push(problem)
    }
  }

  #fork(): Random {
    return seededRandom(this.#random.integer(2 ** 32))
  }
}

function groupPlans(topics: readonly SimulatedTopic[]): GroupPlan[] {
  const named = (...names: string[]) => topics.filter(({ name }) => names.includes(name))
  const [careful, shrinking] = [named('written', 'synced', 'counted'), named('shrinking', 'synced')]
  return [
    { groupId: 'careful', topics: () => careful },
    { groupId: 'other', topics: () => shrinking },
  ]
}

class FinalReader extends SimulatedReader {
  /** By now nothing comes and goes, and a log that should not have shrunk may have. */
  protected override earliest(topic: SimulatedTopic, partition: number): Promise<number> {
    return super.earliest({ ...topic, shrinks: true }, partition)
  }

  async readAll(topic: SimulatedTopic, partition: number, untilMs: number): Promise<string | undefined> {
    const records: SeenRecord[] = []
    let position = 0
    let last = 'no answer'
    while (this.world.time.nowMs < untilMs) {
      try {
        const fetched = await this.fetch({ topic, partition, position, isolation: 'read_uncommitted' })
        last = fetched.error
        const { logStart, highWatermark } = fetched
        if (fetched.error === 'OFFSET_OUT_OF_RANGE') {
          position = await this.earliest(topic, partition)
          records.length = 0
        } else if (fetched.error !== 'NONE') await this.sleep(200)
        else if (position >= highWatermark) {
          const isolation = 'read_uncommitted'
          this.world.record({ kind: 'final', topic: topic.key, partition, isolation, logStart, highWatermark, records })
          return undefined
        } else {
          records.push(...fetched.records)
          if (fetched.next === position)
            return `${topic.key}-${partition} has nothing to read at ${position} of ${highWatermark}`
          position = fetched.next
        }
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error
        await this.sleep(100)
      }
    }
    return `${topic.key}-${partition} cannot be read at the end: ${last}`
  }

  async readOffsets(groupId: string, topics: readonly SimulatedTopic[], untilMs: number): Promise<string | undefined> {
    while (this.world.time.nowMs < untilMs) {
      try {
        const asked = topics.map(({ id, partitions }) => ({
          topicId: id,
          partitionIndexes: [...Array(partitions).keys()],
        }))
        const { groups } = await this.request(OffsetFetch, 10, { groups: [{ groupId, topics: asked }] })
        const answer = groups[0]!
        if (errorName(answer.errorCode) === 'NONE') {
          const offsets = answer.topics.flatMap(({ topicId, partitions }) =>
            partitions.map(({ partitionIndex, committedOffset }): PartitionOffset => {
              const { key } = topics.find(({ id }) => id === topicId)!
              return [key, partitionIndex, committedOffset]
            }),
          )
          this.world.record({ kind: 'finalOffsets', group: groupId, offsets })
          return undefined
        }
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error
      }
      await this.sleep(100)
    }
    return `the offsets of ${groupId} cannot be read at the end`
  }
}
