/**
 * A group's open transactions: the offsets that each will commit, kept beside the group's state as its committed offsets are, and changed in
 * place. They are durable: the shell applies the very records that it made durable, at start and while it runs.
 *
 * Which of two commits to a partition wins is decided by the order in which they were made, as it is in a log, and not by the order in which
 * their transactions end. Hence each has a sequence, and one is superseded when a later one has been committed.
 *
 * Guards close a gap: between the coordinator's word that a transaction is open and the write of its offsets it may end, and what is written then
 * would wait for a marker that has been. A guard is taken before the coordinator is asked, and a marker of its producer breaks it.
 */
import type { TopicPartition } from '../topic-partition.ts'
import type { CommittedOffset } from './record.ts'

export interface PendingOffset {
  readonly committed: CommittedOffset
  /** Rises within the group for as long as anything is pending. */
  readonly sequence: number
  /** A later commit has been stored meanwhile: when the transaction commits, this one stays without effect. */
  readonly isSuperseded: boolean
}

/** One change of a group's pending offsets: `pending` null deletes. */
export interface PendingOffsetRecord {
  readonly producerId: number
  readonly topic: string
  readonly partition: number
  readonly pending: PendingOffset | null
}

export interface GroupTransactions {
  /** By producer id, topic and partition; an entry that is empty is removed. */
  readonly pending: Map<number, Map<string, Map<number, PendingOffset>>>
  /** The producer id by guard. */
  readonly guards: Map<number, number>
  nextGuard: number
  /** Beyond that of all that is pending. */
  nextSequence: number
}

/** As the events that need them get to see them. */
export interface GroupTransactionsView {
  readonly pending: ReadonlyMap<number, ReadonlyMap<string, ReadonlyMap<number, PendingOffset>>>
  readonly guards: ReadonlyMap<number, number>
  readonly nextSequence: number
}

export function noTransactions(): GroupTransactions {
  return { pending: new Map(), guards: new Map(), nextGuard: 0, nextSequence: 0 }
}

export const NO_TRANSACTIONS: GroupTransactionsView = noTransactions()

/** To be taken before the coordinator is asked, and given to `commit`. It lives until `releaseGuard` or the producer's next marker. */
export function takeGuard(transactions: GroupTransactions, producerId: number): number {
  const guard = transactions.nextGuard++
  transactions.guards.set(guard, producerId)
  return guard
}

export function releaseGuard({ guards }: GroupTransactions, guard: number): void {
  guards.delete(guard)
}

export function breakGuards({ guards }: GroupTransactions, producerId: number): void {
  for (const [guard, owner] of guards) if (owner === producerId) guards.delete(guard)
}

export function applyPendingOffsets(transactions: GroupTransactions, records: readonly PendingOffsetRecord[]): void {
  const { pending } = transactions
  for (const { producerId, topic, partition, pending: offset } of records) {
    const topics = pending.get(producerId) ?? new Map<string, Map<number, PendingOffset>>()
    const partitions = topics.get(topic) ?? new Map<number, PendingOffset>()
    if (offset !== null) {
      transactions.nextSequence = Math.max(transactions.nextSequence, offset.sequence + 1)
      pending.set(producerId, topics.set(topic, partitions.set(partition, offset)))
      continue
    }
    partitions.delete(partition)
    if (partitions.size === 0) topics.delete(topic)
    if (topics.size === 0) pending.delete(producerId)
  }
}

/** What is to follow when the partition's offset is committed that came at `sequence`, or later than all for Infinity. */
export function supersede(
  { pending }: GroupTransactionsView,
  { topic, partition }: TopicPartition,
  sequence: number,
): PendingOffsetRecord[] {
  const records: PendingOffsetRecord[] = []
  for (const [producerId, topics] of pending) {
    const offset = topics.get(topic)?.get(partition)
    if (offset === undefined || offset.isSuperseded || offset.sequence >= sequence) continue
    records.push({ producerId, topic, partition, pending: { ...offset, isSuperseded: true } })
  }
  return records
}

/** The records that drop what is pending: all of it, that of a topic, or that of a partition. */
export function dropPending(
  { pending }: GroupTransactionsView,
  of: { readonly topic?: string; readonly partition?: number } = {},
): PendingOffsetRecord[] {
  const records: PendingOffsetRecord[] = []
  for (const [producerId, topics] of pending) {
    for (const [topic, partitions] of topics) {
      if (of.topic !== undefined && of.topic !== topic) continue
      for (const partition of partitions.keys()) {
        if (of.partition !== undefined && of.partition !== partition) continue
        records.push({ producerId, topic, partition, pending: null })
      }
    }
  }
  return records
}

/** Whether a transaction that is open may yet change the partition's offset. */
export function isUnstable({ pending }: GroupTransactionsView, topic: string, partition: number): boolean {
  for (const topics of pending.values()) if (topics.get(topic)?.has(partition)) return true
  return false
}
