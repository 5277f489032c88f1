/** What members of a classic group tell each other, in Kafka's own form: int16 version, then the message of that version. */
import {
  CONSUMER_PROTOCOL_VERSION_MAX,
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
  Reader,
  Writer,
} from '@millrace/protocol'
import { byTopic } from '../cluster/by-leader.ts'
import { KafkaError } from '../errors.ts'
import type { TopicPartition } from '../record.ts'
import type { MemberSubscription, OwnState } from './assignors/assignor.ts'

export interface SubscriptionInput {
  readonly topics: readonly string[]
  readonly userData: Uint8Array | null
  readonly owned: OwnState
  readonly rackId: string
}

export function encodeSubscription({ topics, userData, owned, rackId }: SubscriptionInput): Buffer {
  const writer = new Writer()
  writer.int16(CONSUMER_PROTOCOL_VERSION_MAX)
  const value = {
    topics: [...topics].sort(),
    userData,
    ownedPartitions: grouped(owned.partitions),
    generationId: owned.generationId,
    rackId: rackId === '' ? null : rackId,
  }
  ConsumerProtocolSubscription.write(writer, value, CONSUMER_PROTOCOL_VERSION_MAX)
  return writer.finish()
}

interface MemberMetadata {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly metadata: Buffer
}

export function decodeSubscription({ memberId, groupInstanceId, metadata }: MemberMetadata): MemberSubscription {
  const [reader, version] = versioned(metadata)
  const { topics, userData, ownedPartitions, generationId } = ConsumerProtocolSubscription.read(
    reader,
    Math.min(version, CONSUMER_PROTOCOL_VERSION_MAX),
  )
  return { memberId, groupInstanceId, topics, userData, ownedPartitions: flat(ownedPartitions), generationId }
}

export function encodeAssignment(partitions: readonly TopicPartition[]): Buffer {
  const writer = new Writer()
  writer.int16(CONSUMER_PROTOCOL_VERSION_MAX)
  ConsumerProtocolAssignment.write(writer, { assignedPartitions: grouped(partitions) }, CONSUMER_PROTOCOL_VERSION_MAX)
  return writer.finish()
}

/** A member that came too late for the round gets nothing at all: that is an empty assignment. */
export function decodeAssignment(bytes: Buffer): readonly TopicPartition[] {
  if (bytes.length === 0) return []
  const [reader, version] = versioned(bytes)
  const { assignedPartitions } = ConsumerProtocolAssignment.read(
    reader,
    Math.min(version, CONSUMER_PROTOCOL_VERSION_MAX),
  )
  return flat(assignedPartitions)
}

function versioned(bytes: Buffer): [Reader, number] {
  const reader = new Reader(bytes)
  const version = reader.int16()
  if (version < 0) throw new KafkaError('MALFORMED_RESPONSE', `consumer protocol version ${version}`)
  return [reader, version]
}

const grouped = (partitions: readonly TopicPartition[]) =>
  [...byTopic(partitions)].map(([topic, own]) => ({ topic, partitions: own.map(({ partition }) => partition) }))

const flat = (
  topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
): TopicPartition[] => topics.flatMap(({ topic, partitions }) => partitions.map(partition => ({ topic, partition })))
