/** There is one node, and it leads what it serves: no election is ever needed. */
import { ElectLeaders, type ElectLeadersResponseInput, type ErrorName, errorCode } from '@millrace/protocol'
import { CLUSTER } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'
import type { Services } from '../services.ts'

type PartitionAnswer = ElectLeadersResponseInput['replicaElectionResults'][number]['partitionResult'][number]

const UNCLEAN = 1

export const electLeaders = handler(ElectLeaders, (services, request, cx) => {
  const { electionType, topicPartitions } = request
  const answerAll = (answer: (topic: string, partition: number) => PartitionAnswer) =>
    (topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map(partition => answer(topic, partition)),
    }))
  const refuseAll = (error: ErrorName, message: string | null): ElectLeadersResponseInput => ({
    throttleTimeMs: 0,
    errorCode: errorCode(error),
    replicaElectionResults: answerAll((_, partition) => refused(partition, error, message)),
  })
  if (!cx.mayDo('ALTER', 'CLUSTER', CLUSTER)) return refuseAll('CLUSTER_AUTHORIZATION_FAILED', null)
  if (electionType < 0 || electionType > UNCLEAN)
    return refuseAll('INVALID_REQUEST', `Unknown election type ${electionType}`)
  // Of all partitions only those are named for which something was to be done.
  if (topicPartitions === null)
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      replicaElectionResults: services.image.topicNames().map(topic => ({ topic, partitionResult: [] })),
    }
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    replicaElectionResults: answerAll((topic, partition) => answer(services, topic, partition)),
  }
})

function answer(services: Services, topic: string, partition: number): PartitionAnswer {
  const known = services.image.topic(topic)
  if (known === undefined) return refused(partition, 'UNKNOWN_TOPIC_OR_PARTITION', `No such topic as ${topic}`)
  if (!(partition in known.partitions))
    return refused(partition, 'UNKNOWN_TOPIC_OR_PARTITION', `No such partition as ${topic}-${partition}`)
  return refused(partition, 'ELECTION_NOT_NEEDED', 'Leader election not needed for topic partition.')
}

const refused = (partitionId: number, error: ErrorName, errorMessage: string | null): PartitionAnswer => ({
  partitionId,
  errorCode: errorCode(error),
  errorMessage,
})
