import { api, arrayEncoder, type Infer, type InferInput } from '../schema/api.ts'
import { array, bool, encodableArray, int16, int32, string, struct, uuid } from '../schema/field.ts'

const FLEXIBLE = 9

const partitions = encodableArray(
  struct({
    errorCode: int16(),
    partitionIndex: int32(),
    leaderId: int32(),
    leaderEpoch: int32().since(7).default(-1).ignorable(),
    replicaNodes: array(int32()),
    isrNodes: array(int32()),
    offlineReplicas: array(int32()).since(5).ignorable(),
  }),
)

/** Tells brokers, topics, partitions and leaders; may create topics. */
export const Metadata = api({
  name: 'Metadata',
  key: 3,
  versions: [0, 13],
  flexible: FLEXIBLE,
  request: {
    topics: array(struct({ topicId: uuid().since(10).ignorable(), name: string().nullable(10) })).nullable(1),
    allowAutoTopicCreation: bool().since(4).default(true),
    includeClusterAuthorizedOperations: bool().since(8).until(10),
    includeTopicAuthorizedOperations: bool().since(8),
  },
  response: {
    throttleTimeMs: int32().since(3).ignorable(),
    brokers: array(
      struct({
        nodeId: int32(),
        host: string(),
        port: int32(),
        rack: string().since(1).nullable().default(null).ignorable(),
      }),
    ),
    clusterId: string().since(2).nullable().default(null).ignorable(),
    controllerId: int32().since(1).default(-1).ignorable(),
    topics: array(
      struct({
        errorCode: int16(),
        name: string().nullable(12),
        topicId: uuid().since(10).ignorable(),
        isInternal: bool().since(1).default(false).ignorable(),
        partitions,
        topicAuthorizedOperations: int32().since(8).default(-2147483648),
      }),
    ),
    clusterAuthorizedOperations: int32().since(8).until(10).default(-2147483648),
    errorCode: int16().since(13).ignorable(),
  },
})

/** For the partitions of one topic, which an answer may hold in this form. */
export const encodeMetadataPartitions = arrayEncoder(partitions, FLEXIBLE)

export interface MetadataRequest extends Infer<typeof Metadata.request> {}
export interface MetadataResponse extends Infer<typeof Metadata.response> {}
export interface MetadataRequestInput extends InferInput<typeof Metadata.request> {}
export interface MetadataResponseInput extends InferInput<typeof Metadata.response> {}
