/**
 * What Kafka's sticky assignors put into the user data of a subscription, read and written as the Java client does.
 *
 *   sticky               array of (string topic, array of int32 partitions), then int32 generation (absent in the oldest form)
 *   cooperative-sticky   int32 generation; the partitions travel in the subscription itself
 */
import { array, int32, message, Reader, string, struct, Writer } from '@millrace/protocol'
import { byTopic } from '../../cluster/by-leader.ts'
import type { TopicPartition } from '../../record.ts'
import type { MemberSubscription, OwnState } from './assignor.ts'

const previousAssignment = message(Infinity, {
  topics: array(struct({ topic: string(), partitions: array(int32()) })),
})

export function encodeStickyUserData({ partitions, generationId }: OwnState): Buffer {
  const writer = new Writer()
  const topics = [...byTopic(partitions)].map(([topic, own]) => ({ topic, partitions: own.map(p => p.partition) }))
  previousAssignment.write(writer, { topics }, 0)
  writer.int32(generationId)
  return writer.finish()
}

export function encodeCooperativeUserData({ generationId }: OwnState): Buffer {
  const writer = new Writer(4)
  writer.int32(generationId)
  return writer.finish()
}

/** What a member of an eager sticky group says that it had. Data that cannot be read counts as nothing: it comes from a stranger. */
export function stickyOwned({ userData }: MemberSubscription): OwnState {
  if (userData === null || userData.length === 0) return { partitions: [], generationId: -1 }
  try {
    const reader = new Reader(userData)
    const { topics } = previousAssignment.read(reader, 0)
    const partitions = topics.flatMap(({ topic, partitions }) =>
      partitions.map((partition): TopicPartition => ({ topic, partition })),
    )
    return { partitions, generationId: reader.remaining >= 4 ? reader.int32() : -1 }
  } catch {
    return { partitions: [], generationId: -1 }
  }
}

/** The newer clients name the generation in the subscription, the older ones in the user data. */
export function cooperativeOwned({ ownedPartitions, generationId, userData }: MemberSubscription): OwnState {
  const told = userData !== null && userData.length >= 4 ? userData.readInt32BE(0) : -1
  return { partitions: ownedPartitions, generationId: generationId >= 0 ? generationId : told }
}
