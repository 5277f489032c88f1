import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int8, int16, int32, long, position, records, string, struct, uuid } from '../schema/field.ts'

/** Reads record batches from partitions, waiting for some if asked to. */
export const Fetch = api({
  name: 'Fetch',
  key: 1,
  versions: [4, 18],
  flexible: 12,
  request: {
    clusterId: string().since(12).nullable().tag(0).default(null).ignorable(),
    replicaId: int32().until(14).default(-1),
    replicaState: struct({ replicaId: int32().since(15).default(-1), replicaEpoch: long().since(15).default(-1) })
      .since(15)
      .tag(1),
    maxWaitMs: int32(),
    minBytes: int32(),
    maxBytes: int32().since(3).default(2147483647).ignorable(),
    isolationLevel: int8().since(4).default(0).ignorable(),
    sessionId: int32().since(7).default(0).ignorable(),
    sessionEpoch: int32().since(7).default(-1).ignorable(),
    topics: array(
      struct({
        topic: string().until(12).ignorable(),
        topicId: uuid().since(13).ignorable(),
        partitions: array(
          struct({
            partition: int32(),
            currentLeaderEpoch: int32().since(9).default(-1).ignorable(),
            fetchOffset: position(),
            lastFetchedEpoch: int32().since(12).default(-1),
            logStartOffset: long().since(5).default(-1).ignorable(),
            partitionMaxBytes: int32(),
            replicaDirectoryId: uuid().since(17).tag(0).ignorable(),
            highWatermark: long().since(18).tag(1).default(Number.MAX_SAFE_INTEGER).ignorable(),
          }),
        ),
      }),
    ),
    forgottenTopicsData: array(
      struct({
        topic: string().since(7).until(12).ignorable(),
        topicId: uuid().since(13).ignorable(),
        partitions: array(int32()).since(7),
      }),
    ).since(7),
    rackId: string().since(11).default('').ignorable(),
  },
  response: {
    throttleTimeMs: int32().since(1).ignorable(),
    errorCode: int16().since(7).ignorable(),
    sessionId: int32().since(7).default(0),
    responses: array(
      struct({
        topic: string().until(12).ignorable(),
        topicId: uuid().since(13).ignorable(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            highWatermark: long(),
            lastStableOffset: long().since(4).default(-1).ignorable(),
            logStartOffset: long().since(5).default(-1).ignorable(),
            divergingEpoch: struct({ epoch: int32().since(12).default(-1), endOffset: long().since(12).default(-1) })
              .since(12)
              .tag(0),
            currentLeader: struct({
              leaderId: int32().since(12).default(-1),
              leaderEpoch: int32().since(12).default(-1),
            })
              .since(12)
              .tag(1),
            snapshotId: struct({ endOffset: long().default(-1), epoch: int32().default(-1) })
              .since(12)
              .tag(2),
            abortedTransactions: array(struct({ producerId: long().since(4), firstOffset: long().since(4) }))
              .since(4)
              .nullable()
              .ignorable(),
            preferredReadReplica: int32().since(11).default(-1),
            records: records(),
          }),
        ),
      }),
    ),
    nodeEndpoints: array(
      struct({
        nodeId: int32().since(16),
        host: string().since(16),
        port: int32().since(16),
        rack: string().since(16).nullable().default(null),
      }),
    )
      .since(16)
      .tag(0),
  },
})

export interface FetchRequest extends Infer<typeof Fetch.request> {}
export interface FetchResponse extends Infer<typeof Fetch.response> {}
export interface FetchRequestInput extends InferInput<typeof Fetch.request> {}
export interface FetchResponseInput extends InferInput<typeof Fetch.response> {}
