/** What the soak writes to, in each round to topics of its own. Segments are small, so that there are many. */
import { Admin } from '@millrace/client'
import type { TopicLine } from '../../packages/testkit/src/history/event.ts'

interface SoakTopic {
  readonly name: string
  readonly partitions: number
  readonly flushMessages: number | null
}

const SEGMENT_BYTES = 1_048_576
const CALL_LIMIT_MS = 60_000
const END_TRANSACTION = 26

export class SoakTopics {
  readonly #plain: readonly SoakTopic[]
  readonly #transactional: readonly SoakTopic[]

  constructor(round: number, isTransactional: boolean) {
    this.#plain = [
      { name: `soak-plain-${round}`, partitions: 3, flushMessages: null },
      { name: `soak-durable-${round}`, partitions: 2, flushMessages: 1 },
    ]
    this.#transactional = isTransactional
      ? [{ name: `soak-transactions-${round}`, partitions: 3, flushMessages: null }]
      : []
  }

  /** `topic:partitions,…`. */
  get plain(): string {
    return listOf(this.#plain)
  }

  /** `-` where the broker has no transactions. */
  get transactional(): string {
    return listOf(this.#transactional) || '-'
  }

  get all(): string {
    return listOf([...this.#plain, ...this.#transactional])
  }

  async make(bootstrap: string): Promise<readonly TopicLine[]> {
    await using admin = new Admin({ bootstrap })
    const topics = [...this.#plain, ...this.#transactional]
    await admin.topics.create(
      topics.map(({ name, partitions, flushMessages }) => ({
        name,
        partitions,
        configs: {
          'segment.bytes': SEGMENT_BYTES,
          'retention.ms': -1,
          ...(flushMessages === null ? {} : { 'flush.messages': flushMessages }),
        },
      })),
      { timeoutMs: CALL_LIMIT_MS },
    )
    return topics.map(({ name, partitions, flushMessages }) => ({
      kind: 'topic',
      at: 0,
      topic: name,
      partitions,
      flushMessages,
      shrinks: false,
    }))
  }

  async delete(bootstrap: string): Promise<void> {
    await using admin = new Admin({ bootstrap })
    const names = [...this.#plain, ...this.#transactional].map(({ name }) => name)
    await admin.topics.delete(names, { timeoutMs: CALL_LIMIT_MS })
  }
}

const listOf = (topics: readonly SoakTopic[]): string =>
  topics.map(({ name, partitions }) => `${name}:${partitions}`).join(',')

export async function hasTransactions(bootstrap: string): Promise<boolean> {
  await using admin = new Admin({ bootstrap })
  return (await admin.cluster.apiVersions()).some(({ key }) => key === END_TRANSACTION)
}
