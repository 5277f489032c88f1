import { CreateTopics } from '@millrace/protocol'
import { WireClient } from '@millrace/testkit'
import type { Broker } from '../../test/interop/broker.ts'

const CREATE_VERSION = 5
const LIMIT_MS = 120_000

export async function createTopic(
  broker: Broker,
  name: string,
  numPartitions: number,
  configs: Readonly<Record<string, string>> = {},
): Promise<void> {
  await using client = await WireClient.connect({ port: broker.port, timeoutMs: LIMIT_MS })
  const entries = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
  const topic = { name, numPartitions, replicationFactor: 1, assignments: [], configs: entries }
  const { topics } = await client.request(CreateTopics, CREATE_VERSION, { topics: [topic], timeoutMs: LIMIT_MS })
  const { errorCode, errorMessage } = topics[0]!
  if (errorCode !== 0) throw new Error(`create topic ${name}: error ${errorCode} ${errorMessage ?? ''}`)
}
