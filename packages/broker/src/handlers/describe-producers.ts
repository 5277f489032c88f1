import { DescribeProducers, type DescribeProducersResponseInput, type ErrorName, errorCode } from '@millrace/protocol'
import { partitionOrError, refuseTopicName } from '../metadata/topic.ts'
import { mapInTurns } from '../runtime/in-turns.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'

type PartitionAnswer = DescribeProducersResponseInput['topics'][number]['partitions'][number]

export const describeProducers = handler(DescribeProducers, async (services, request, cx) => {
  // Each partition once, however often it is named: a short request is not to ask for an endless answer.
  const asked = new Map<string, Set<number>>()
  for (const { name, partitionIndexes } of request.topics) {
    const known = asked.get(name) ?? new Set<number>()
    asked.set(name, known)
    for (const index of partitionIndexes) known.add(index)
  }
  const topics = await mapInTurns([...asked], async ([name, indexes]) => ({
    name,
    partitions: await mapInTurns([...indexes], index => answer(services, name, index, cx)),
  }))
  return { throttleTimeMs: 0, topics }
})

async function answer(services: Services, name: string, index: number, cx: RequestContext): Promise<PartitionAnswer> {
  const badName = refuseTopicName(name)
  if (badName !== undefined) return refused(index, 'INVALID_TOPIC_EXCEPTION', badName)
  if (!cx.mayDo('READ', 'TOPIC', name)) return refused(index, 'TOPIC_AUTHORIZATION_FAILED', null)
  const topic = services.image.topic(name)
  if (topic === undefined)
    return refused(index, 'UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.')
  const log = partitionOrError(topic, index)
  if (typeof log === 'string') return refused(index, log, null)
  const producers = await services.logs.activeProducers(log)
  return {
    partitionIndex: index,
    errorCode: 0,
    activeProducers: producers.map(p => ({
      producerId: p.producerId,
      producerEpoch: p.producerEpoch,
      lastSequence: p.lastSequence,
      lastTimestamp: p.lastTimestampMs,
      coordinatorEpoch: p.coordinatorEpoch,
      currentTxnStartOffset: p.currentTransactionFirstOffset,
    })),
  }
}

const refused = (partitionIndex: number, error: ErrorName, errorMessage: string | null): PartitionAnswer => ({
  partitionIndex,
  errorCode: errorCode(error),
  errorMessage,
  activeProducers: [],
})
