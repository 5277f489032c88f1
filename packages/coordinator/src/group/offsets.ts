/**
 * A group's committed offsets. They live beside the group's state and are changed in place: a commit touches its own partitions
 * and copies nothing. The shell applies the very records that it made durable, at start and while it runs.
 */
import type { CommittedOffset, OffsetRecord } from './record.ts'

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
}

/** `asked` null means all; `offsets` is undefined for a group that does not exist. */
export function fetchOffsets(offsets: GroupOffsets | undefined, asked: readonly AskedTopic[] | null): FetchedTopic[] {
  if (asked === null) {
    return [...(offsets ?? [])].map(([topic, partitions]) => ({
      topic,
      partitions: [...partitions].map(([partition, committed]) => fetched(partition, committed)),
    }))
  }
  return asked.map(({ topic, partitions }) => {
    const stored = offsets?.get(topic)
    return { topic, partitions: partitions.map(partition => fetched(partition, stored?.get(partition))) }
  })
}

function fetched(partition: number, committed: CommittedOffset | undefined): FetchedOffset {
  if (committed === undefined) return { partition, offset: -1, leaderEpoch: -1, metadata: '' }
  return { partition, offset: committed.offset, leaderEpoch: committed.leaderEpoch, metadata: committed.metadata }
}
