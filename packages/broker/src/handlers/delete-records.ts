import { DeleteRecords, type DeleteRecordsResponseInput, type ErrorName, errorCode } from '@millrace/protocol'
import { partitionOrError } from '../metadata/topic.ts'
import { mapInTurns } from '../runtime/in-turns.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'

type PartitionAnswer = DeleteRecordsResponseInput['topics'][number]['partitions'][number]

export const deleteRecords = handler(DeleteRecords, async (services, request, cx) => {
  // A partition may be named twice, and a topic in two places: the last offset counts.
  const offsets = new Map<string, Map<number, number>>()
  for (const { name, partitions } of request.topics) {
    const known = offsets.get(name) ?? new Map<number, number>()
    offsets.set(name, known)
    for (const { partitionIndex, offset } of partitions) known.set(partitionIndex, offset)
  }
  const topics = await mapInTurns([...offsets], async ([name, partitions]) => ({
    name,
    partitions: await mapInTurns([...partitions], ([partition, offset]) =>
      answer(services, { name, partition, offset }, cx),
    ),
  }))
  return { throttleTimeMs: 0, topics }
})

async function answer(
  services: Services,
  { name, partition, offset }: { name: string; partition: number; offset: number },
  cx: RequestContext,
): Promise<PartitionAnswer> {
  if (!cx.mayDo('DELETE', 'TOPIC', name)) return refused(partition, 'TOPIC_AUTHORIZATION_FAILED')
  const topic = services.image.topic(name)
  const log = partitionOrError(topic, partition)
  if (typeof log === 'string') return refused(partition, log)
  if (topic?.isInternal) return refused(partition, 'INVALID_TOPIC_EXCEPTION')
  const outcome = await services.logs.deleteRecords(log, offset)
  if (outcome.kind === 'refused') return refused(partition, outcome.error)
  return { partitionIndex: partition, lowWatermark: outcome.logStartOffset, errorCode: 0 }
}

const refused = (partitionIndex: number, error: ErrorName): PartitionAnswer => ({
  partitionIndex,
  lowWatermark: -1,
  errorCode: errorCode(error),
})
