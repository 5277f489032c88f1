/** Moves that were asked for and have not been made yet. */
import { errorCode, ListPartitionReassignments, type ListPartitionReassignmentsResponseInput } from '@millrace/protocol'
import { NO_NODE } from '@millrace/storage'
import { CLUSTER } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'
import type { Services } from '../services.ts'

type TopicAnswer = ListPartitionReassignmentsResponseInput['topics'][number]

export const listPartitionReassignments = handler(ListPartitionReassignments, (services, request, cx) => {
  const whole = { throttleTimeMs: 0, errorMessage: null }
  if (!cx.mayDo('DESCRIBE', 'CLUSTER', CLUSTER))
    return { ...whole, errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'), topics: [] }
  const wanted = request.topics && new Map(request.topics.map(t => [t.name, new Set(t.partitionIndexes)]))
  return {
    ...whole,
    errorCode: 0,
    topics: underWay(services, (name, i) => wanted?.get(name)?.has(i) ?? wanted === null),
  }
})

function underWay({ image }: Services, isWanted: (topic: string, partition: number) => boolean): TopicAnswer[] {
  const topics = new Map<string, TopicAnswer['partitions'][number][]>()
  for (const { topicId, partition: partitionIndex, nodeId, targetNodeId } of image.placements.all()) {
    const name = image.topicById(topicId)?.name
    if (targetNodeId === NO_NODE || name === undefined || !isWanted(name, partitionIndex)) continue
    const moves = topics.get(name) ?? []
    topics.set(name, moves)
    const replicas = [targetNodeId, nodeId]
    moves.push({ partitionIndex, replicas, addingReplicas: [targetNodeId], removingReplicas: [nodeId] })
  }
  return [...topics].map(([name, partitions]) => ({ name, partitions }))
}
