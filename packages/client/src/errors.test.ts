import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCode } from '@millrace/protocol'
import { KafkaError, wireError } from './errors.ts'

test('an error of a broker has Kafka’s name, a sentence, and says whether it may pass', () => {
  const error = wireError(errorCode('NOT_LEADER_OR_FOLLOWER'), 'orders-0', { topic: 'orders', partition: 0 })
  assert.equal(error.message, 'orders-0: the broker does not lead this partition (NOT_LEADER_OR_FOLLOWER)')
  assert.deepEqual([error.retriable, error.stalesMetadata, error.topic, error.partition], [true, true, 'orders', 0])
})

test('what the broker says itself goes before what this side would say', () => {
  const error = wireError(errorCode('INVALID_CONFIG'), "topic 'a'", { detail: 'retention.ms must be a number' })
  assert.equal(error.message, "topic 'a': retention.ms must be a number (INVALID_CONFIG)")
})

test('a code of a newer broker is as good as unknown', () => {
  assert.equal(wireError(9999, 'x').code, 'UNKNOWN_SERVER_ERROR')
})

test('errors of this side say as well whether they may pass', () => {
  assert.equal(new KafkaError('DISCONNECTED', '').retriable, true)
  assert.equal(new KafkaError('SERIALIZATION_FAILED', '').retriable, false)
  assert.equal(new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', '', { retriable: false }).retriable, false)
})
