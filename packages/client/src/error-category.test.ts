import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorName } from '@millrace/protocol'
import { categoryOf } from './error-category.ts'
import { KafkaError } from './errors.ts'

/** What Kafka's own transactional producer and its offsets can be answered with, and the class that Java's client 4.4 has for it. */
const met: Readonly<Partial<Record<ErrorName, string>>> = {
  COORDINATOR_LOAD_IN_PROGRESS: 'retriable',
  CONCURRENT_TRANSACTIONS: 'retriable',
  REQUEST_TIMED_OUT: 'retriable',
  NOT_ENOUGH_REPLICAS: 'retriable',
  UNSTABLE_OFFSET_COMMIT: 'retriable',
  CORRUPT_MESSAGE: 'retriable',
  NOT_COORDINATOR: 'refresh-retriable',
  COORDINATOR_NOT_AVAILABLE: 'refresh-retriable',
  NOT_LEADER_OR_FOLLOWER: 'refresh-retriable',
  UNKNOWN_TOPIC_OR_PARTITION: 'refresh-retriable',
  KAFKA_STORAGE_ERROR: 'refresh-retriable',
  NETWORK_EXCEPTION: 'refresh-retriable',
  TRANSACTION_ABORTABLE: 'abortable',
  PRODUCER_FENCED: 'application-recoverable',
  INVALID_PRODUCER_EPOCH: 'application-recoverable',
  INVALID_PRODUCER_ID_MAPPING: 'application-recoverable',
  ILLEGAL_GENERATION: 'application-recoverable',
  UNKNOWN_MEMBER_ID: 'application-recoverable',
  FENCED_INSTANCE_ID: 'application-recoverable',
  TOPIC_AUTHORIZATION_FAILED: 'invalid-configuration',
  GROUP_AUTHORIZATION_FAILED: 'invalid-configuration',
  CLUSTER_AUTHORIZATION_FAILED: 'invalid-configuration',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'invalid-configuration',
  UNSUPPORTED_VERSION: 'invalid-configuration',
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'invalid-configuration',
  INVALID_RECORD: 'invalid-configuration',
  INVALID_TXN_STATE: 'other',
  INVALID_TRANSACTION_TIMEOUT: 'other',
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'other',
  UNKNOWN_PRODUCER_ID: 'other',
  TRANSACTION_COORDINATOR_FENCED: 'other',
  MESSAGE_TOO_LARGE: 'other',
  REBALANCE_IN_PROGRESS: 'other',
}

test('every error that a transaction can meet has the class that Java’s client has for it', () => {
  for (const [name, category] of Object.entries(met)) assert.equal(categoryOf(name as ErrorName), category, name)
})

test('errors of this side have a class too, and one that is final is not retriable', () => {
  const categories = (['DISCONNECTED', 'UNREACHABLE', 'TIMED_OUT', 'INVALID_ARGUMENT', 'CLOSED'] as const).map(
    code => new KafkaError(code, '').category,
  )
  assert.deepEqual(categories, [
    'refresh-retriable',
    'refresh-retriable',
    'retriable',
    'invalid-configuration',
    'other',
  ])
  assert.equal(new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', '', { retriable: false }).category, 'other')
})
