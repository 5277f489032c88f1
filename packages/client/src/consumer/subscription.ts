import { KafkaError } from '../errors.ts'
import { type TopicPartition, topicPartitionKey } from '../record.ts'
import { AssignedPartition } from './assigned-partition.ts'
import type { RebalanceListener } from './consumer-options.ts'

export type Wish =
  | { readonly kind: 'none' }
  | { readonly kind: 'topics'; readonly topics: readonly string[] }
  | { readonly kind: 'pattern'; readonly pattern: RegExp }
  | { readonly kind: 'assigned' }

/** What the program wants to read, and what it reads at the moment. */
export class Subscription {
  wish: Wish = { kind: 'none' }
  listener: RebalanceListener = {}
  /** Raised when the wish changes. */
  version = 0
  #partitions = new Map<string, AssignedPartition>()

  get isByGroup(): boolean {
    return this.wish.kind === 'topics' || this.wish.kind === 'pattern'
  }

  get partitions(): readonly AssignedPartition[] {
    return [...this.#partitions.values()]
  }

  get(topic: string, partition: number): AssignedPartition | undefined {
    return this.#partitions.get(topicPartitionKey(topic, partition))
  }

  /** Throws `INVALID_STATE` for a partition that is not assigned to this consumer. */
  expect({ topic, partition }: TopicPartition): AssignedPartition {
    const own = this.get(topic, partition)
    if (own === undefined)
      throw new KafkaError('INVALID_STATE', `${topic}-${partition} is not assigned to this consumer`, {
        topic,
        partition,
      })
    return own
  }

  /** The given partitions, or all. */
  select(partitions: Iterable<TopicPartition> | undefined): readonly AssignedPartition[] {
    return partitions === undefined ? this.partitions : [...partitions].map(p => this.expect(p))
  }

  want(wish: Wish, listener: RebalanceListener = {}): void {
    const isManual = wish.kind === 'assigned'
    if ((this.isByGroup && isManual) || (this.wish.kind === 'assigned' && wish.kind !== 'none' && !isManual))
      throw new KafkaError('INVALID_STATE', 'subscribe and assign exclude each other: unsubscribe first')
    this.wish = wish
    this.listener = listener
    this.version++
  }

  /** The topics of the wish that exist, for a pattern among `allTopics`. Internal topics only match by name. */
  topics(allTopics: readonly string[]): readonly string[] {
    const { wish } = this
    if (wish.kind === 'topics') return wish.topics
    if (wish.kind !== 'pattern') return []
    const matches = new RegExp(`^(?:${wish.pattern.source})$`, wish.pattern.flags.replace(/[gy]/g, ''))
    return allTopics.filter(topic => !topic.startsWith('__') && matches.test(topic)).sort()
  }

  /** Replaces the assignment; what stays keeps its state. */
  assign(partitions: Iterable<TopicPartition>): void {
    const next = new Map<string, AssignedPartition>()
    for (const { topic, partition } of partitions) {
      const key = topicPartitionKey(topic, partition)
      next.set(key, this.#partitions.get(key) ?? new AssignedPartition(topic, partition))
    }
    for (const [key, partition] of this.#partitions) if (!next.has(key)) partition.generation++
    this.#partitions = next
  }

  /** Everything that was handed over counts as done: the program has asked for more. */
  markProcessed(): void {
    for (const partition of this.#partitions.values()) if (partition.position >= 0) partition.markProcessed()
  }
}
