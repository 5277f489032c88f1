import { type ErrorName, errorName, isRetriable, refreshesMetadata } from '@millrace/protocol'
import { categoryOf, type ErrorCategory } from './error-category.ts'

/** What can go wrong on this side of the wire, beside the errors that brokers answer with. */
export type ClientErrorName =
  /** The connection was lost before the answer came; what was asked may or may not have happened. */
  | 'DISCONNECTED'
  /** No answer, or no success, within the time that was given. */
  | 'TIMED_OUT'
  /** No broker could be connected to. */
  | 'UNREACHABLE'
  /** The producer, consumer or admin was closed before. */
  | 'CLOSED'
  /** The peer sent something that is not Kafka's protocol. */
  | 'MALFORMED_RESPONSE'
  /** The caller handed over more records than `bufferBytes` lets wait. */
  | 'BUFFER_EXHAUSTED'
  | 'SERIALIZATION_FAILED'
  | 'DESERIALIZATION_FAILED'
  /** A partition has neither a committed offset nor a reset policy. */
  | 'NO_OFFSET'
  /** The log was cut below the consumer's position and there is no reset policy. */
  | 'LOG_TRUNCATED'
  | 'INVALID_ARGUMENT'
  /** The call makes no sense in the state that the client is in. */
  | 'INVALID_STATE'

export type KafkaErrorCode = ErrorName | ClientErrorName

export interface KafkaErrorOptions {
  readonly cause?: unknown
  readonly topic?: string | undefined
  readonly partition?: number | undefined
  readonly offset?: number | undefined
  readonly outcomes?: ReadonlyMap<string, unknown> | undefined
  /** Where the client knows better than the code does. */
  readonly retriable?: boolean | undefined
}

const retriableHere: ReadonlySet<string> = new Set<ClientErrorName>(['DISCONNECTED', 'TIMED_OUT', 'UNREACHABLE'])
const staleHere: ReadonlySet<string> = new Set<ClientErrorName>(['DISCONNECTED', 'UNREACHABLE'])
const localNames: ReadonlySet<string> = new Set<ClientErrorName>([
  'DISCONNECTED',
  'TIMED_OUT',
  'UNREACHABLE',
  'CLOSED',
  'MALFORMED_RESPONSE',
  'BUFFER_EXHAUSTED',
  'SERIALIZATION_FAILED',
  'DESERIALIZATION_FAILED',
  'NO_OFFSET',
  'LOG_TRUNCATED',
  'INVALID_ARGUMENT',
  'INVALID_STATE',
])

/**
 * The one error of this package. `code` is Kafka's own name of the error, or one of `ClientErrorName`; `retriable` says whether the same call
 * may succeed later, `category` what else can be done. The message is one sentence for people.
 *
 * @example
 * ```ts
 * try {
 *   await admin.topics.describe(['no-such-topic'])
 * } catch (error) {
 *   if (error instanceof KafkaError && error.code === 'UNKNOWN_TOPIC_OR_PARTITION') console.log(error.message)
 *   else throw error
 * }
 * ```
 */
export class KafkaError extends Error {
  override readonly name = 'KafkaError'
  readonly code: KafkaErrorCode
  readonly retriable: boolean
  readonly topic: string | undefined
  readonly partition: number | undefined
  readonly offset: number | undefined
  /** What the other items of a call came to, by name, where one call was about several: a result or a KafkaError each. */
  readonly outcomes: ReadonlyMap<string, unknown> | undefined

  constructor(code: KafkaErrorCode, message: string, options: KafkaErrorOptions = {}) {
    const { cause, topic, partition, offset, outcomes, retriable } = options
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.retriable = retriable ?? (isLocal(code) ? retriableHere.has(code) : isRetriable(code))
    this.topic = topic
    this.partition = partition
    this.offset = offset
    this.outcomes = outcomes
  }

  /** What can be done about it, by KIP-1050: retry, abort the transaction, start over, or change something first. */
  get category(): ErrorCategory {
    if (!isLocal(this.code)) {
      const category = categoryOf(this.code)
      const isPassing = category === 'retriable' || category === 'refresh-retriable'
      return isPassing && !this.retriable ? 'other' : category
    }
    if (this.retriable) return staleHere.has(this.code) ? 'refresh-retriable' : 'retriable'
    return this.code === 'INVALID_ARGUMENT' ? 'invalid-configuration' : 'other'
  }

  /** Whether what is known of brokers and leaders is out of date when this happens. */
  get stalesMetadata(): boolean {
    return isLocal(this.code) ? staleHere.has(this.code) : refreshesMetadata(this.code)
  }
}

function isLocal(code: KafkaErrorCode): code is ClientErrorName {
  return localNames.has(code)
}

const sentences: Partial<Record<ErrorName, string>> = {
  UNKNOWN_TOPIC_OR_PARTITION: 'the topic or partition does not exist',
  UNKNOWN_TOPIC_ID: 'no topic has this id any more',
  INVALID_TOPIC_EXCEPTION: 'a topic name is 1 to 249 of the characters a-z, A-Z, 0-9, ".", "_" and "-"',
  TOPIC_ALREADY_EXISTS: 'the topic exists already',
  MESSAGE_TOO_LARGE: 'the batch is larger than max.message.bytes of the topic',
  OFFSET_OUT_OF_RANGE: 'the offset is outside of what the partition holds',
  NOT_LEADER_OR_FOLLOWER: 'the broker does not lead this partition',
  NOT_COORDINATOR: 'the broker is not the coordinator',
  COORDINATOR_NOT_AVAILABLE: 'the coordinator is not available yet',
  GROUP_ID_NOT_FOUND: 'the group does not exist',
  NON_EMPTY_GROUP: 'the group has members',
  UNKNOWN_MEMBER_ID: 'the group does not know this member',
  ILLEGAL_GENERATION: 'the group has moved on to another generation',
  REBALANCE_IN_PROGRESS: 'the group is rebalancing',
  FENCED_INSTANCE_ID: 'another member uses the same group.instance.id',
  INVALID_GROUP_ID: 'the group id is not valid',
  INVALID_SESSION_TIMEOUT: 'the session timeout is outside of what the broker allows',
  INCONSISTENT_GROUP_PROTOCOL: 'the members of the group have no assignor in common',
  NOT_ENOUGH_REPLICAS: 'fewer replicas are in sync than min.insync.replicas asks for',
  TOPIC_AUTHORIZATION_FAILED: 'not authorized for this topic',
  GROUP_AUTHORIZATION_FAILED: 'not authorized for this group',
  CLUSTER_AUTHORIZATION_FAILED: 'not authorized for this on the cluster',
  UNSUPPORTED_VERSION: 'the broker does not support this',
  CORRUPT_MESSAGE: 'the checksum of the batch does not fit',
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'the sequence number of the batch does not follow the one before',
  PRODUCER_FENCED: 'a newer producer has taken over',
  INVALID_PRODUCER_EPOCH: 'a newer producer has taken over, or the transaction took longer than transactionTimeoutMs',
  INVALID_PRODUCER_ID_MAPPING: 'the cluster has forgotten this transactional id',
  INVALID_TXN_STATE: 'the transaction is not in a state for this',
  INVALID_TRANSACTION_TIMEOUT: 'transactionTimeoutMs is above transaction.max.timeout.ms of the broker',
  CONCURRENT_TRANSACTIONS: 'the transaction before is still being ended',
  COORDINATOR_LOAD_IN_PROGRESS: 'the coordinator is still loading',
  TRANSACTION_ABORTABLE: 'the transaction has to be aborted',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'not authorized for this transactional id',
  KAFKA_STORAGE_ERROR: 'the broker cannot use its disk',
  INVALID_REPLICATION_FACTOR: 'there are not as many brokers as replicas are asked for',
}

export interface WireErrorOptions extends KafkaErrorOptions {
  /** What the broker itself said, if it said something. */
  readonly detail?: string | null | undefined
}

/** The error for a non-zero code of a response. `what` begins the sentence: `topic 'a'`, `group 'g'`. */
export function wireError(code: number, what: string, options: WireErrorOptions = {}): KafkaError {
  const name = errorName(code)
  const known = sentences[name]
  const reason = options.detail || known
  return new KafkaError(name, reason === undefined ? `${what}: ${name}` : `${what}: ${reason} (${name})`, options)
}

/** Anything thrown, as a KafkaError; abort reasons and bugs pass through untouched. */
export const isKafkaError = (error: unknown): error is KafkaError => error instanceof KafkaError
