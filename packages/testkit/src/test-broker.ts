/** A whole broker inside the test's process, on a free loopback port and in memory. */
import { type Clock, type Logger, poisonReleasedBuffers, silentLogger, systemClock } from '@millrace/base'
import { type Authorizer, type Broker, brokerConfigOf, startBroker } from '@millrace/broker'
import { type Catalog, type LogEngine, openMemoryCatalog, openMemoryEngine } from '@millrace/storage'
import { WireClient, type WireClientOptions } from './wire-client.ts'

// Whatever a test asks for, memory that is looked at too late must show.
poisonReleasedBuffers()

export interface TestBrokerOptions {
  readonly settings?: Readonly<Record<string, string>>
  readonly catalog?: Catalog
  readonly clock?: Clock
  readonly logger?: Logger
  readonly authorizer?: Authorizer
}

export class TestBroker implements AsyncDisposable {
  readonly broker: Broker
  readonly port: number
  readonly catalog: Catalog
  readonly logs: LogEngine
  readonly #clients: WireClient[] = []

  constructor(broker: Broker, catalog: Catalog, logs: LogEngine) {
    this.broker = broker
    this.port = [...broker.ports.values()][0]!
    this.catalog = catalog
    this.logs = logs
  }

  /** The client is closed with the broker. */
  async connect(options: Partial<WireClientOptions> = {}): Promise<WireClient> {
    const client = await WireClient.connect({ port: this.port, ...options })
    this.#clients.push(client)
    return client
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map(client => client.close()))
    await this.broker.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const { settings = {}, catalog = openMemoryCatalog(), clock = systemClock, logger = silentLogger } = options
  const config = brokerConfigOf({ listeners: 'PLAINTEXT://127.0.0.1:0', ...settings })
  const engine = openMemoryEngine({ catalog, clock })
  const broker = await startBroker({
    config,
    engine,
    logger,
    clock,
    ...(options.authorizer && { authorizer: options.authorizer }),
  })
  return new TestBroker(broker, catalog, engine.logs)
}
