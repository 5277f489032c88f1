/**
 * Asks a transaction's coordinator whether a write is in the transaction, or with KIP-890's protocol puts it in, wherever the coordinator is: here, or at
 * another node, which is asked as Kafka's brokers ask each other (AddPartitionsToTxn from version 4 on).
 */
import type { Clock, TimerWheel } from '@millrace/base'
import type { TopicPartition, TransactionEvent, TransactionReply } from '@millrace/coordinator'
import { AddPartitionsToTxn, type ErrorName, errorName } from '@millrace/protocol'
import type { BrokerConfig } from '../../config/broker-config.ts'
import type { Coordinators } from '../../metadata/coordinators.ts'
import { askPeer, groupTopic, PeerGone, type Peers } from '../peers.ts'
import type { TransactionCoordinator, UnreadableId } from './transaction-coordinator.ts'

export interface GateQuestion {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  /** The write brings its partitions or its group into the transaction. */
  readonly isImplicit: boolean
  readonly partitions: readonly TopicPartition[]
  /** Undefined where it is about partitions. */
  readonly groupId: string | undefined
}

export interface GateServices {
  readonly transactions: TransactionCoordinator
  readonly coordinators: Coordinators
  readonly peers: Peers
  readonly timers: TimerWheel
  readonly clock: Clock
  readonly config: BrokerConfig
}

const VERSION = 5
/** `add.partitions.to.txn.retry.backoff.ms`. */
const RETRY_MS = 20

export class TransactionGate {
  readonly #services: GateServices
  /** The last question of each transactional id of other nodes that is under way. */
  readonly #last = new Map<string, Promise<unknown>>()

  constructor(services: GateServices) {
    this.#services = services
  }

  /** An error for each partition, or one for the group. `onAsk` is called right before the coordinator is asked, perhaps more than once. */
  ask(question: GateQuestion, onAsk: () => void): Promise<readonly ErrorName[]> {
    const { transactionalId } = question
    if (this.#services.coordinators.isOwn(transactionalId)) return this.#askHere(question, onAsk)
    // One after the other: a producer's batches are let in in the order in which they came.
    const before = this.#last.get(transactionalId) ?? Promise.resolve()
    const asked = before.then(() => this.#askThere(question, onAsk))
    const settled = asked
      .catch(() => {})
      .finally(() => {
        if (this.#last.get(transactionalId) === settled) this.#last.delete(transactionalId)
      })
    this.#last.set(transactionalId, settled)
    return asked
  }

  async #askHere(question: GateQuestion, onAsk: () => void): Promise<readonly ErrorName[]> {
    const reply = await this.#services.transactions.askPatiently(question.transactionalId, (request, now) => {
      onAsk()
      return eventOf(question, request, now)
    })
    return errorsOf(question, reply)
  }

  /** What only the end of the transaction before stands in the way of is asked again here, so that `onAsk` sees each time. */
  async #askThere(question: GateQuestion, onAsk: () => void): Promise<readonly ErrorName[]> {
    const { clock, config, timers } = this.#services
    const deadline = clock.monotonicMs() + config.addPartitionsToTxnRetryBackoffMaxMs
    for (;;) {
      onAsk()
      const errors = await askOnce(this.#services, question)
      if (!errors.includes('CONCURRENT_TRANSACTIONS') || clock.monotonicMs() >= deadline) return errors
      await new Promise<void>(resolve => void timers.arm(RETRY_MS, resolve))
    }
  }
}

function eventOf(question: GateQuestion, request: number, now: number): TransactionEvent {
  const { producerId, producerEpoch, isImplicit, partitions, groupId } = question
  const producer = { now, request, producerId, producerEpoch }
  if (!isImplicit) return { kind: 'verify', ...producer, partitions, groups: groupId === undefined ? [] : [groupId] }
  return groupId === undefined
    ? { kind: 'addPartitions', ...producer, partitions, transactionVersion: 2 }
    : { kind: 'addOffsets', ...producer, groupId, transactionVersion: 2 }
}

/** Partitions are answered in the order in which they were asked for. */
function errorsOf({ partitions, groupId }: GateQuestion, reply: TransactionReply | UnreadableId): readonly ErrorName[] {
  const all = (error: ErrorName): readonly ErrorName[] =>
    groupId === undefined ? partitions.map(() => error) : [error]
  if (reply.kind === 'added') return all('NONE')
  if (reply.kind === 'verified') return [...reply.partitions, ...reply.groups].map(({ error }) => error)
  if ('error' in reply) return all(reply.error)
  throw new Error(`a transaction answered ${reply.kind} to a write`)
}

async function askOnce({ peers, coordinators }: GateServices, question: GateQuestion): Promise<readonly ErrorName[]> {
  const { transactionalId, producerId, producerEpoch, isImplicit, groupId } = question
  const nodeId = coordinators.nodeOf(transactionalId)
  const partitions = groupId === undefined ? question.partitions : [{ topic: groupTopic(groupId), partition: 0 }]
  const topics = partitions.map(({ topic, partition }) => ({ name: topic, partitions: [partition] }))
  const transaction = { transactionalId, producerId, producerEpoch, verifyOnly: !isImplicit, topics }
  try {
    const api = { api: AddPartitionsToTxn, version: VERSION }
    const answer = await askPeer(peers, nodeId, api, { transactions: [transaction] })
    const results = answer.resultsByTransaction[0]?.topicResults ?? []
    return partitions.map((_, i) =>
      errorName(results[i]?.resultsByPartition[0]?.partitionErrorCode ?? answer.errorCode),
    )
  } catch (error) {
    if (!(error instanceof PeerGone)) throw error
    return partitions.map(() => 'COORDINATOR_NOT_AVAILABLE')
  }
}
