import {
  type ErrorName,
  errorCode,
  OffsetForLeaderEpoch,
  type OffsetForLeaderEpochRequest,
  type OffsetForLeaderEpochResponseInput,
} from '@millrace/protocol'
import { checkLeaderEpoch } from '../metadata/leader-epoch.ts'
import { partitionOrError } from '../metadata/topic.ts'
import { mapInTurns } from '../runtime/in-turns.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'

type PartitionRequest = OffsetForLeaderEpochRequest['topics'][number]['partitions'][number]
type PartitionAnswer = OffsetForLeaderEpochResponseInput['topics'][number]['partitions'][number]

export const offsetForLeaderEpoch = handler(OffsetForLeaderEpoch, async (services, request, cx) => ({
  topics: await mapInTurns(request.topics, async ({ topic, partitions }) => ({
    topic,
    partitions: await mapInTurns(partitions, asked => answer(services, topic, asked, cx)),
  })),
}))

async function answer(
  services: Services,
  topic: string,
  asked: PartitionRequest,
  cx: RequestContext,
): Promise<PartitionAnswer> {
  const { partition } = asked
  if (!cx.mayDo('DESCRIBE', 'TOPIC', topic)) return refused(partition, 'TOPIC_AUTHORIZATION_FAILED')
  const log = partitionOrError(services.image.topic(topic), partition)
  if (typeof log === 'string') return refused(partition, log)
  const badEpoch = checkLeaderEpoch(log, asked.currentLeaderEpoch)
  if (badEpoch !== undefined) return refused(partition, badEpoch)
  const end = await services.logs.epochEnd(log, asked.leaderEpoch)
  if (end.kind === 'refused') return refused(partition, end.error)
  return { partition, errorCode: 0, leaderEpoch: end.leaderEpoch, endOffset: end.endOffset }
}

const refused = (partition: number, error: ErrorName): PartitionAnswer => ({
  partition,
  errorCode: errorCode(error),
  leaderEpoch: -1,
  endOffset: -1,
})
