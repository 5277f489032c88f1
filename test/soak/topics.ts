/** What the soak writes to. Segments are small, so that there are many; nothing is deleted. */
import { Admin } from '@millrace/client'
import type { TopicLine } from '../../packages/testkit/src/history/event.ts'

interface SoakTopic {
  readonly name: string
  readonly partitions: number
  readonly flushMessages: number | null
}

export const PLAIN: readonly SoakTopic[] = [
  { name: 'soak-plain', partitions: 3, flushMessages: null },
  { name: 'soak-durable', partitions: 2, flushMessages: 1 },
]
export const TRANSACTIONAL: readonly SoakTopic[] = [{ name: 'soak-transactions', partitions: 3, flushMessages: null }]

const SEGMENT_BYTES = 1_048_576
const CALL_LIMIT_MS = 60_000

export const topicList = (topics: readonly SoakTopic[]): string =>
  topics.map(({ name, partitions }) => `${name}:${partitions}`).join(',')

export async function makeTopics(bootstrap: string, transactional: boolean): Promise<readonly TopicLine[]> {
  await using admin = new Admin({ bootstrap })
  const topics = transactional ? [...PLAIN, ...TRANSACTIONAL] : PLAIN
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

const END_TRANSACTION = 26

export async function hasTransactions(bootstrap: string): Promise<boolean> {
  await using admin = new Admin({ bootstrap })
  return (await admin.cluster.apiVersions()).some(({ key }) => key === END_TRANSACTION)
}
