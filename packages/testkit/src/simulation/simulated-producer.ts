/**
 * Producers. An idempotent one sends up to five batches of a partition at once and repeats, in order and with the same sequences, whatever was not
 * acknowledged; when it must give up it begins anew with another id, under another name, and what it gave up stays in doubt. A plain one sends one batch at a
 * time and may repeat it; with acks 0 it hears nothing.
 */
import { BatchBuilder, errorName, InitProducerId, Produce } from '@millrace/protocol'
import { NoAnswer, SimulatedClient, type SimulatedTopic } from './simulated-client.ts'

const IN_FLIGHT_MAX = 5
const ATTEMPTS_MAX = 12
const PRODUCE_VERSION = 13

export interface Batch {
  readonly id: string
  readonly values: readonly string[]
  readonly sequence: number
  /** Some attempt may have been written. */
  inDoubt: boolean
  isSettled: boolean
}

export interface Target {
  readonly topic: SimulatedTopic
  readonly partition: number
}

export interface Identity {
  readonly producerId: number
  readonly epoch: number
}

export type Answer = { readonly error: string; readonly baseOffset: number }

/** After these it is known that this attempt wrote nothing. */
const REFUSALS: ReadonlySet<string> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'INVALID_PRODUCER_EPOCH',
  'NOT_LEADER_OR_FOLLOWER',
  'INVALID_TXN_STATE',
  'TRANSACTION_ABORTABLE',
  'CONCURRENT_TRANSACTIONS',
  'INVALID_PRODUCER_ID_MAPPING',
])

export interface Attempt {
  readonly acks: number
  readonly transactionalId?: string
  readonly version?: number
}

export abstract class SimulatedProducer extends SimulatedClient {
  #count = 0
  #batchCount = 0
  protected life = 0

  /** Under which it is known to the history. */
  protected get alias(): string {
    return `${this.name}.${this.life}`
  }

  protected target(): Target | undefined {
    const topics = this.world.topics.filter(topic => !topic.isGone)
    if (topics.length === 0) return undefined
    const topic = this.pick(topics)
    return { topic, partition: this.random.integer(topic.partitions) }
  }

  protected newBatch(
    { topic, partition }: Target,
    sequence: number,
    of: { idempotent: boolean; transaction?: string },
  ): Batch {
    const values = Array.from({ length: 1 + this.random.integer(4) }, () => `${this.name}-${this.#count++}`)
    const id = `${this.name}#${this.#batchCount++}`
    this.world.record({
      kind: 'send',
      client: this.alias,
      id,
      topic: topic.key,
      partition,
      values,
      ordered: of.idempotent,
      ...of,
    })
    return { id, values, sequence, inDoubt: false, isSettled: false }
  }

  protected bytesOf(batch: Batch, identity: Identity | undefined, isTransactional = false): Buffer {
    const builder = new BatchBuilder()
    const timestamp = Math.floor(this.world.time.nowMs + this.world.time.wallOffsetMs)
    for (const value of batch.values) builder.append({ timestamp, value: Buffer.from(value) })
    return builder.build(
      identity === undefined
        ? {}
        : {
            producerId: identity.producerId,
            producerEpoch: identity.epoch,
            baseSequence: batch.sequence,
            isTransactional,
          },
    )
  }

  protected async attempt({ topic, partition }: Target, records: Buffer, how: Attempt): Promise<Answer | undefined> {
    const { acks, transactionalId = null, version = PRODUCE_VERSION } = how
    const topicData = [
      { name: topic.name, topicId: topic.id, partitionData: [{ index: partition, records: [records] }] },
    ]
    const body = { transactionalId, acks, timeoutMs: 1_000, topicData }
    try {
      if (acks === 0) {
        await this.send(Produce, version, body)
        return undefined
      }
      const { responses } = await this.request(Produce, version, body)
      const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
      return { error: errorName(errorCode), baseOffset }
    } catch (error) {
      if (error instanceof NoAnswer) return undefined
      throw error
    }
  }

  protected settle(batch: Batch, answer: Answer | undefined): void {
    batch.isSettled = true
    const line = { kind: 'sent', client: this.alias, id: batch.id } as const
    if (answer?.error === 'NONE') this.world.record({ ...line, outcome: 'acked', baseOffset: answer.baseOffset })
    else
      this.world.record({
        ...line,
        outcome: batch.inDoubt ? 'unknown' : 'refused',
        error: answer?.error ?? 'no answer',
      })
  }

  /** Takes one answer in. True when the batch needs no other attempt. */
  protected take(batch: Batch, answer: Answer | undefined): boolean {
    if (answer?.error === 'NONE') this.settle(batch, answer)
    else if (answer === undefined || !REFUSALS.has(answer.error)) batch.inDoubt = true
    return batch.isSettled
  }
}

export class IdempotentProducer extends SimulatedProducer {
  #identity: Identity | undefined
  readonly #sequences = new Map<string, number>()

  async run(): Promise<void> {
    while (!this.world.isEnding) {
      const identity = this.#identity ?? (await this.#begin())
      const target = this.target()
      if (identity !== undefined && target !== undefined) await this.#round(identity, target)
      // Programs come and go.
      if (this.chance(20)) this.#identity = undefined
      await this.sleep(this.random.integer(60))
    }
  }

  async #begin(): Promise<Identity | undefined> {
    const began = this.world.time.nowMs
    try {
      const answer = await this.request(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 60_000 })
      if (answer.errorCode !== 0) return undefined
      this.life++
      this.#sequences.clear()
      this.#identity = { producerId: answer.producerId, epoch: answer.producerEpoch }
      this.world.record({ kind: 'producerId', client: this.alias, ...this.#identity, began })
      return this.#identity
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error
      return undefined
    }
  }

  async #round(identity: Identity, target: Target): Promise<void> {
    const key = `${target.topic.id}-${target.partition}`
    const batches: Batch[] = []
    for (let count = 1 + this.random.integer(IN_FLIGHT_MAX); count > 0; count--) {
      const sequence = this.#sequences.get(key) ?? 0
      const batch = this.newBatch(target, sequence, { idempotent: true })
      this.#sequences.set(key, sequence + batch.values.length)
      batches.push(batch)
    }
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const left = batches.filter(batch => !batch.isSettled)
      if (left.length === 0) return
      const isHopeless = await this.#attemptAll(identity, target, left)
      if (isHopeless || target.topic.isGone) break
      if (left.some(batch => !batch.isSettled)) await this.sleep(20 + this.random.integer(400))
    }
    const given = batches.filter(batch => !batch.isSettled)
    for (const batch of given) this.settle(batch, undefined)
    if (given.length > 0) this.#identity = undefined
  }

  /** All at once and in order. True when there is no use in repeating: the sequence is lost. */
  async #attemptAll(identity: Identity, target: Target, batches: readonly Batch[]): Promise<boolean> {
    const answers = await Promise.all(
      batches.map(batch => this.attempt(target, this.bytesOf(batch, identity), { acks: this.chance(500) ? -1 : 1 })),
    )
    for (const [i, batch] of batches.entries()) this.take(batch, answers[i])
    return answers[0]?.error === 'OUT_OF_ORDER_SEQUENCE_NUMBER' || answers[0]?.error === 'INVALID_PRODUCER_EPOCH'
  }
}

export class PlainProducer extends SimulatedProducer {
  async run(): Promise<void> {
    while (!this.world.isEnding) {
      const target = this.target()
      if (target !== undefined) await this.#one(target)
      await this.sleep(this.random.integer(80))
    }
  }

  async #one(target: Target): Promise<void> {
    const batch = this.newBatch(target, -1, { idempotent: false })
    const acks = this.pick([0, 1, -1])
    for (let attempt = 0; attempt < 1 + this.random.integer(4); attempt++) {
      const answer = await this.attempt(target, this.bytesOf(batch, undefined), { acks })
      if (this.take(batch, answer) || acks === 0 || target.topic.isGone) break
      await this.sleep(20 + this.random.integer(300))
    }
    if (!batch.isSettled) this.settle(batch, undefined)
  }
}
