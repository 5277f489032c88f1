// Apache Kafka and Millrace are asked the same about transactions, at random, and must answer the same.
//   node transaction-answers.ts [--runs 50] [--seed N] [--transaction-version 2] [--exhausted]
// Each run is one transactional id and some dozens of requests of both protocol generations, many of them wrong: of producers that were replaced, with
// epochs off by one, repeated, out of turn. After each the brokers are left to write their markers, and their states compared as well.
// --exhausted brings each id close to its last epoch first, which takes some seconds a run.
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Random, seededRandom } from '@millrace/base'
import {
  AddOffsetsToTxn,
  AddPartitionsToTxn,
  CreateTopics,
  DescribeTransactions,
  EndTxn,
  errorName,
  FindCoordinator,
  InitProducerId,
  UpdateFeatures,
} from '@millrace/protocol'
import { WireClient } from '@millrace/testkit'
import { freshFolder, installKafka, KINDS, removeFolder, startBroker } from './broker.ts'

const TOPIC = 'transaction-answers'
const STEPS = 40
const LAST_EPOCH = 32_766
const SETTLE_TRIES = 400
/** Ours are stricter or kinder here, on purpose: the coordinator's SPEC.md says why. What follows in such a run cannot be compared. */
const WANTED_DIFFERENCES = new Set([
  'init CONCURRENT_TRANSACTIONS PRODUCER_FENCED',
  'init UNKNOWN_SERVER_ERROR PRODUCER_FENCED',
  'init UNKNOWN_SERVER_ERROR NONE',
  'end INVALID_TXN_STATE PRODUCER_FENCED',
  'end NONE PRODUCER_FENCED',
])

interface Identity {
  /** The producer id on each side, Apache Kafka first. */
  readonly producerIds: readonly number[]
  readonly epoch: number
}

type Step =
  | { readonly kind: 'init'; readonly expected: Identity | undefined; readonly timeoutMs: number }
  | { readonly kind: 'add'; readonly by: Identity; readonly partitions: readonly number[]; readonly isV2: boolean }
  | { readonly kind: 'verify'; readonly by: Identity }
  | { readonly kind: 'offsets'; readonly by: Identity }
  | { readonly kind: 'end'; readonly by: Identity; readonly committed: boolean; readonly isV2: boolean }

interface Answer {
  readonly error: string
  readonly producerId?: number
  readonly epoch?: number
}

/** One broker, and one transactional id on it. */
class Side {
  readonly #client: WireClient
  readonly #index: number
  transactionalId = ''

  constructor(client: WireClient, index: number) {
    this.#client = client
    this.#index = index
  }

  async prepare(transactionVersion: number): Promise<void> {
    const topics = [{ name: TOPIC, numPartitions: 3, replicationFactor: 1 }]
    await this.#client.request(CreateTopics, 7, { topics, timeoutMs: 10_000 })
    for (const upgradeType of [1, 2]) {
      const featureUpdates = [{ feature: 'transaction.version', maxVersionLevel: transactionVersion, upgradeType }]
      await this.#client.request(UpdateFeatures, 2, { timeoutMs: 10_000, featureUpdates })
    }
    this.transactionalId = 'first'
    // Apache Kafka makes the topic of transactions when someone looks for their coordinator.
    await this.#client.request(FindCoordinator, 4, { keyType: 1, coordinatorKeys: [this.transactionalId] })
    for (let i = 0; i < SETTLE_TRIES; i++) {
      const { error } = await this.ask({ kind: 'init', expected: undefined, timeoutMs: 60_000 })
      if (error === 'NONE') return
      await sleep(50)
    }
    throw new Error('no coordinator of transactions')
  }

  async ask(step: Step): Promise<Answer> {
    const { transactionalId } = this
    switch (step.kind) {
      case 'init': {
        const producerId = step.expected?.producerIds[this.#index] ?? -1
        const producerEpoch = step.expected?.epoch ?? -1
        const body = { transactionalId, transactionTimeoutMs: step.timeoutMs, producerId, producerEpoch }
        return identified(await this.#client.request(InitProducerId, 5, body))
      }
      case 'add':
        return { error: await (step.isV2 ? this.#addMany(step.by, step.partitions, false) : this.#add(step)) }
      case 'verify':
        return { error: await this.#addMany(step.by, [0, 1], true) }
      case 'offsets': {
        const body = { transactionalId, ...this.#producer(step.by), groupId: 'group' }
        return { error: errorName((await this.#client.request(AddOffsetsToTxn, 4, body)).errorCode) }
      }
      case 'end': {
        const body = { transactionalId, ...this.#producer(step.by), committed: step.committed }
        const answer = identified(await this.#client.request(EndTxn, step.isV2 ? 5 : 4, body))
        return step.isV2 ? answer : { error: answer.error }
      }
      default:
        return step satisfies never
    }
  }

  async #add({ by, partitions }: Step & { readonly kind: 'add' }): Promise<string> {
    const { producerId, producerEpoch } = this.#producer(by)
    const response = await this.#client.request(AddPartitionsToTxn, 3, {
      v3AndBelowTransactionalId: this.transactionalId,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name: TOPIC, partitions }],
    })
    return errorsOf(response.resultsByTopicV3AndBelow.flatMap(topic => topic.resultsByPartition))
  }

  async #addMany(by: Identity, partitions: readonly number[], verifyOnly: boolean): Promise<string> {
    const topics = [{ name: TOPIC, partitions }]
    const transaction = { transactionalId: this.transactionalId, ...this.#producer(by), verifyOnly, topics }
    const response = await this.#client.request(AddPartitionsToTxn, 5, { transactions: [transaction] })
    return errorsOf(response.resultsByTransaction.flatMap(t => t.topicResults).flatMap(t => t.resultsByPartition))
  }

  #producer(by: Identity): { readonly producerId: number; readonly producerEpoch: number } {
    return { producerId: by.producerIds[this.#index]!, producerEpoch: by.epoch }
  }

  /** The id's state when no marker is missing. */
  async settle(): Promise<string> {
    for (let i = 0; i < SETTLE_TRIES; i++) {
      const response = await this.#client.request(DescribeTransactions, 0, { transactionalIds: [this.transactionalId] })
      const { transactionState, producerEpoch, topics, errorCode } = response.transactionStates[0]!
      const partitions = topics.flatMap(topic => (topic.topic === TOPIC ? topic.partitions : [])).sort()
      if (!transactionState.startsWith('Prepare'))
        return `${errorName(errorCode)} ${transactionState} ${producerEpoch} ${partitions}`
      await sleep(5)
    }
    throw new Error(`the markers of ${this.transactionalId} do not come`)
  }
}

interface Identified {
  readonly errorCode: number
  readonly producerId: number
  readonly producerEpoch: number
}

function identified({ errorCode, producerId, producerEpoch }: Identified): Answer {
  return errorCode === 0 ? { error: 'NONE', producerId, epoch: producerEpoch } : { error: errorName(errorCode) }
}

function errorsOf(
  results: readonly { readonly partitionIndex: number; readonly partitionErrorCode: number }[],
): string {
  return results
    .map(({ partitionIndex, partitionErrorCode }) => `${partitionIndex}:${errorName(partitionErrorCode)}`)
    .sort()
    .join()
}

class Run {
  readonly log: string[] = []
  readonly #sides: readonly Side[]
  readonly #random: Random
  readonly #known: Identity[] = []
  readonly #nobody: Identity = { producerIds: KINDS.map(() => 9_999_999), epoch: 0 }

  constructor(sides: readonly Side[], random: Random, transactionalId: string) {
    this.#sides = sides
    this.#random = random
    for (const side of sides) side.transactionalId = transactionalId
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.integer(from.length)]!
  }

  /** The epoch goes up until few are left. */
  async exhaust(): Promise<void> {
    const goal = LAST_EPOCH - 2 + this.#random.integer(3)
    const ends = await Promise.all(
      this.#sides.map(async side => {
        for (;;) {
          const answer = await side.ask({ kind: 'init', expected: undefined, timeoutMs: 60_000 })
          if (answer.error !== 'NONE') throw new Error(`no new epoch: ${answer.error}`)
          if (answer.epoch === goal) return answer
        }
      }),
    )
    this.#known.push({ producerIds: ends.map(({ producerId }) => producerId!), epoch: goal })
  }

  /** False when the run is over: it has found a wanted difference. Throws at any other. */
  async step(): Promise<boolean> {
    const step = this.#next()
    const answers = await Promise.all(this.#sides.map(side => side.ask(step)))
    const states = await Promise.all(this.#sides.map(side => side.settle()))
    const [a, b] = answers as [Answer, Answer]
    this.log.push(`${JSON.stringify(step)} ${JSON.stringify(a)} ${JSON.stringify(b)} ${states.join(' | ')}`)
    if (WANTED_DIFFERENCES.has(`${step.kind} ${a.error} ${b.error}`)) return false
    const isSame = a.error === b.error && a.epoch === b.epoch && states[0] === states[1] && this.#isSameProducer(a, b)
    if (!isSame) throw new Error(`the answers differ:\n${this.log.slice(-8).join('\n')}`)
    if (a.producerId !== undefined && this.#random.integer(4) > 0)
      this.#known.push({ producerIds: [a.producerId, b.producerId!], epoch: a.epoch! })
    return true
  }

  /** Numbers differ between brokers; that two answers name one producer does not. */
  #isSameProducer(a: Answer, b: Answer): boolean {
    return this.#known.every(
      ({ producerIds }) => (producerIds[0] === a.producerId) === (producerIds[1] === b.producerId),
    )
  }

  #next(): Step {
    const by = this.#someone()
    const isV2 = this.#random.integer(2) === 0
    const roll = this.#random.integer(10)
    if (roll < 2) {
      const expected = this.#known.length > 0 && this.#random.integer(3) > 0 ? by : undefined
      return { kind: 'init', expected, timeoutMs: this.#random.integer(20) > 0 ? 60_000 : this.#pick([0, 900_001]) }
    }
    if (roll < 5) return { kind: 'add', by, partitions: this.#pick([[0], [1], [0, 1], [2]]), isV2 }
    if (roll < 6) return { kind: 'verify', by }
    if (roll < 7) return { kind: 'offsets', by }
    return { kind: 'end', by, committed: this.#random.integer(2) === 0, isV2 }
  }

  /** Mostly the present producer. */
  #someone(): Identity {
    const latest = this.#known.at(-1)
    if (latest === undefined || this.#random.integer(12) === 0) return this.#nobody
    const one = this.#random.integer(4) > 0 ? latest : this.#pick(this.#known)
    const epoch = this.#random.integer(12) > 0 ? one.epoch : Math.max(0, one.epoch + this.#random.integer(3) - 1)
    return { ...one, epoch }
  }
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    'transaction-version': { type: 'string', default: '2' },
    exhausted: { type: 'boolean', default: false },
  },
})

await installKafka()
const folders = KINDS.map(kind => freshFolder(kind))
const brokers = await Promise.all(KINDS.map((kind, i) => startBroker(kind, folders[i]!)))
try {
  const byKafkaFirst = KINDS.map((kind, i) => ({ kind, port: brokers[i]!.port })).sort(({ kind }) =>
    kind === 'kafka' ? -1 : 1,
  )
  const clients = await Promise.all(byKafkaFirst.map(({ port }) => WireClient.connect({ port })))
  const sides = clients.map((client, i) => new Side(client, i))
  for (const side of sides) await side.prepare(Number(values['transaction-version']))
  let stepCount = 0
  for (let i = 0; i < Number(values.runs); i++) {
    const seed = Number(values.seed) * 1_000 + i
    const run = new Run(sides, seededRandom(seed), `id-${seed}`)
    if (values.exhausted) await run.exhaust()
    for (let s = 0; s < STEPS && (await run.step()); s++) stepCount++
  }
  for (const client of clients) await client.close()
  console.log(`${values.runs} runs from seed ${values.seed}: ${stepCount} requests, the same answers`)
} finally {
  for (const broker of brokers) await broker.stop()
  for (const folder of folders) removeFolder(folder)
}
