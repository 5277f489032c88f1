/**
 * A transactional producer of either generation: begins, writes to some partitions, perhaps commits offsets of a group, and commits, aborts or falls silent.
 * Several may have one transactional id, and then each that begins locks the one before out.
 *
 *     InitProducerId ─► (classic: AddPartitionsToTxn) Produce … (classic: AddOffsetsToTxn) TxnOffsetCommit ─► EndTxn
 *          ▲                                                                                                    │
 *          └──── locked out, in doubt, or told to: another life under another name ◄────────────────────────────┘
 */
import {
  AddOffsetsToTxn,
  AddPartitionsToTxn,
  EndTxn,
  errorName,
  InitProducerId,
  TxnOffsetCommit,
} from '@millrace/protocol'
import type { PartitionOffset } from '../history/event.ts'
import { NoAnswer, type SimulatedTopic } from './simulated-client.ts'
import { type Identity, SimulatedProducer, type Target } from './simulated-producer.ts'

/** Versions of the calls that a client of each generation uses. */
const GENERATIONS = {
  classic: { init: 4, produce: 11, commit: 4, end: 4 },
  epochs: { init: 5, produce: 13, commit: 5, end: 5 },
} as const
type Generation = keyof typeof GENERATIONS

const ATTEMPTS_MAX = 10
const SENDS_MAX = 4

/** Whatever may pass. Everything else ends the transaction. */
const TEMPORARY: ReadonlySet<string> = new Set([
  'no answer',
  'CONCURRENT_TRANSACTIONS',
  'COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'NOT_COORDINATOR',
  'NOT_LEADER_OR_FOLLOWER',
  'NOT_ENOUGH_REPLICAS',
  'KAFKA_STORAGE_ERROR',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
])

/** After these it is known that this request ended nothing. */
const NOT_ENDED: ReadonlySet<string> = new Set([
  'CONCURRENT_TRANSACTIONS',
  'NOT_COORDINATOR',
  'COORDINATOR_LOAD_IN_PROGRESS',
])

export interface TransactionalPlan {
  readonly transactionalId: string
  readonly topics: () => readonly SimulatedTopic[]
}

/** Of a member that consumes, transforms and produces. */
export interface OffsetsToSend {
  readonly group: string
  readonly generation: number
  readonly member: string
  readonly offsets: readonly { readonly topic: SimulatedTopic; readonly partition: number; readonly position: number }[]
}

export type TransactionEnd = 'committed' | 'aborted' | 'unknown'

export class TransactionalProducer extends SimulatedProducer {
  readonly #plan: TransactionalPlan
  readonly #generation: Generation
  readonly #sequences = new Map<string, number>()
  readonly #timeoutMs: number
  #identity: Identity | undefined
  #transactionCount = 0
  /** Classic: what has been added to the open transaction. */
  #added = new Set<string>()
  /** Something of the transaction was asked for and not answered: it may still arrive. */
  #isLate = false

  constructor(plan: TransactionalPlan, ...client: ConstructorParameters<typeof SimulatedProducer>) {
    super(...client)
    this.#plan = plan
    this.#generation = this.chance(500) ? 'classic' : 'epochs'
    this.#timeoutMs = 1_000 + this.random.integer(4_000)
  }

  async run(): Promise<void> {
    while (!this.world.isEnding) {
      await this.transact()
      // Programs come and go, and some do not come back before their time is up.
      if (this.chance(60)) this.#identity = undefined
      await this.sleep(this.chance(30) ? this.random.integer(5_000) : this.random.integer(120))
    }
  }

  /** One transaction, if one can be begun at all. */
  async transact(offsets?: OffsetsToSend): Promise<TransactionEnd> {
    const identity = this.#identity ?? (await this.#begin())
    if (identity === undefined) return 'aborted'
    const transaction = `${this.alias}-tx-${this.#transactionCount++}`
    this.#added = new Set()
    this.#isLate = false
    this.world.record({ kind: 'begin', client: this.alias, transaction })
    let isGood = true
    for (let count = 1 + this.random.integer(SENDS_MAX); count > 0 && isGood; count--)
      isGood = await this.#send(identity, transaction)
    if (offsets !== undefined && isGood) isGood = await this.#sendOffsets(identity, transaction, offsets)
    if (this.chance(50)) {
      this.#identity = undefined
      return 'aborted'
    }
    const end = await this.#end(identity, transaction, isGood && (offsets !== undefined || this.chance(800)))
    // What arrives late of a classic transaction is taken for the next one's, its end too (KIP-890), here as in Kafka: only another epoch tells them apart.
    if (end === 'unknown' || (this.#generation === 'classic' && (this.#isLate || !isGood))) this.#identity = undefined
    return end
  }

  protected override target(): Target | undefined {
    const topics = this.#plan.topics().filter(topic => !topic.isGone)
    if (topics.length === 0) return undefined
    const topic = this.pick(topics)
    return { topic, partition: this.random.integer(topic.partitions) }
  }

  async #begin(): Promise<Identity | undefined> {
    const { transactionalId } = this.#plan
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const error = await this.#unlessSilent(async () => {
        const asked = { transactionalId, transactionTimeoutMs: this.#timeoutMs }
        const began = this.world.time.nowMs
        const { errorCode, producerId, producerEpoch } = await this.request(InitProducerId, this.#version.init, asked)
        if (errorCode !== 0) return errorName(errorCode)
        this.life++
        this.#become({ producerId, epoch: producerEpoch }, began)
        return 'NONE'
      })
      if (error === 'NONE') return this.#identity
      await this.sleep(30 + this.random.integer(200))
    }
    return undefined
  }

  #become(identity: Identity, began: number): void {
    const known = this.#identity
    if (known?.producerId === identity.producerId && known.epoch === identity.epoch) return
    this.#sequences.clear()
    this.#identity = identity
    const { transactionalId } = this.#plan
    this.world.record({ kind: 'producerId', client: this.alias, ...identity, transactionalId, began })
  }

  /** False when the transaction cannot be committed any more. */
  async #send(identity: Identity, transaction: string): Promise<boolean> {
    const target = this.target()
    if (target === undefined) return false
    const key = `${target.topic.id}-${target.partition}`
    if (this.#generation === 'classic' && !this.#added.has(key) && !(await this.#add(identity, target))) return false
    this.#added.add(key)
    const sequence = this.#sequences.get(key) ?? 0
    const batch = this.newBatch(target, sequence, { idempotent: true, transaction })
    const records = (): Buffer => this.bytesOf(batch, identity, true)
    const how = { acks: -1, transactionalId: this.#plan.transactionalId, version: this.#version.produce }
    let last = await this.attempt(target, records(), how)
    for (let attempt = 1; attempt < ATTEMPTS_MAX && !this.take(batch, last); attempt++) {
      if (!TEMPORARY.has(last?.error ?? 'no answer') || target.topic.isGone) break
      await this.sleep(20 + this.random.integer(200))
      last = await this.attempt(target, records(), how)
    }
    if (!batch.isSettled && !this.take(batch, last)) this.settle(batch, last)
    this.#sequences.set(key, sequence + batch.values.length)
    this.#isLate ||= batch.inDoubt
    return last?.error === 'NONE'
  }

  #add(identity: Identity, { topic, partition }: Target): Promise<boolean> {
    return this.#insist(async () => {
      const answer = await this.request(AddPartitionsToTxn, 3, {
        v3AndBelowTransactionalId: this.#plan.transactionalId,
        v3AndBelowProducerId: identity.producerId,
        v3AndBelowProducerEpoch: identity.epoch,
        v3AndBelowTopics: [{ name: topic.name, partitions: [partition] }],
      })
      return errorName(answer.resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode)
    })
  }

  async #sendOffsets(identity: Identity, transaction: string, sent: OffsetsToSend): Promise<boolean> {
    const { group, generation, member, offsets } = sent
    const producer = {
      transactionalId: this.#plan.transactionalId,
      producerId: identity.producerId,
      producerEpoch: identity.epoch,
      groupId: group,
    }
    const addOffsets = async (): Promise<string> =>
      errorName((await this.request(AddOffsetsToTxn, 3, producer)).errorCode)
    if (this.#generation === 'classic' && !(await this.#insist(addOffsets))) return false
    const id = `${transaction}-commit`
    this.world.record({
      kind: 'commit',
      client: this.alias,
      id,
      group,
      generation,
      member,
      offsets: offsets.map(({ topic, partition, position }): PartitionOffset => [topic.key, partition, position]),
      transaction,
    })
    const topics = [...Map.groupBy(offsets, ({ topic }) => topic.name)].map(([name, of]) => ({
      name,
      partitions: of.map(({ partition, position }) => ({
        partitionIndex: partition,
        committedOffset: position,
        committedMetadata: null,
      })),
    }))
    const isTaken = await this.#insist(async () => {
      const body = { ...producer, generationIdOrMemberEpoch: generation, memberId: member, topics }
      const answer = await this.request(TxnOffsetCommit, this.#version.commit, body)
      const errors = answer.topics.flatMap(topic => topic.partitions.map(({ errorCode }) => errorName(errorCode)))
      return errors.find(error => error !== 'NONE') ?? 'NONE'
    })
    this.world.record({ kind: 'committed', client: this.alias, id, outcome: isTaken ? 'acked' : 'unknown' })
    return isTaken
  }

  async #end(identity: Identity, transaction: string, commit: boolean): Promise<TransactionEnd> {
    this.world.record({ kind: 'end', client: this.alias, transaction, commit })
    const { transactionalId } = this.#plan
    const asked = { transactionalId, producerId: identity.producerId, producerEpoch: identity.epoch, committed: commit }
    let inDoubt = false
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const error = await this.#unlessSilent(async () => {
        const began = this.world.time.nowMs
        const answer = await this.request(EndTxn, this.#version.end, asked)
        if (answer.errorCode === 0 && this.#version.end >= 5)
          this.#become({ producerId: answer.producerId, epoch: answer.producerEpoch }, began)
        return errorName(answer.errorCode)
      })
      if (error === 'NONE') {
        this.world.record({ kind: 'ended', client: this.alias, transaction, outcome: 'acked' })
        return commit ? 'committed' : 'aborted'
      }
      if (!TEMPORARY.has(error)) {
        this.#identity = undefined
        const outcome = inDoubt ? 'unknown' : 'refused'
        this.world.record({ kind: 'ended', client: this.alias, transaction, outcome })
        return inDoubt && commit ? 'unknown' : 'aborted'
      }
      inDoubt ||= !NOT_ENDED.has(error)
      await this.sleep(30 + this.random.integer(200))
    }
    this.world.record({ kind: 'ended', client: this.alias, transaction, outcome: 'unknown' })
    return 'unknown'
  }

  /** Again and again, until it is done or hopeless. */
  async #insist(ask: () => Promise<string>): Promise<boolean> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const error = await this.#unlessSilent(ask)
      if (error === 'NONE') return true
      if (!TEMPORARY.has(error)) return false
      await this.sleep(20 + this.random.integer(200))
    }
    return false
  }

  async #unlessSilent(ask: () => Promise<string>): Promise<string> {
    try {
      return await ask()
    } catch (error) {
      if (error instanceof NoAnswer) {
        this.#isLate = true
        return 'no answer'
      }
      throw error
    }
  }

  get #version(): (typeof GENERATIONS)[Generation] {
    return GENERATIONS[this.#generation]
  }
}
