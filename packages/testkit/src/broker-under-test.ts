/** What a suite of clients is tried against: one broker in memory, or as many nodes over a folder as MILLRACE_TEST_NODES names, which clients are not to notice. */
import { startTestBroker, type TestBroker } from './test-broker.ts'
import { startTestCluster } from './test-cluster.ts'

export interface BrokerUnderTest extends AsyncDisposable {
  /** Of the first node. */
  readonly port: number
  /** Where there is one node. */
  readonly alone: TestBroker | undefined
  stop(): Promise<void>
}

const NODES_MAX = 8

export function nodesUnderTest(given = process.env.MILLRACE_TEST_NODES): number {
  const nodes = Number(given ?? 1)
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > NODES_MAX)
    throw new Error(`MILLRACE_TEST_NODES=${given}: a number from 1 to ${NODES_MAX}`)
  return nodes
}

export async function startBrokerUnderTest(settings: Readonly<Record<string, string>> = {}): Promise<BrokerUnderTest> {
  const nodes = nodesUnderTest()
  if (nodes === 1) {
    const alone = await startTestBroker({ settings })
    const stop = (): Promise<void> => alone.stop()
    return { port: alone.port, alone, stop, [Symbol.asyncDispose]: stop }
  }
  const nodeIds = Array.from({ length: nodes }, (_, i) => i + 1)
  const cluster = await startTestCluster({ nodeIds, settings })
  const stop = (): Promise<void> => cluster.stop()
  return { port: cluster.port(1), alone: undefined, stop, [Symbol.asyncDispose]: stop }
}
