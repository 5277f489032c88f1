/** The partitions of a transaction: sets that are never changed, only replaced. */
import type { TopicPartition } from '../topic-partition.ts'
import type { PartitionSet } from './state.ts'

export const NO_PARTITIONS: PartitionSet = new Map()
export const NO_GROUPS: ReadonlySet<string> = new Set()

export function hasPartition(set: PartitionSet, { topic, partition }: TopicPartition): boolean {
  return set.get(topic)?.has(partition) ?? false
}

export function sizeOf(set: PartitionSet): number {
  let size = 0
  for (const partitions of set.values()) size += partitions.size
  return size
}

export function withPartitions(set: PartitionSet, added: readonly TopicPartition[]): PartitionSet {
  const topics = new Map(set)
  const copied = new Map<string, Set<number>>()
  for (const { topic, partition } of added) {
    const partitions = copied.get(topic) ?? new Set(set.get(topic))
    copied.set(topic, partitions.add(partition))
    topics.set(topic, partitions)
  }
  return topics
}

export function withoutPartitions(set: PartitionSet, removed: readonly TopicPartition[]): PartitionSet {
  const topics = new Map(set)
  const copied = new Map<string, Set<number>>()
  for (const { topic, partition } of removed) {
    const partitions = copied.get(topic) ?? new Set(set.get(topic))
    partitions.delete(partition)
    copied.set(topic, partitions)
    if (partitions.size === 0) topics.delete(topic)
    else topics.set(topic, partitions)
  }
  return topics
}
