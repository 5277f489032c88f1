/** Several nodes in the test's own thread, as `--nodes N` has them in threads of their own: one catalog, one data folder, message ports between them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { type Logger, silentLogger, systemClock } from '@millrace/base'
import { type Broker, brokerConfigOf, PortPeers, startBroker } from '@millrace/broker'
import {
  CatalogServer,
  type LogEngine,
  openDiskEngine,
  openSharedFolders,
  openSqliteCatalog,
  RemoteCatalog,
  type SharedFolders,
} from '@millrace/storage'
import { WireClient, type WireClientOptions } from './wire-client.ts'

export interface TestClusterOptions {
  /** Default: 1 and 2. */
  readonly nodeIds?: readonly number[]
  readonly settings?: Readonly<Record<string, string>>
  readonly logger?: Logger
  /** A folder of an earlier cluster; by default a new one that goes with this one. */
  readonly dir?: string
}

interface RunningNode {
  readonly broker: Broker
  readonly port: number
  readonly logs: LogEngine
  readonly peers: PortPeers
  readonly detach: () => void
}

export class TestCluster implements AsyncDisposable {
  readonly dir: string
  readonly nodeIds: readonly number[]
  readonly #options: TestClusterOptions
  readonly #folders: SharedFolders
  readonly #catalogs: CatalogServer
  readonly #nodes = new Map<number, RunningNode>()
  readonly #clients: WireClient[] = []

  constructor(dir: string, options: TestClusterOptions, folders: SharedFolders) {
    this.dir = dir
    this.nodeIds = options.nodeIds ?? [1, 2]
    this.#options = options
    this.#folders = folders
    this.#catalogs = new CatalogServer(folders.catalog)
  }

  port(nodeId: number): number {
    return this.#node(nodeId).port
  }

  logs(nodeId: number): LogEngine {
    return this.#node(nodeId).logs
  }

  /** The client is closed with the cluster. */
  async connect(nodeId: number, options: Partial<WireClientOptions> = {}): Promise<WireClient> {
    const client = await WireClient.connect({ port: this.port(nodeId), ...options })
    this.#clients.push(client)
    return client
  }

  async startNode(nodeId: number): Promise<void> {
    const { settings = {}, logger = silentLogger } = this.#options
    const config = brokerConfigOf({ listeners: 'PLAINTEXT://127.0.0.1:0', ...settings, 'node.id': String(nodeId) })
    const { port1, port2 } = new MessageChannel()
    const { detach } = this.#catalogs.attach(port1)
    const catalog = new RemoteCatalog(port2, this.#folders.catalog.clusterId)
    const shared = { isFirst: nodeId === this.nodeIds[0] }
    const engine = await openDiskEngine({
      dirs: [this.dir],
      catalog: () => catalog,
      clock: systemClock,
      logger,
      nodeId,
      shared,
    })
    const peers = new PortPeers(this.nodeIds)
    for (const [otherId, other] of this.#nodes) {
      const between = new MessageChannel()
      peers.connect(otherId, between.port1)
      other.peers.connect(nodeId, between.port2)
    }
    const broker = await startBroker({ config, engine, logger, peers })
    const [port] = broker.ports.values()
    this.#nodes.set(nodeId, { broker, port: port!, logs: engine.logs, peers, detach })
    const known = this.#nodes.size - 1
    while ([...this.#nodes.values()].some(node => [...node.peers.others()].length < known))
      await new Promise(resolve => setImmediate(resolve))
  }

  async stopNode(nodeId: number): Promise<void> {
    const { broker, peers, detach } = this.#node(nodeId)
    this.#nodes.delete(nodeId)
    await broker.stop()
    detach()
    peers.close()
    for (const other of this.#nodes.values()) other.peers.disconnect(nodeId)
  }

  /** The folder stays if it was given. */
  async stop(): Promise<void> {
    await Promise.all(this.#clients.map(client => client.close()))
    for (const nodeId of [...this.#nodes.keys()]) await this.stopNode(nodeId)
    this.#folders.release()
    if (this.#options.dir === undefined) await rm(this.dir, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #node(nodeId: number): RunningNode {
    const node = this.#nodes.get(nodeId)
    if (node === undefined) throw new Error(`node ${nodeId} does not run`)
    return node
  }
}

export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'millrace-cluster-')))
  const { nodeIds = [1, 2], logger = silentLogger } = options
  const path = join(dir, 'catalog.sqlite')
  const catalog = () => openSqliteCatalog({ path, nodeId: nodeIds[0]!, logger })
  const folders = await openSharedFolders({ dirs: [dir], nodeIds, catalog, logger })
  const cluster = new TestCluster(dir, options, folders)
  for (const nodeId of nodeIds) await cluster.startNode(nodeId)
  return cluster
}
