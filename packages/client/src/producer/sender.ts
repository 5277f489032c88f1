/**
 * Brings batches to the leaders of their partitions. All of it happens in `#pump`, which runs once for all that changed in a turn of the event loop: it
 * expires what is too old, gathers one batch of each ready partition into a request per broker, and sets one timer for what becomes ready later.
 */
import type { Logger } from '@millrace/base'
import { type CompressionCodec, Produce, type ProduceResponse, ZERO_UUID } from '@millrace/protocol'
import type { Cluster } from '../cluster/cluster.ts'
import { Complaint } from '../cluster/complaint.ts'
import { Refresher } from '../cluster/refresher.ts'
import { backoffMs } from '../cluster/retry.ts'
import { KafkaError, wireError } from '../errors.ts'
import type { Accumulator } from './accumulator.ts'
import { IdentitySource } from './identity-source.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { ProducerBatch } from './producer-batch.ts'
import type { TransactionSession } from './transaction-session.ts'
import { deliveryTimedOut, verdictOn } from './verdict.ts'

export interface SenderOptions {
  readonly acks: -1 | 0 | 1
  readonly codec: CompressionCodec
  readonly compressionLevel: number | undefined
  readonly lingerMs: number
  readonly batchBytes: number
  readonly requestBytesMax: number
  readonly deliveryTimeoutMs: number
  readonly inFlightMax: number
}

interface Shipment {
  readonly queue: PartitionQueue
  readonly batch: ProducerBatch
}

type PartitionAnswer = ProduceResponse['responses'][number]['partitionResponses'][number]

/** Topic ids replaced names in version 13 (KIP-516); without an id for each topic the request stays below. */
const VERSION_WITH_NAMES = 12
/** From version 12 on a write adds its partition to the transaction (KIP-890). */
const CLASSIC_TRANSACTION_MAX = 11

export class Sender {
  readonly #cluster: Cluster
  readonly #accumulator: Accumulator
  readonly #identities: IdentitySource | undefined
  readonly #transactions: TransactionSession | undefined
  readonly #options: SenderOptions
  readonly #logger: Logger
  readonly #refresher: Refresher
  readonly #complaint: Complaint
  readonly #onLost: (error: KafkaError, recordCount: number) => void
  readonly #inFlight = new Map<number, number>()
  #scheduled: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined
  #urgent = 0
  #fatal: KafkaError | undefined

  constructor(
    cluster: Cluster,
    accumulator: Accumulator,
    /** Of an idempotent producer, or of a transactional one. */
    identities: IdentitySource | TransactionSession | undefined,
    options: SenderOptions & { readonly onLost: (error: KafkaError, recordCount: number) => void },
  ) {
    this.#cluster = cluster
    this.#accumulator = accumulator
    this.#identities = identities instanceof IdentitySource ? identities : undefined
    this.#transactions = identities instanceof IdentitySource ? undefined : identities
    this.#options = options
    this.#onLost = options.onLost
    this.#logger = cluster.options.logger
    this.#complaint = new Complaint(this.#logger, 'records cannot be written, and are sent again')
    this.#refresher = new Refresher(cluster, () => this.wake())
  }

  wake(): void {
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined
      this.#pump()
    })
  }

  /** Nothing lingers until `relax` is called as often as this. */
  hurry(): void {
    this.#urgent++
    this.wake()
  }

  relax(): void {
    this.#urgent--
  }

  /** Fails all that has not been sent, and whatever comes later. */
  stop(error: KafkaError): void {
    this.#fatal = error
    this.#refresher.close()
    clearTimeout(this.#timer)
    this.#dropWaiting(error)
  }

  #dropWaiting(error: KafkaError): void {
    for (const queue of [...this.#accumulator.active])
      while (queue.waiting.length > 0) this.#lose(queue, queue.drop(), error)
  }

  #pump(): void {
    const failure = this.#transactions?.failure
    if (failure !== undefined) this.#dropWaiting(failure)
    const now = performance.now()
    const loads = new Map<number, Shipment[]>()
    const bytes = new Map<number, number>()
    let wakeAt = Number.POSITIVE_INFINITY
    for (const queue of [...this.#accumulator.active]) {
      this.#expire(queue, now)
      const at = this.#readyAt(queue, now)
      if (at > now) {
        wakeAt = Math.min(wakeAt, at)
        continue
      }
      // Whatever it waits for from here on, it waits no longer than it is allowed to.
      wakeAt = Math.min(wakeAt, queue.waiting[0]!.createdAt + this.#options.deliveryTimeoutMs)
      const leader = this.#leaderOf(queue)
      if (leader === undefined || !this.#hasIdentity(queue)) continue
      const size = queue.waiting[0]!.sizeInBytes
      const loaded = bytes.get(leader) ?? 0
      if ((this.#inFlight.get(leader) ?? 0) >= this.#options.inFlightMax) continue
      if (loaded > 0 && loaded + size > this.#options.requestBytesMax) continue
      bytes.set(leader, loaded + size)
      this.#load(loads, leader, queue)
    }
    this.#setTimer(wakeAt, now)
    for (const [leader, shipments] of loads) this.#ship(leader, shipments)
    // One batch a partition goes into a request; more may be waiting for the next one.
    if (loads.size > 0 && this.#accumulator.active.size > 0) this.wake()
  }

  #load(loads: Map<number, Shipment[]>, leader: number, queue: PartitionQueue): void {
    const shipments = loads.get(leader)
    const shipment = { queue, batch: queue.start() }
    if (shipments === undefined) loads.set(leader, [shipment])
    else shipments.push(shipment)
    // Its turn comes again after all others.
    this.#accumulator.active.delete(queue)
    if (queue.waiting.length > 0) this.#accumulator.active.add(queue)
  }

  /** When the first batch of the queue may be sent; infinite while something else has to happen first. */
  #readyAt(queue: PartitionQueue, now: number): number {
    if (queue.wantsNewEpoch) this.#renew(queue)
    const head = queue.waiting[0]
    if (head === undefined) return Number.POSITIVE_INFINITY
    if (!queue.mayStart) return head.createdAt + this.#options.deliveryTimeoutMs
    if (head.retryAt > now) return head.retryAt
    const { isFull, hasRoomWaiters } = this.#accumulator
    const goes = queue.waiting.length > 1 || head.attempts > 0 || this.#urgent > 0 || isFull || hasRoomWaiters
    if (goes || this.#accumulator.isBatchFull(head)) return now
    return head.createdAt + this.#options.lingerMs
  }

  #expire(queue: PartitionQueue, now: number): void {
    while (queue.waiting.length > 0 && now - queue.waiting[0]!.createdAt >= this.#options.deliveryTimeoutMs) {
      const error = deliveryTimedOut(
        queue,
        this.#options.deliveryTimeoutMs,
        this.#cluster.metadata.errorOf(queue.topic),
      )
      this.#lose(queue, queue.drop(), error)
    }
  }

  #leaderOf({ topic, partition }: PartitionQueue): number | undefined {
    const { metadata } = this.#cluster
    const view = metadata.isStale ? undefined : metadata.peek(topic)?.partitions[partition]
    if (view !== undefined && view.leaderId >= 0) return view.leaderId
    this.#refresher.refresh([topic])
    return undefined
  }

  #hasIdentity(queue: PartitionQueue): boolean {
    if (this.#transactions !== undefined) return this.#isInTransaction(queue, this.#transactions)
    if (this.#identities === undefined || queue.identity !== undefined) return true
    if (this.#identities.latest === undefined) {
      this.#acquire()
      return false
    }
    queue.adopt(this.#identities.latest)
    return true
  }

  /** A transaction begins when all batches of the one before have landed, so an epoch never changes under a batch. */
  #isInTransaction(queue: PartitionQueue, transactions: TransactionSession): boolean {
    const { identity } = transactions
    if (identity === undefined) return false
    if (queue.identity !== identity) queue.adopt(identity)
    return transactions.admits(queue.topic, queue.partition)
  }

  #acquire(): void {
    this.#identities!.acquire().then(
      () => this.wake(),
      error => {
        if (error instanceof KafkaError && error.retriable) this.wake()
        else this.stop(error)
      },
    )
  }

  #renew(queue: PartitionQueue): void {
    if (this.#transactions !== undefined) {
      // A transaction that lost a batch can only be aborted; the next one has another epoch.
      const { identity } = this.#transactions
      if (identity !== undefined && identity !== queue.identity) queue.adopt(identity)
      return
    }
    const identity = this.#identities?.bump()
    if (identity !== undefined) queue.adopt(identity)
    else this.#acquire()
  }

  #setTimer(at: number, now: number): void {
    clearTimeout(this.#timer)
    if (at === Number.POSITIVE_INFINITY) return
    this.#timer = setTimeout(() => this.#pump(), Math.min(Math.max(1, Math.ceil(at - now)), 0x7fff_ffff))
  }

  #ship(leader: number, shipments: readonly Shipment[]): void {
    this.#inFlight.set(leader, (this.#inFlight.get(leader) ?? 0) + 1)
    this.#send(leader, shipments)
      .catch(error => {
        const known =
          error instanceof KafkaError ? error : new KafkaError('INVALID_STATE', String(error), { cause: error })
        if (known.stalesMetadata) this.#cluster.metadata.invalidate()
        for (const { queue, batch } of shipments) this.#refused(queue, batch, known)
      })
      .finally(() => {
        this.#inFlight.set(leader, this.#inFlight.get(leader)! - 1)
        this.wake()
      })
  }

  async #send(leader: number, shipments: readonly Shipment[]): Promise<void> {
    const connection = await this.#cluster.node(leader)
    const { acks, codec, compressionLevel: level } = this.#options
    const transactionalId = this.#transactions?.transactionalId ?? null
    const isTransactional = transactionalId !== null
    const topics = new Map<
      string,
      { name: string; topicId: string; partitionData: { index: number; records: Buffer[] }[] }
    >()
    for (const { queue, batch } of shipments) {
      const name = queue.topic
      let topic = topics.get(name)
      if (topic === undefined)
        topics.set(
          name,
          (topic = { name, topicId: this.#cluster.metadata.peek(name)?.id ?? ZERO_UUID, partitionData: [] }),
        )
      topic.partitionData.push({ index: queue.partition, records: [batch.encode({ codec, level, isTransactional })] })
    }
    const topicData = [...topics.values()]
    const body = { transactionalId, acks, timeoutMs: this.#cluster.options.requestTimeoutMs, topicData }
    const hasIds = topicData.every(({ topicId }) => topicId !== ZERO_UUID)
    const versionMax = this.#isClassicTransaction ? CLASSIC_TRANSACTION_MAX : hasIds ? undefined : VERSION_WITH_NAMES
    if (acks === 0) {
      await connection.tell(Produce, body, versionMax)
      for (const { queue, batch } of shipments) this.#delivered(queue, batch, -1, -1)
      return
    }
    const answer = await connection.request(Produce, body, { versionMax })
    this.#settle(answer, topicData, shipments)
  }

  get #isClassicTransaction(): boolean {
    return this.#transactions?.protocol === 'classic'
  }

  #settle(
    answer: ProduceResponse,
    asked: readonly { readonly name: string; readonly topicId: string }[],
    shipments: readonly Shipment[],
  ): void {
    const names = new Map(asked.map(({ name, topicId }) => [topicId, name]))
    const answers = new Map<string, PartitionAnswer>()
    for (const { name, topicId, partitionResponses } of answer.responses) {
      const topic = name === '' ? names.get(topicId) : name
      for (const response of partitionResponses) answers.set(`${topic}-${response.index}`, response)
    }
    for (const { queue, batch } of shipments) {
      const { topic, partition } = queue
      const response = answers.get(`${topic}-${partition}`)
      if (response === undefined)
        this.#refused(queue, batch, new KafkaError('MALFORMED_RESPONSE', `no answer for ${topic}-${partition}`))
      else if (response.errorCode === 0) this.#delivered(queue, batch, response.baseOffset, response.logAppendTimeMs)
      else this.#refused(queue, batch, refusal(response, topic))
    }
  }

  #delivered(queue: PartitionQueue, batch: ProducerBatch, baseOffset: number, logAppendTimeMs: number): void {
    queue.succeeded(batch)
    this.#accumulator.settle(batch, queue)
    batch.succeed(baseOffset, logAppendTimeMs)
  }

  #refused(queue: PartitionQueue, batch: ProducerBatch, error: KafkaError): void {
    if (error.stalesMetadata) this.#cluster.metadata.invalidate()
    const isOver = this.#fatal !== undefined || this.#transactions?.failure !== undefined
    const verdict = isOver ? 'failed' : verdictOn(error, batch, queue, this.#transactions !== undefined)
    if (verdict === 'delivered') return this.#delivered(queue, batch, -1, -1)
    if (verdict === 'split') return this.#split(queue, batch)
    batch.retryAt = performance.now() + backoffMs(this.#cluster.options, batch.attempts)
    if (verdict === 'failed' || this.#options.acks === 0) {
      queue.failed(batch)
      return this.#lose(queue, batch, error)
    }
    if (batch.retryAt - batch.createdAt >= this.#options.deliveryTimeoutMs) {
      queue.failed(batch)
      return this.#lose(queue, batch, deliveryTimedOut(queue, this.#options.deliveryTimeoutMs, error))
    }
    if (verdict === 'restart') queue.requireNewEpoch()
    this.#logger.debug('a batch is sent again', { topic: queue.topic, partition: queue.partition, error })
    batch.attempts++
    this.#complaint.about(batch.attempts, error)
    queue.again(batch)
    this.#accumulator.active.add(queue)
  }

  #split(queue: PartitionQueue, batch: ProducerBatch): void {
    const parts = batch.split(this.#options.batchBytes)
    for (const part of parts) this.#accumulator.track(part)
    queue.again(batch, parts)
    this.#accumulator.active.add(queue)
    batch.chargedBytes = 0
    this.#accumulator.settle(batch, queue)
  }

  #lose(queue: PartitionQueue, batch: ProducerBatch, error: KafkaError): void {
    this.#accumulator.settle(batch, queue)
    if (batch.identity !== undefined) this.#transactions?.sequenceLost()
    this.#transactions?.fail(error)
    const silent = batch.fail(error)
    if (silent > 0) this.#onLost(error, silent)
  }
}

function refusal(response: PartitionAnswer, topic: string): KafkaError {
  const detail = response.recordErrors[0]?.batchIndexErrorMessage ?? response.errorMessage
  return wireError(response.errorCode, `${topic}-${response.index}`, { topic, partition: response.index, detail })
}
