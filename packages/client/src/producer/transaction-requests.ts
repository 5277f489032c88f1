/** The requests of a transactional id, each retried within its call's time. What they mean for the transaction is `TransactionSession`'s business. */
import {
  AddOffsetsToTxn,
  AddPartitionsToTxn,
  EndTxn,
  errorCode as errorCodeOf,
  InitProducerId,
  Produce,
  TxnOffsetCommit,
} from '@millrace/protocol'
import type { CallOptions } from '../client-options.ts'
import { byTopic } from '../cluster/by-leader.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { committedTopics, type GroupMember, type PartitionOffset } from '../cluster/group-offsets.ts'
import { wireError } from '../errors.ts'
import type { Connection } from '../network/connection.ts'
import type { TopicPartition } from '../record.ts'
import type { ProducerIdentity } from './producer-batch.ts'

/**
 * How a transaction is spoken of. `classic`: partitions and groups are added before they are written to, and the epoch stays. `epochs` (KIP-890, transactions v2): a write
 * adds its partition, and each end gives the next epoch.
 */
export type TransactionProtocol = 'classic' | 'epochs'

const FEATURE = 'transaction.version'
const LEVEL_WITH_EPOCHS = 2
const PRODUCE_WITH_EPOCHS = 12
const END_WITH_EPOCHS = 5
/** What brokers serve from here on is between themselves, or another protocol. */
const ADD_PARTITIONS_MAX = 3
const classicMax = { addOffsets: 4, offsets: 4, end: 4 }
/** Offsets by name; topic ids came with version 6. */
const OFFSETS_WITH_NAMES = 5
/** The markers of the transaction before are written within milliseconds. */
const RETRY_BACKOFF_MS = 20

export class TransactionRequests {
  readonly #cluster: Cluster
  readonly #transactionalId: string

  constructor(cluster: Cluster, transactionalId: string) {
    this.#cluster = cluster
    this.#transactionalId = transactionalId
  }

  protocol(call: CallOptions): Promise<TransactionProtocol> {
    return this.#coordinated(call, async connection => {
      const { ranges } = connection
      const hasEpochs =
        ranges!.feature(FEATURE) >= LEVEL_WITH_EPOCHS &&
        connection.version(EndTxn) >= END_WITH_EPOCHS &&
        connection.version(Produce) >= PRODUCE_WITH_EPOCHS
      return hasEpochs ? 'epochs' : 'classic'
    })
  }

  /** Takes the id over from whoever had it, or, with an identity, moves on to its next epoch (KIP-360). */
  init(
    transactionTimeoutMs: number,
    current: ProducerIdentity | undefined,
    call: CallOptions,
  ): Promise<ProducerIdentity> {
    const { producerId, producerEpoch } = current ?? { producerId: -1, producerEpoch: -1 }
    const body = { transactionalId: this.#transactionalId, transactionTimeoutMs, producerId, producerEpoch }
    return this.#coordinated(call, async connection => {
      const answer = await connection.request(InitProducerId, body, { signal: call.signal })
      this.#check(answer.errorCode, 'taking over')
      return { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
    })
  }

  addPartitions(identity: ProducerIdentity, partitions: readonly TopicPartition[], call: CallOptions): Promise<void> {
    const body = {
      transactions: [],
      v3AndBelowTransactionalId: this.#transactionalId,
      v3AndBelowProducerId: identity.producerId,
      v3AndBelowProducerEpoch: identity.producerEpoch,
      v3AndBelowTopics: [...byTopic(partitions)].map(([name, own]) => ({
        name,
        partitions: own.map(({ partition }) => partition),
      })),
    }
    return this.#coordinated(call, async connection => {
      const options = { signal: call.signal, versionMax: ADD_PARTITIONS_MAX }
      const answer = await connection.request(AddPartitionsToTxn, body, options)
      // One that is refused takes the others with it; its own error is the one that counts.
      for (const { name: topic, resultsByPartition } of answer.resultsByTopicV3AndBelow)
        for (const { partitionIndex: partition, partitionErrorCode } of resultsByPartition)
          if (partitionErrorCode !== NOT_ATTEMPTED)
            this.#check(partitionErrorCode, `adding ${topic}-${partition} to the transaction of`, { topic, partition })
    })
  }

  addOffsets({ producerId, producerEpoch }: ProducerIdentity, groupId: string, call: CallOptions): Promise<void> {
    const body = { transactionalId: this.#transactionalId, producerId, producerEpoch, groupId }
    return this.#coordinated(call, async connection => {
      const options = { signal: call.signal, versionMax: classicMax.addOffsets }
      const { errorCode } = await connection.request(AddOffsetsToTxn, body, options)
      this.#check(errorCode, `adding the offsets of group '${groupId}' to the transaction of`)
    })
  }

  commitOffsets(
    identity: ProducerIdentity,
    member: GroupMember,
    offsets: readonly PartitionOffset[],
    { protocol, ...call }: CallOptions & { readonly protocol: TransactionProtocol },
  ): Promise<void> {
    const { groupId, generationId, memberId, groupInstanceId } = member
    const body = {
      transactionalId: this.#transactionalId,
      groupId,
      ...identity,
      generationIdOrMemberEpoch: generationId,
      memberId,
      groupInstanceId,
      topics: committedTopics(offsets),
    }
    const versionMax = protocol === 'classic' ? classicMax.offsets : OFFSETS_WITH_NAMES
    return this.#at({ type: 'group', id: groupId }, call, async connection => {
      const answer = await connection.request(TxnOffsetCommit, body, { signal: call.signal, versionMax })
      for (const { name: topic, partitions } of answer.topics)
        for (const { partitionIndex: partition, errorCode } of partitions) {
          const what = `committing ${topic}-${partition} of group '${groupId}' in the transaction of`
          this.#check(errorCode, what, { topic, partition })
        }
    })
  }

  /** The identity to go on with. A decision whose answer was lost may be told again: it is taken once in an epoch. */
  end(
    identity: ProducerIdentity,
    committed: boolean,
    { protocol, ...call }: CallOptions & { readonly protocol: TransactionProtocol },
  ): Promise<ProducerIdentity> {
    const body = { transactionalId: this.#transactionalId, ...identity, committed }
    const versionMax = protocol === 'classic' ? classicMax.end : undefined
    return this.#coordinated(call, async connection => {
      const answer = await connection.request(EndTxn, body, { signal: call.signal, versionMax })
      this.#check(answer.errorCode, committed ? 'committing the transaction of' : 'aborting the transaction of')
      const { producerId, producerEpoch } = answer
      return producerId < 0 ? identity : { producerId, producerEpoch }
    })
  }

  #coordinated<T>(call: CallOptions, step: (connection: Connection) => Promise<T>): Promise<T> {
    return this.#at({ type: 'transaction', id: this.#transactionalId }, call, step)
  }

  #at<T>(
    whose: Parameters<Cluster['atCoordinator']>[0],
    call: CallOptions,
    step: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    const retryBackoffMs = Math.min(RETRY_BACKOFF_MS, this.#cluster.options.retryBackoffMs)
    return this.#cluster.retry({ ...call, retryBackoffMs }, () => this.#cluster.atCoordinator(whose, call.signal, step))
  }

  #check(errorCode: number, what: string, where: Partial<TopicPartition> = {}): void {
    if (errorCode !== 0) throw wireError(errorCode, `${what} transactional id '${this.#transactionalId}'`, where)
  }
}

const NOT_ATTEMPTED = errorCodeOf('OPERATION_NOT_ATTEMPTED')
