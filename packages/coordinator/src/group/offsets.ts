/**
 * A group's committed offsets. They live beside the group's state and are changed in place: a commit touches its own partitions
 * and copies nothing. The shell applies the very records that it made durable, at start and while it runs.
 */
import type { CommittedOffset, OffsetRecord } from './record.ts'
import { type GroupTransactionsView, isUnstable, NO_TRANSACTIONS } from './transactions.ts'

export type GroupOffsets = Map<string, Map<number, CommittedOffset>>

export function applyOffsets(offsets: GroupOffsets, records: readonly OffsetRecord[]): void {
  for (const { topic, partition, committed } of records) {
    const partitions = offsets.get(topic)
    if (committed !== null) {
      if (partitions === undefined) offsets.set(topic, new Map([[partition, committed]]))
      else partitions.set(partition, committed)
    } else if (partitions?.delete(partition) && partitions.size === 0) offsets.delete(topic)
  }
}

/** What the offsets of deleted topics, or of partitions, leave behind: the records that remove them. */
export function offsetsOfTopic(offsets: GroupOffsets, topic: string): OffsetRecord[] {
  return [...(offsets.get(topic)?.keys() ?? [])].map(partition => ({ topic, partition, committed: null }))
}

export interface AskedTopic {
  readonly topic: string
  readonly partitions: readonly number[]
}

export interface FetchedTopic {
  readonly topic: string
  readonly partitions: readonly FetchedOffset[]
}

export interface FetchedOffset {
  readonly partition: number
  /** -1 where nothing was committed, which is no error. */
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  /** The offset is about to be replaced by a transaction; only told to those who require a stable one. */
  readonly error: 'NONE' | 'UNSTABLE_OFFSET_COMMIT'
}

/**
 * `asked` null means all that are committed; `offsets` is undefined for a group that does not exist. `open` is given when stable offsets are
 * required (KIP-447): where a transaction may yet change it there is none.
 */
export function fetchOffsets(
  offsets: GroupOffsets | undefined,
  asked: readonly AskedTopic[] | null,
  open: GroupTransactionsView = NO_TRANSACTIONS,
): FetchedTopic[] {
  const fetched = (topic: string, partition: number, committed: CommittedOffset | undefined): FetchedOffset =>
    isUnstable(open, topic, partition)
      ? { ...noOffset(partition), error: 'UNSTABLE_OFFSET_COMMIT' }
      : offsetOf(partition, committed)
  if (asked === null) {
    return [...(offsets ?? [])].map(([topic, partitions]) => ({
      topic,
      partitions: [...partitions].map(([partition, committed]) => fetched(topic, partition, committed)),
    }))
  }
  return asked.map(({ topic, partitions }) => {
    const stored = offsets?.get(topic)
    return { topic, partitions: partitions.map(partition => fetched(topic, partition, stored?.get(partition))) }
  })
}

function offsetOf(partition: number, committed: CommittedOffset | undefined): FetchedOffset {
  if (committed === undefined) return noOffset(partition)
  const { offset, leaderEpoch, metadata } = committed
  return { partition, offset, leaderEpoch, metadata, error: 'NONE' }
}

function noOffset(partition: number): FetchedOffset {
  return { partition, offset: -1, leaderEpoch: -1, metadata: '', error: 'NONE' }
}
