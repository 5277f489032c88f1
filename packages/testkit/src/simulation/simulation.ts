/**
 * One whole run: a broker on a disk that fails, clients on a network that cuts, everything from one seed. Answers the history, what the checker says of it,
 * and what went wrong that is no matter of history: a broker that does not come up, a partition that stays out of service, a client that crashed.
 */
import { type Random, seededRandom } from '@millrace/base'
import type { Finding } from '../history/anomaly.ts'
import { checkHistory } from '../history/checker.ts'
import { HISTORY_VERSION, type HistoryLine } from '../history/event.ts'
import { SYNCED_TRANSACTIONS_ARE_KEPT } from '../history/transaction-ends.ts'
import { CopyingMember } from './copying-member.ts'
import { FinalReader } from './final-reader.ts'
import { Nemesis } from './nemesis.ts'
import type { PlantedBug } from './planted-bug.ts'
import { SimulatedAdmin, type TopicPlan } from './simulated-admin.ts'
import { SimulatedMachine } from './simulated-broker.ts'
import type { ClientWorld, SimulatedTopic } from './simulated-client.ts'
import { GroupMember, type GroupPlan } from './simulated-member.ts'
import { SimulatedNetwork } from './simulated-network.ts'
import { IdempotentProducer, PlainProducer } from './simulated-producer.ts'
import { FollowingReader } from './simulated-reader.ts'
import { SimulatedTime } from './simulated-time.ts'
import { type TransactionalPlan, TransactionalProducer } from './simulated-transactional-producer.ts'

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
/** By then every transaction that is open has timed out, and its markers are written. */
const TRANSACTION_MS_MAX = 12_000
const ENDS_OF_PROCESS = ['kill', 'stop'] as const
const ENDS = [...ENDS_OF_PROCESS, 'powerCut'] as const
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
      log: line => this.#log.push(`${this.time.nowMs.toFixed(3)} ${line}`),
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
    const deaths = this.#hasTransactions && !this.#keepsTransactions ? ENDS_OF_PROCESS : ENDS
    await this.#nemesis.endAndStart(deaths[this.#random.integer(deaths.length)]!)
    await this.#look([...groupPlans(this.topics), copyPlan(this.topics)])
  }

  #clients(admin: SimulatedAdmin): { run(): Promise<void> }[] {
    const clients: { run(): Promise<void> }[] = [admin]
    for (let i = 0; i < 3; i++) clients.push(new IdempotentProducer(this, `i${i}`, this.#fork()))
    for (let i = 0; i < 2; i++) clients.push(new PlainProducer(this, `p${i}`, this.#fork()))
    clients.push(new FollowingReader('read_uncommitted', this, 'r0', this.#fork()))
    for (let i = 0; i < 2; i++) clients.push(new FollowingReader('read_committed', this, `c${i}`, this.#fork()))
    if (this.#hasTransactions) clients.push(...this.#transactionalClients())
    for (const plan of groupPlans(this.topics))
      for (let i = 0; i < 3; i++) clients.push(new GroupMember(plan, this, `${plan.groupId}-${i}`, this.#fork()))
    return clients
  }

  #transactionalClients(): { run(): Promise<void> }[] {
    // The first has its id to itself, the others lock each other out.
    const producers = ['alone', 'contested', 'contested'].map(
      (transactionalId, i) =>
        new TransactionalProducer(this.#transactional(transactionalId), this, `t${i}`, this.#fork()),
    )
    const members = ['copy-0', 'copy-1'].map((name, i) => {
      const producer = new TransactionalProducer(this.#transactional(name), this, `x${i}`, this.#fork())
      return new CopyingMember(producer, copyPlan(this.topics), this, name, this.#fork())
    })
    return [...producers, ...members]
  }

  get #hasTransactions(): boolean {
    return this.#keepsTransactions || !this.#nemesis.cutsPower
  }

  get #keepsTransactions(): boolean {
    return this.#catalogIsDurable || SYNCED_TRANSACTIONS_ARE_KEPT
  }

  /** Topics that stay: those that come and go are called by names that others may have. */
  #transactional(transactionalId: string): TransactionalPlan {
    const topics = this.topics.filter(({ name }) => TOPICS.some(plan => plan.name === name))
    return { transactionalId, topics: () => topics }
  }

  /** Everything there is, once all has come to rest. */
  async #look(plans: readonly GroupPlan[]): Promise<void> {
    const nowMs = this.time.nowMs
    const patience = { untilMs: nowMs + PATIENCE_MS, stableByMs: nowMs + TRANSACTION_MS_MAX }
    const reader = new FinalReader(patience, this, 'final', this.#fork())
    for (const topic of this.topics.filter(({ isGone }) => !isGone))
      for (let partition = 0; partition < topic.partitions; partition++)
        for (const isolation of ['read_committed', 'read_uncommitted'] as const) {
          const problem = await reader.readAll(topic, partition, isolation)
          if (problem !== undefined) this.#problems.push(problem)
        }
    for (const { groupId, topics } of plans) {
      const problem = await reader.readOffsets(groupId, topics())
      if (problem !== undefined) this.#problems.push(problem)
    }
    const problem = await reader.readTransactions()
    if (problem !== undefined) this.#problems.push(problem)
  }

  #fork(): Random {
    return seededRandom(this.#random.integer(2 ** 32))
  }
}

const someOf = (topics: readonly SimulatedTopic[], names: readonly string[]): SimulatedTopic[] =>
  topics.filter(({ name }) => names.includes(name))

function copyPlan(topics: readonly SimulatedTopic[]): GroupPlan {
  const copied = someOf(topics, ['written', 'synced'])
  return { groupId: 'copying', topics: () => copied }
}

function groupPlans(topics: readonly SimulatedTopic[]): GroupPlan[] {
  const named = (...names: string[]) => someOf(topics, names)
  const [careful, shrinking] = [named('written', 'synced', 'counted'), named('shrinking', 'synced')]
  return [
    { groupId: 'careful', topics: () => careful },
    { groupId: 'other', topics: () => shrinking },
  ]
}
