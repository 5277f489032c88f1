/** Commits of what was written out, and of nothing else: a record that stdout has not taken is read again by whoever comes next. */
import { type Consumer, KafkaError, type TopicPartition } from '@millrace/client'
import { keyOf } from '../shared/admin-session.ts'

const INTERVAL_MS = 5000

/** The group has moved on: the partitions are someone else's, and so are their offsets. */
const overtaken: ReadonlySet<string> = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'])

export class GroupCommits {
  readonly #consumer: Consumer
  readonly #isWanted: boolean
  readonly #written = new Map<string, TopicPartition & { readonly offset: number }>()
  #nextMs = performance.now() + INTERVAL_MS

  constructor(consumer: Consumer, isWanted: boolean) {
    this.#consumer = consumer
    this.#isWanted = isWanted
  }

  async written(partition: TopicPartition, nextOffset: number): Promise<void> {
    this.#written.set(keyOf(partition), { topic: partition.topic, partition: partition.partition, offset: nextOffset })
    if (performance.now() >= this.#nextMs) await this.now()
  }

  async now(): Promise<void> {
    this.#nextMs = performance.now() + INTERVAL_MS
    const offsets = [...this.#written.values()]
    this.#written.clear()
    if (!this.#isWanted || offsets.length === 0) return
    try {
      await this.#consumer.commit(offsets)
    } catch (error) {
      if (!(error instanceof KafkaError) || !overtaken.has(error.code)) throw error
    }
  }

  forget(): void {
    this.#written.clear()
  }
}
