/** What DescribeTransactions and ListTransactions see of a transactional id. State names are Kafka's own. */
import { NO_GROUPS, NO_PARTITIONS } from './reach.ts'
import type { PartitionSet, TransactionState, TransactionStateKind } from './state.ts'

export interface TransactionDescription {
  readonly transactionalId: string
  readonly state: TransactionStateKind
  readonly timeoutMs: number
  readonly startTimestampMs: number
  readonly producerId: number
  readonly producerEpoch: number
  /** What the transaction spans; in Prepare* what still lacks its marker. Kafka shows groups as partitions of `__consumer_offsets`. */
  readonly partitions: PartitionSet
  readonly groups: ReadonlySet<string>
}

/** Undefined for an id that is not known. */
export function describeTransaction(state: TransactionState): TransactionDescription | undefined {
  if (state.kind === 'Dead') return undefined
  const { kind, transactionalId, timeoutMs, startTimestampMs, producerId, producerEpoch } = state
  const { partitions, groups } = 'partitions' in state ? state : { partitions: NO_PARTITIONS, groups: NO_GROUPS }
  return {
    transactionalId,
    state: kind,
    timeoutMs,
    startTimestampMs,
    producerId,
    producerEpoch,
    partitions,
    groups,
  }
}

/** Of each filter the empty one lets all through. */
export interface TransactionFilter {
  /** As they were asked for, names that are no state among them: a filter of such alone lets nothing through. */
  readonly states: ReadonlySet<string>
  readonly producerIds: ReadonlySet<number>
  /** Only transactions older than this; below 0 for all. */
  readonly durationMs: number
}

/** An id that never had a transaction counts as older than anything, as it does in Kafka. */
export function isListed(
  state: TransactionState,
  { states, producerIds, durationMs }: TransactionFilter,
  now: number,
): boolean {
  if (state.kind === 'Dead') return false
  if (states.size > 0 && !states.has(state.kind)) return false
  if (producerIds.size > 0 && !producerIds.has(state.producerId)) return false
  return durationMs < 0 || now - state.startTimestampMs > durationMs
}
