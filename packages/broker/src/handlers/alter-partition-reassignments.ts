/** A partition has one replica, so a reassignment names the node that is to lead it. To where it is it can always be moved, which Kafka answers with success. */
import {
  AlterPartitionReassignments,
  type AlterPartitionReassignmentsResponseInput,
  type ErrorName,
  errorCode,
} from '@millrace/protocol'
import { type CatalogChange, CatalogError, NO_NODE } from '@millrace/storage'
import { refuseReplicas } from '../metadata/replica-assignment.ts'
import { CLUSTER } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'
import type { Services } from '../services.ts'

type PartitionAnswer = AlterPartitionReassignmentsResponseInput['responses'][number]['partitions'][number]

interface Planned {
  readonly answer: PartitionAnswer
  /** What is to be written for it. */
  readonly change?: CatalogChange
}

export const alterPartitionReassignments = handler(AlterPartitionReassignments, async (services, request, cx) => {
  const { allowReplicationFactorChange } = request
  const whole = { throttleTimeMs: 0, errorMessage: null, allowReplicationFactorChange }
  if (!cx.mayDo('ALTER', 'CLUSTER', CLUSTER))
    return { ...whole, errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'), responses: [] }
  const planned = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, replicas }) => plan(services, name, partitionIndex, replicas)),
  }))
  const changes = planned.flatMap(({ partitions }) => partitions.flatMap(({ change }) => change ?? []))
  const failed = changes.length === 0 ? undefined : await write(services, changes)
  const responses = planned.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ answer, change }) =>
      failed === undefined || change === undefined ? answer : refused(answer.partitionIndex, ...failed),
    ),
  }))
  return { ...whole, errorCode: 0, responses }
})

function plan(services: Services, name: string, partition: number, replicas: readonly number[] | null): Planned {
  const topic = services.image.topic(name)
  const refuse = (error: ErrorName, message: string | null): Planned => ({ answer: refused(partition, error, message) })
  if (topic === undefined) return refuse('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find a topic named ${name}.`)
  if (!(partition in topic.partitions))
    return refuse('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find partition ${name}:${partition}.`)
  const { nodeId = services.config.nodeId, targetNodeId = NO_NODE } =
    services.image.placements.of(topic.id, partition) ?? {}
  const done: PartitionAnswer = { partitionIndex: partition, errorCode: 0, errorMessage: null }
  const moveTo = (target: number): Planned =>
    target === targetNodeId
      ? { answer: done }
      : { answer: done, change: { kind: 'setMoveTarget', topicId: topic.id, partition, targetNodeId: target } }
  if (replicas === null) return targetNodeId === NO_NODE ? refuse('NO_REASSIGNMENT_IN_PROGRESS', null) : moveTo(NO_NODE)
  const bad = refuseReplicas(replicas, new Set(services.peers.nodeIds))
  if (bad !== undefined) return refuse('INVALID_REPLICA_ASSIGNMENT', bad)
  const isAlone = services.peers.nodeIds.length === 1
  return moveTo(isAlone || replicas[0] === nodeId ? NO_NODE : replicas[0]!)
}

async function write(
  { catalog }: Services,
  changes: readonly CatalogChange[],
): Promise<readonly [ErrorName, string] | undefined> {
  try {
    await catalog.write(changes)
    return undefined
  } catch (error) {
    if (!(error instanceof CatalogError)) throw error
    return [error.code === 'NOT_FOUND' ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'KAFKA_STORAGE_ERROR', error.message]
  }
}

const refused = (partitionIndex: number, error: ErrorName, errorMessage: string | null): PartitionAnswer => ({
  partitionIndex,
  errorCode: errorCode(error),
  errorMessage,
})
