/** What most tests of a broker begin with: topics, records in them, and the versions of an API one after the other. */
import {
  type Api,
  BatchBuilder,
  type BatchFields,
  CreateTopics,
  type ErrorName,
  errorName,
  Produce,
  type RecordFields,
} from '@millrace/protocol'
import type { WireClient } from './wire-client.ts'

export interface TestTopic {
  readonly partitions?: number
  readonly configs?: Readonly<Record<string, string>>
}

/** Creates the topic, which must succeed, and answers its id. */
export async function createTopic(client: WireClient, name: string, topic: TestTopic = {}): Promise<string> {
  const { partitions = 1, configs = {} } = topic
  const { topics } = await client.request(CreateTopics, 7, {
    topics: [
      {
        name,
        numPartitions: partitions,
        replicationFactor: 1,
        assignments: [],
        configs: Object.entries(configs).map(([configName, value]) => ({ name: configName, value })),
      },
    ],
    timeoutMs: 10_000,
    validateOnly: false,
  })
  const made = topics[0]!
  if (made.errorCode !== 0) throw new Error(`topic ${name}: ${errorName(made.errorCode)} ${made.errorMessage}`)
  return made.topicId
}

/** One batch with a record for each value; a text stands for a record with that value and neither key nor time. */
export function batchOf(records: readonly (string | RecordFields)[], fields: BatchFields = {}): Buffer {
  const builder = new BatchBuilder()
  for (const record of records)
    builder.append(typeof record === 'string' ? { timestamp: -1, value: Buffer.from(record) } : record)
  return builder.build(fields)
}

/** Appends the batch, which must succeed, and answers its base offset. */
export async function produceBatch(client: WireClient, topic: string, batch: Buffer, partition = 0): Promise<number> {
  const { responses } = await client.request(Produce, 9, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 10_000,
    topicData: [{ name: topic, partitionData: [{ index: partition, records: [batch] }] }],
  })
  const answer = responses[0]!.partitionResponses[0]!
  if (answer.errorCode !== 0) throw new Error(`${topic}-${partition}: ${errorName(answer.errorCode)}`)
  return answer.baseOffset
}

export function versionsOf<Q, QI, R, RI>(api: Api<Q, QI, R, RI>): number[] {
  const [min, max] = api.versions
  return Array.from({ length: max - min + 1 }, (_, i) => min + i)
}

/** The names of errors, for tests to compare. */
export const errorsOf = (answers: readonly { readonly errorCode: number }[]): ErrorName[] =>
  answers.map(({ errorCode }) => errorName(errorCode))
