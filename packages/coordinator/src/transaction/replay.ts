/** The durable part of a transactional id, both ways: `transactionRecord` writes it, `replayTransaction` is the only way back. */
import type { TransactionRecord } from './record.ts'
import type { Living, PartitionSet } from './state.ts'

export function transactionRecord(state: Living): TransactionRecord {
  const reach = 'partitions' in state ? state : undefined
  return {
    transactionalId: state.transactionalId,
    producerId: state.producerId,
    previousProducerId: state.previousProducerId,
    nextProducerId: 'nextProducerId' in state ? state.nextProducerId : -1,
    producerEpoch: state.producerEpoch,
    lastProducerEpoch: state.lastProducerEpoch,
    transactionTimeoutMs: state.timeoutMs,
    status: state.kind,
    partitions: [...(reach?.partitions ?? [])].map(([topic, partitions]) => ({ topic, partitions: [...partitions] })),
    groups: [...(reach?.groups ?? [])],
    lastUpdateTimestampMs: state.lastUpdateTimestampMs,
    startTimestampMs: state.startTimestampMs,
    clientTransactionVersion: state.clientTransactionVersion,
  }
}

/** It has no timers yet, and no markers are under way: step it with `loaded` before it serves anyone. */
export function replayTransaction(record: TransactionRecord): Living {
  const { producerId, previousProducerId, producerEpoch, lastProducerEpoch, nextProducerId, status } = record
  const body = {
    transactionalId: record.transactionalId,
    producerId,
    previousProducerId,
    producerEpoch,
    lastProducerEpoch,
    timeoutMs: record.transactionTimeoutMs,
    startTimestampMs: record.startTimestampMs,
    lastUpdateTimestampMs: record.lastUpdateTimestampMs,
    clientTransactionVersion: record.clientTransactionVersion,
  }
  switch (status) {
    case 'Empty':
    case 'CompleteCommit':
    case 'CompleteAbort':
      return { kind: status, ...body }
    case 'Ongoing':
      return { kind: status, ...body, ...reachOf(record) }
    case 'PrepareCommit':
    case 'PrepareAbort':
      return { kind: status, ...body, ...reachOf(record), nextProducerId }
    default:
      return status satisfies never
  }
}

function reachOf(record: TransactionRecord): { partitions: PartitionSet; groups: ReadonlySet<string> } {
  const partitions = new Map(record.partitions.map(({ topic, partitions }) => [topic, new Set(partitions)] as const))
  return { partitions, groups: new Set(record.groups) }
}
