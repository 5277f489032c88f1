/** With one node a partition can only be moved to where it is, which Kafka answers with success. */
import {
  AlterPartitionReassignments,
  type AlterPartitionReassignmentsResponseInput,
  type ErrorName,
  errorCode,
} from '@millrace/protocol'
import { refuseReplicas } from '../metadata/replica-assignment.ts'
import { CLUSTER } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'
import type { Services } from '../services.ts'

type PartitionAnswer = AlterPartitionReassignmentsResponseInput['responses'][number]['partitions'][number]

export const alterPartitionReassignments = handler(AlterPartitionReassignments, (services, request, cx) => {
  const { allowReplicationFactorChange } = request
  if (!cx.mayDo('ALTER', 'CLUSTER', CLUSTER))
    return {
      throttleTimeMs: 0,
      errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'),
      errorMessage: null,
      allowReplicationFactorChange,
      responses: [],
    }
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    errorMessage: null,
    allowReplicationFactorChange,
    responses: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, replicas }) => answer(services, name, partitionIndex, replicas)),
    })),
  }
})

function answer(
  services: Services,
  name: string,
  partition: number,
  replicas: readonly number[] | null,
): PartitionAnswer {
  const topic = services.image.topic(name)
  if (topic === undefined)
    return refused(partition, 'UNKNOWN_TOPIC_OR_PARTITION', `Unable to find a topic named ${name}.`)
  if (!(partition in topic.partitions))
    return refused(partition, 'UNKNOWN_TOPIC_OR_PARTITION', `Unable to find partition ${name}:${partition}.`)
  if (replicas === null) return refused(partition, 'NO_REASSIGNMENT_IN_PROGRESS', null)
  const bad = refuseReplicas(replicas, new Set([services.config.nodeId]))
  if (bad !== undefined) return refused(partition, 'INVALID_REPLICA_ASSIGNMENT', bad)
  return { partitionIndex: partition, errorCode: 0, errorMessage: null }
}

const refused = (partitionIndex: number, error: ErrorName, errorMessage: string | null): PartitionAnswer => ({
  partitionIndex,
  errorCode: errorCode(error),
  errorMessage,
})
