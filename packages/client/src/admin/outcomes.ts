/** Calls about several items: each comes to something of its own, and what can be retried is retried for the items that need it. */
import type { CallOptions } from '../client-options.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { KafkaError } from '../errors.ts'
import type { Connection } from '../network/connection.ts'

export type Outcomes<T> = Map<string, T | KafkaError>

/** All results, or the first error, which carries what became of the others. */
export function settled<T>(outcomes: Outcomes<T>): Map<string, T> {
  const results = new Map<string, T>()
  let failure: KafkaError | undefined
  for (const [key, outcome] of outcomes) {
    if (outcome instanceof KafkaError) failure ??= outcome
    else results.set(key, outcome)
  }
  if (failure === undefined) return results
  const { code, message, topic, partition, offset, retriable } = failure
  throw new KafkaError(code, message, { cause: failure, topic, partition, offset, outcomes, retriable })
}

export interface ItemsCall<I, T> {
  readonly items: readonly I[]
  readonly keyOf: (item: I) => string
  /** Where the request goes; the controller by default. */
  readonly connect?: () => Promise<Connection>
  readonly ask: (connection: Connection, items: readonly I[]) => Promise<Outcomes<T>>
}

export async function askForItems<I, T>(
  cluster: Cluster,
  call: CallOptions,
  { items, keyOf, connect = () => cluster.controller(), ask }: ItemsCall<I, T>,
): Promise<Outcomes<T>> {
  const outcomes: Outcomes<T> = new Map()
  let left = items
  const isPassing = (outcome: T | KafkaError | undefined): outcome is KafkaError =>
    outcome instanceof KafkaError && outcome.retriable && !waitsForNothing.has(outcome.code)
  const attempt = async (): Promise<void> => {
    for (const [key, outcome] of await ask(await connect(), left)) outcomes.set(key, outcome)
    left = left.filter(item => isPassing(outcomes.get(keyOf(item))))
    const again = left.map(item => outcomes.get(keyOf(item))).find(isPassing)
    if (again !== undefined) throw again
  }
  try {
    if (items.length > 0) await cluster.retry(call, attempt)
  } catch (error) {
    // Out of time: what is known by now is the answer.
    if (!(error instanceof KafkaError) || left.some(item => !outcomes.has(keyOf(item)))) throw error
  }
  return outcomes
}

/** Retriable in Kafka's book, but an administrator who asks for what is not there, or need not be done, wants to be told. */
const waitsForNothing: ReadonlySet<string> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'ELECTION_NOT_NEEDED',
])

/** The same call to several brokers. */
export async function askBrokers<T>(
  cluster: Cluster,
  call: CallOptions,
  ids: readonly number[] | undefined,
  ask: (connection: Connection, id: number) => Promise<T>,
): Promise<Map<number, T>> {
  if (cluster.metadata.brokers.size === 0 || cluster.metadata.isStale)
    await cluster.retry(call, () => cluster.metadata.refresh())
  const brokers = ids ?? [...cluster.metadata.brokers.keys()]
  const answers = await Promise.all(
    brokers.map(async id => [id, await cluster.retry(call, async () => ask(await cluster.node(id), id))] as const),
  )
  return new Map(answers)
}
