import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, int16, int32, long, records, sentence, string, struct, uuid } from '../schema/field.ts'

/** Appends record batches to partitions. */
export const Produce = api({
  name: 'Produce',
  key: 0,
  versions: [3, 13],
  flexible: 9,
  request: {
    transactionalId: string().since(3).nullable().default(null),
    acks: int16(),
    timeoutMs: int32(),
    topicData: array(
      struct({
        name: string().until(12).ignorable(),
        topicId: uuid().since(13).ignorable(),
        partitionData: array(struct({ index: int32(), records: records() })),
      }),
    ),
  },
  response: {
    responses: array(
      struct({
        name: string().until(12).ignorable(),
        topicId: uuid().since(13).ignorable(),
        partitionResponses: array(
          struct({
            index: int32(),
            errorCode: int16(),
            baseOffset: long(),
            logAppendTimeMs: long().since(2).default(-1).ignorable(),
            logStartOffset: long().since(5).default(-1).ignorable(),
            recordErrors: array(
              struct({
                batchIndex: int32().since(8),
                batchIndexErrorMessage: sentence().since(8).nullable().default(null),
              }),
            )
              .since(8)
              .ignorable(),
            errorMessage: sentence().since(8).nullable().default(null).ignorable(),
            currentLeader: struct({
              leaderId: int32().since(10).default(-1),
              leaderEpoch: int32().since(10).default(-1),
            })
              .since(10)
              .tag(0),
          }),
        ),
      }),
    ),
    throttleTimeMs: int32().since(1).default(0).ignorable(),
    nodeEndpoints: array(
      struct({
        nodeId: int32().since(10),
        host: string().since(10),
        port: int32().since(10),
        rack: string().since(10).nullable().default(null),
      }),
    )
      .since(10)
      .tag(0),
  },
})

export interface ProduceRequest extends Infer<typeof Produce.request> {}
export interface ProduceResponse extends Infer<typeof Produce.response> {}
export interface ProduceRequestInput extends InferInput<typeof Produce.request> {}
export interface ProduceResponseInput extends InferInput<typeof Produce.response> {}
