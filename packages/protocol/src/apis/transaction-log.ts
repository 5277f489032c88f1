/**
 * The value of a transactional id's record in `__transaction_state`: int16 version, then these fields. The two with tags from 100 on are not Kafka's,
 * whose readers skip them.
 */
import { message } from '../schema/api.ts'
import { array, int8, int16, int32, long, string, struct } from '../schema/field.ts'

export const TRANSACTION_LOG_VERSION_MAX = 1

export const TransactionLogValue = message(1, {
  producerId: long(),
  previousProducerId: long().since(1).tag(0).default(-1).ignorable(),
  nextProducerId: long().since(1).tag(1).default(-1).ignorable(),
  producerEpoch: int16(),
  nextProducerEpoch: int16().since(1).tag(3).default(-1).ignorable(),
  transactionTimeoutMs: int32(),
  transactionStatus: int8(),
  transactionPartitions: array(struct({ topic: string(), partitionIds: array(int32()) })).nullable(),
  transactionLastUpdateTimestampMs: long(),
  transactionStartTimestampMs: long(),
  clientTransactionVersion: int16().since(1).tag(2).default(0).ignorable(),
  /** The epoch before the last bump, which a producer that did not hear of it may still name. */
  lastProducerEpoch: int16().since(1).tag(100).default(-1).ignorable(),
  /** Groups whose offsets are in the transaction: Kafka writes them as partitions of `__consumer_offsets`. */
  groups: array(string()).since(1).tag(101).default([]).ignorable(),
})
