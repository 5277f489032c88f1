/** A transactional id as the catalog keeps it: Kafka's own TransactionLogValue with its version in front. */
import { TRANSACTION_STATUS_CODES, type TransactionRecord, type TransactionStatus } from '@millrace/coordinator'
import { MalformedError, Reader, TRANSACTION_LOG_VERSION_MAX, TransactionLogValue, Writer } from '@millrace/protocol'

const WRITTEN_VERSION = 1

export function encodeTransactionRecord(record: TransactionRecord): Uint8Array {
  const w = new Writer()
  w.int16(WRITTEN_VERSION)
  const value = {
    producerId: record.producerId,
    previousProducerId: record.previousProducerId,
    nextProducerId: record.nextProducerId,
    producerEpoch: record.producerEpoch,
    transactionTimeoutMs: record.transactionTimeoutMs,
    transactionStatus: TRANSACTION_STATUS_CODES[record.status],
    transactionPartitions: record.partitions.map(({ topic, partitions }) => ({ topic, partitionIds: [...partitions] })),
    transactionLastUpdateTimestampMs: record.lastUpdateTimestampMs,
    transactionStartTimestampMs: record.startTimestampMs,
    clientTransactionVersion: record.clientTransactionVersion,
    lastProducerEpoch: record.lastProducerEpoch,
    groups: [...record.groups],
  }
  TransactionLogValue.write(w, value, WRITTEN_VERSION)
  return w.finish()
}

/** Throws `MalformedError`. */
export function decodeTransactionRecord(transactionalId: string, bytes: Uint8Array): TransactionRecord {
  const r = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  const version = r.int16()
  if (version < 0 || version > TRANSACTION_LOG_VERSION_MAX)
    throw new MalformedError(`transaction record of version ${version}`)
  const value = TransactionLogValue.read(r, version)
  return {
    transactionalId,
    producerId: value.producerId,
    previousProducerId: value.previousProducerId,
    nextProducerId: value.nextProducerId,
    producerEpoch: value.producerEpoch,
    lastProducerEpoch: value.lastProducerEpoch,
    transactionTimeoutMs: value.transactionTimeoutMs,
    status: statusOf(value.transactionStatus),
    partitions: (value.transactionPartitions ?? []).map(({ topic, partitionIds }) => ({
      topic,
      partitions: partitionIds,
    })),
    groups: value.groups,
    lastUpdateTimestampMs: value.transactionLastUpdateTimestampMs,
    startTimestampMs: value.transactionStartTimestampMs,
    clientTransactionVersion: value.clientTransactionVersion >= 2 ? 2 : value.clientTransactionVersion === 1 ? 1 : 0,
  }
}

const storedStatuses: readonly TransactionStatus[] = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
]

function statusOf(code: number): TransactionStatus {
  const status = storedStatuses.find(name => TRANSACTION_STATUS_CODES[name] === code)
  if (status === undefined) throw new MalformedError(`transaction status ${code}`)
  return status
}
