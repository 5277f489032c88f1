import type { ErrorName } from '@millrace/protocol'
import type { PartitionLog } from '@millrace/storage'
import type { ConfigOverrides } from '../config/config-operations.ts'
import type { TopicConfig } from '../config/topic-config.ts'

/** One topic as this node sees it now. Replaced as a whole when anything about it changes. */
export interface Topic {
  readonly name: string
  /** 22 characters of URL-safe base64. */
  readonly id: string
  readonly isInternal: boolean
  readonly createdMs: number
  /** By partition number, without holes. A partition that is still being recovered is undefined; it appears here when it is open. */
  readonly partitions: readonly (PartitionLog | undefined)[]
  readonly overrides: ConfigOverrides
  readonly config: TopicConfig
}

/** The log to ask, or the error that a client gets in its place. */
export function partitionOrError(topic: Topic | undefined, partition: number): PartitionLog | ErrorName {
  const log = topic?.partitions[partition]
  if (log !== undefined) return log
  return missingPartition(topic, partition)
}

/** One that is not open yet has no leader: clients ask for metadata again, and come back. */
export const missingPartition = (topic: Topic | undefined, partition: number): ErrorName =>
  topic !== undefined && partition in topic.partitions ? 'NOT_LEADER_OR_FOLLOWER' : 'UNKNOWN_TOPIC_OR_PARTITION'

const NAME_LENGTH_MAX = 249
const LEGAL_NAME = /^[a-zA-Z0-9._-]+$/

/** Why the name cannot be a topic's, or undefined if it can. */
export function refuseTopicName(name: string): string | undefined {
  if (name === '') return 'Topic name is invalid: the empty string is not allowed'
  if (name === '.' || name === '..') return `Topic name is invalid: '${name}' is not allowed`
  if (name.length > NAME_LENGTH_MAX)
    return `Topic name is invalid: the length of '${name.slice(0, 32)}…' is longer than the max allowed length ${NAME_LENGTH_MAX}`
  if (!LEGAL_NAME.test(name))
    return `Topic name is invalid: '${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
  return undefined
}

const INTERNAL_TOPICS = new Set(['__consumer_offsets', '__transaction_state', '__share_group_state'])
export const isInternalTopic = (name: string): boolean => INTERNAL_TOPICS.has(name)
