/** Ends a transaction in partitions without its coordinator: how an operator gets rid of one that hangs (`kafka-transactions abort`). */
import {
  type ErrorName,
  errorCode,
  WriteTxnMarkers,
  type WriteTxnMarkersRequest,
  type WriteTxnMarkersResponseInput,
} from '@millrace/protocol'
import type { MarkerEntry } from '@millrace/storage'
import { partitionOrError } from '../metadata/topic.ts'
import { groupOfTopic } from '../runtime/peers.ts'
import { CLUSTER } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'
import type { Services } from '../services.ts'

type MarkerRequest = WriteTxnMarkersRequest['markers'][number]
type MarkerAnswer = WriteTxnMarkersResponseInput['markers'][number]

export const writeTxnMarkers = handler(WriteTxnMarkers, async (services, request, cx) => {
  const isAllowed = cx.mayDo('ALTER', 'CLUSTER', CLUSTER) || cx.mayDo('CLUSTER_ACTION', 'CLUSTER', CLUSTER)
  const markers = request.markers.map(asked =>
    isAllowed ? write(services, asked) : answerOf(asked, () => 'CLUSTER_AUTHORIZATION_FAILED'),
  )
  return { markers: await Promise.all(markers) }
})

async function write(services: Services, asked: MarkerRequest): Promise<MarkerAnswer> {
  const errors = new Map<string, ErrorName>()
  const entries: MarkerEntry[] = []
  const keys: string[] = []
  const marker = {
    producerId: asked.producerId,
    producerEpoch: asked.producerEpoch,
    coordinatorEpoch: asked.coordinatorEpoch,
    commit: asked.transactionResult,
    transactionVersion: asked.transactionVersion,
  }
  for (const { name, partitionIndexes } of asked.topics) {
    const groupId = groupOfTopic(name)
    if (groupId !== undefined) {
      errors.set(`${name}:${partitionIndexes[0]}`, await endInGroup(services, asked, groupId))
      continue
    }
    const topic = services.image.topic(name)
    for (const index of new Set(partitionIndexes)) {
      const partition = topic === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : partitionOrError(topic, index)
      if (typeof partition === 'string') errors.set(`${name}:${index}`, partition)
      else {
        entries.push({ partition, marker })
        keys.push(`${name}:${index}`)
      }
    }
  }
  const outcomes = entries.length === 0 ? [] : await services.logs.append(entries)
  for (const [i, outcome] of outcomes.entries()) if (outcome.kind === 'refused') errors.set(keys[i]!, outcome.error)
  return answerOf(asked, (name, index) => errors.get(`${name}:${index}`) ?? 'NONE')
}

/** Another node's transaction has a group of this node's in it. */
async function endInGroup(
  { groups, coordinators }: Services,
  { producerId, transactionResult }: MarkerRequest,
  groupId: string,
): Promise<ErrorName> {
  if (!coordinators.isOwn(groupId)) return 'NOT_COORDINATOR'
  const isEnded = await groups.endTransaction(groupId, producerId, transactionResult)
  return isEnded ? 'NONE' : 'COORDINATOR_NOT_AVAILABLE'
}

function answerOf(asked: MarkerRequest, errorOf: (name: string, index: number) => ErrorName): MarkerAnswer {
  return {
    producerId: asked.producerId,
    topics: asked.topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map(index => ({
        partitionIndex: index,
        errorCode: errorCode(errorOf(name, index)),
      })),
    })),
  }
}
