/** The composition root: builds a node from its configuration and a storage engine, and takes it down again. */
import { hostname } from 'node:os'
import {
  BufferPool,
  type Clock,
  type Logger,
  type Random,
  silentLogger,
  systemClock,
  systemRandom,
  TimerWheel,
} from '@millrace/base'
import type { CatalogChange, StorageEngine, TopicLayout } from '@millrace/storage'
import type { BrokerConfig } from './config/broker-config.ts'
import { advertisedEndpoints, parseHostPort } from './config/listeners.ts'
import { registry } from './handlers/index.ts'
import { ClusterImage } from './metadata/cluster-image.ts'
import { ConfigAdmin } from './metadata/config-admin.ts'
import { Coordinators } from './metadata/coordinators.ts'
import { Features } from './metadata/features.ts'
import { TopicAdmin } from './metadata/topic-admin.ts'
import { brokerMetricsText } from './metrics/broker-metrics.ts'
import { Metrics } from './metrics/metrics.ts'
import { ProcessMetrics } from './metrics/process-metrics.ts'
import { FetchSessions } from './runtime/fetch-sessions.ts'
import { GroupCoordinator } from './runtime/groups/group-coordinator.ts'
import { PartitionMover } from './runtime/partition-mover.ts'
import { noPeers, PEER_CONNECTION, type Peers } from './runtime/peers.ts'
import { ProducerIds } from './runtime/producer-ids.ts'
import { Purgatory } from './runtime/purgatory.ts'
import { TransactionCoordinator } from './runtime/transactions/transaction-coordinator.ts'
import { TransactionGate } from './runtime/transactions/transaction-gate.ts'
import { type Authorizer, allowAll } from './security/authorizer.ts'
import { noQuotas } from './security/quotas.ts'
import { AdminHttp } from './server/admin-http.ts'
import { Dispatcher } from './server/dispatcher.ts'
import { type ConnectionLimits, SocketServer } from './server/listener.ts'
import { ServerLoad } from './server/server-load.ts'
import { nodeTransport, type Transport } from './server/transport.ts'
import type { BrokerEndpoint, Services } from './services.ts'

export interface BrokerOptions {
  readonly config: BrokerConfig
  /** The broker owns it from here on and closes it. */
  readonly engine: StorageEngine
  /** Default: silent. */
  readonly logger?: Logger
  readonly clock?: Clock
  readonly random?: Random
  /** Everyone may do everything unless it says otherwise. */
  readonly authorizer?: Authorizer
  /** The machine's own network unless a simulation takes its place. */
  readonly transport?: Transport
  /** The other nodes of the cluster. None of them unless it says otherwise. */
  readonly peers?: Peers
}

export interface Broker extends AsyncDisposable {
  /** Listener name to bound port; the admin port, where there is one, as `ADMIN`. */
  readonly ports: ReadonlyMap<string, number>
  readonly clusterId: string
  readonly partitionCount: number
  /** Answers what is under way, takes nothing new, and leaves a clean stop behind. */
  stop(): Promise<void>
}

/** Bytes that may wait for slow readers, all connections together. */
const UNSENT_BYTES_MAX = 64 << 20
/** A producer's request is rarely larger: `max.request.size` is a megabyte. */
const FRAME_BLOCKS = { blockBytesMin: 8 * 1024, blockBytesMax: 2 << 20, keptBytesMax: 8 << 20 }
/** So long clients wait in front of a closed door rather than behind an open one. A start without recovery takes less. */
const LOGS_WAIT_MS = 2_000
const PRINCIPAL = 'User:ANONYMOUS'
const ADMIN = 'ADMIN'

export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const node = new Node(options)
  try {
    await node.start()
  } catch (error) {
    // What went wrong first is what the operator has to know.
    await node
      .stop()
      .catch(late => options.logger?.warn('the start failed, and so did the stop after it', { error: late }))
    throw error
  }
  return node
}

interface AdminPort {
  readonly http: AdminHttp
  readonly process: ProcessMetrics
}

class Node implements Broker {
  readonly ports = new Map<string, number>()
  readonly #options: Required<BrokerOptions>
  readonly #timers: TimerWheel
  readonly #purgatory: Purgatory
  readonly #image: ClusterImage
  readonly #groups: GroupCoordinator
  readonly #transactions: TransactionCoordinator
  readonly #features = new Features()
  readonly #coordinators: Coordinators
  readonly #peers: Peers
  readonly #mover: PartitionMover
  readonly #server: SocketServer
  readonly #dispatcher: Dispatcher
  readonly metrics = new Metrics()
  readonly #admin: AdminPort | undefined
  #endpoints: ReadonlyMap<string, BrokerEndpoint> = new Map()
  #notReady: 'starting' | 'stopping' | undefined = 'starting'
  #stopping: Promise<void> | undefined

  constructor(given: BrokerOptions) {
    const options = {
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      authorizer: allowAll,
      transport: nodeTransport,
      peers: noPeers(given.config.nodeId),
      ...given,
    }
    this.#options = options
    const { config, engine, clock, random, logger, peers } = options
    this.#peers = peers
    this.#coordinators = new Coordinators(peers.nodeIds, config.nodeId)
    this.#timers = new TimerWheel(clock)
    this.#purgatory = new Purgatory(this.#timers)
    this.#image = new ClusterImage(engine.catalog.clusterId, engine.logs, config, peers.nodeIds)
    this.#groups = new GroupCoordinator({
      catalog: engine.catalog,
      config,
      image: this.#image,
      timers: this.#timers,
      clock,
      random,
      logger,
      isOwn: groupId => this.#coordinators.isOwn(groupId),
    })
    const producerIds = new ProducerIds(engine.catalog)
    this.#transactions = this.#transactionCoordinator(producerIds)
    const load = new ServerLoad({
      requestsMax: config.queuedMaxRequests,
      requestBytesMax: config.queuedMaxRequestBytes,
      unsentBytesMax: UNSENT_BYTES_MAX,
    })
    const services: Services = {
      config,
      image: this.#image,
      topics: this.#topicAdmin(),
      configs: new ConfigAdmin({ image: this.#image, catalog: engine.catalog, config }),
      logs: engine.logs,
      catalog: engine.catalog,
      purgatory: this.#purgatory,
      groups: this.#groups,
      fetchSessions: new FetchSessions({ slotsMax: () => config.maxIncrementalFetchSessionCacheSlots, clock, random }),
      producerIds,
      transactions: this.#transactions,
      gate: this.#gate(),
      features: this.#features,
      coordinators: this.#coordinators,
      peers,
      registry,
      load,
      metrics: this.metrics,
      timers: this.#timers,
      clock,
      logger,
      brokers: listener => this.#brokers(listener),
    }
    if (config.adminListener !== null) this.#admin = this.#adminPort(config.adminListener, services)
    const dispatcher = new Dispatcher({
      registry,
      services,
      authorizer: withPeers(options.authorizer),
      quotas: noQuotas,
      metrics: this.metrics,
      clock,
      logger,
    })
    const { catalog, logs } = engine
    const { nodeId } = config
    this.#mover = new PartitionMover({ nodeId, image: this.#image, catalog, logs, peers, timers: this.#timers, logger })
    this.#dispatcher = dispatcher
    this.#server = this.#socketServer(dispatcher, load)
  }

  #socketServer(dispatcher: Dispatcher, load: ServerLoad): SocketServer {
    const { config, transport, clock, logger } = this.#options
    return new SocketServer({
      dispatcher,
      load,
      requestBytesMax: config.socketRequestMaxBytes,
      frameBlocks: new BufferPool(FRAME_BLOCKS, clock),
      backlog: config.socketListenBacklogSize,
      limits: () => limitsOf(config),
      principal: PRINCIPAL,
      transport,
      clock,
      logger,
      onCount: (listener, change) => this.metrics.connectionsChanged(listener, change),
      onGone: connection => this.#purgatory.abandon(connection),
    })
  }

  get clusterId(): string {
    return this.#image.clusterId
  }

  get partitionCount(): number {
    let count = 0
    for (const { partitions } of this.#image.topics()) count += partitions.length
    return count
  }

  async start(): Promise<void> {
    const { engine, config } = this.#options
    // First, so that whoever watches sees that it is starting.
    const adminPort = await this.#openAdmin()
    engine.logs.listen(this.#purgatory)
    const image = await engine.catalog.load()
    const openImage = this.#follow()
    const layouts = this.#image.load(image)
    this.#features.load(image.features)
    await this.#openLogs(layouts)
    openImage()
    this.#image.onTopicRemoved(topic => void this.#groups.forgetTopic(topic.name))
    this.#image.onTopicRemoved(topic => this.metrics.topics.forget(topic.name))
    await this.#groups.start()
    await this.#transactions.start()
    for (const { name, host, port } of config.listenerPlan.listeners)
      this.ports.set(name, await this.#server.listen({ name, host: host === '' ? undefined : host, port }))
    this.#endpoints = new Map(
      advertisedEndpoints(config.listenerPlan, this.ports, hostname()).map(({ name, host, port }) => [
        name,
        { nodeId: config.nodeId, host, port, rack: config.brokerRack },
      ]),
    )
    if (adminPort !== undefined) this.ports.set(ADMIN, adminPort)
    this.#notReady = undefined
    this.#mover.start()
    // Not before: of what is not read yet it would say that it is not there, and the others would believe it.
    this.#peers.serve(frame => answerPeer(this.#dispatcher, frame))
    this.#peers.announce({
      nodeId: config.nodeId,
      rack: config.brokerRack,
      endpoints: [...this.#endpoints].map(([listener, { host, port }]) => ({ listener, host, port })),
    })
  }

  /** Takes in what other nodes write from now on; until the logs are open it is kept. Answers what opens the image. */
  #follow(): () => void {
    const { catalog } = this.#options.engine
    let kept: (readonly CatalogChange[])[] | undefined = []
    const apply = (changes: readonly CatalogChange[]): Promise<void> => {
      this.#features.apply(changes)
      this.#image.apply(changes)
      this.#mover.apply(changes)
      return this.#image.settled()
    }
    catalog.subscribe(changes => (kept === undefined ? apply(changes) : kept.push(changes)))
    return () => {
      const missed = kept ?? []
      kept = undefined
      this.#image.open()
      for (const changes of missed) void apply(changes).catch(() => {})
    }
  }

  /** Resolves when all logs are open, or when there was time enough for those that need no recovery: the others appear as they are ready. */
  async #openLogs(layouts: readonly TopicLayout[]): Promise<void> {
    const { engine, logger, clock } = this.#options
    const opened = engine.logs.start(layouts, (topicId, partition) => this.#image.opened(topicId, partition))
    const reported = opened.then(({ failures }) => {
      for (const { topic, partition, reason } of failures)
        logger.error(`partition ${topic}-${partition} cannot be served: ${reason}`)
    })
    const patience = Promise.withResolvers<void>()
    const timer = clock.schedule(LOGS_WAIT_MS, patience.resolve)
    reported.catch((error: unknown) => logger.error('the logs could not be opened', { error }))
    await Promise.race([reported, patience.promise])
    timer.cancel()
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #topicAdmin(): TopicAdmin {
    const { engine, config, clock, random, peers } = this.#options
    return new TopicAdmin({
      image: this.#image,
      catalog: engine.catalog,
      config,
      clock,
      random,
      nodeIds: peers.nodeIds,
    })
  }

  #gate(): TransactionGate {
    const { config, clock } = this.#options
    const [transactions, coordinators, peers, timers] = [
      this.#transactions,
      this.#coordinators,
      this.#peers,
      this.#timers,
    ]
    return new TransactionGate({ transactions, coordinators, peers, timers, clock, config })
  }

  #transactionCoordinator(producerIds: ProducerIds): TransactionCoordinator {
    const { config, engine, clock, logger } = this.#options
    const { catalog, logs } = engine
    const [image, features, groups, timers] = [this.#image, this.#features, this.#groups, this.#timers]
    const [coordinators, peers] = [this.#coordinators, this.#peers]
    return new TransactionCoordinator({
      catalog,
      config,
      features,
      producerIds,
      image,
      logs,
      groups,
      timers,
      clock,
      logger,
      coordinators,
      peers,
      isOwn: id => coordinators.isOwn(id),
    })
  }

  /** A port that is taken costs the metrics, not the data: a second broker on one machine starts all the same. */
  async #openAdmin(): Promise<number | undefined> {
    try {
      return await this.#admin?.http.listen()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      const { adminListener } = this.#options.config
      this.#options.logger.warn(
        `${adminListener} is taken: there is no /metrics, set another millrace.admin.listener=HOST:PORT`,
      )
      return undefined
    }
  }

  /** Long polls and parked group requests are answered at once; the admin port says "stopping" until the end. */
  async #stop(): Promise<void> {
    this.#notReady = 'stopping'
    // Coordinators that are closed know nothing of what they had.
    this.#peers.serve(() => Promise.resolve(undefined))
    try {
      const closing = this.#server.close(this.#options.config.shutdownTimeoutMs)
      this.#purgatory.close()
      this.#transactions.close()
      this.#mover.close()
      this.#groups.close()
      await closing
      this.#timers.close()
      await this.#options.engine.close()
    } finally {
      this.#admin?.http.close()
      this.#admin?.process.close()
    }
  }

  #adminPort(hostPort: string, services: Services): AdminPort {
    const { clock, logger, engine } = this.#options
    const { host, port } = parseHostPort(hostPort) ?? { host: 'localhost', port: 0 }
    const process = new ProcessMetrics()
    const { logs: all } = engine
    const logs = {
      directories: () => (this.#notReady === undefined ? all.directories() : []),
      ...(all.cleaning && { cleaning: () => all.cleaning!() }),
    }
    const metricsText = () => brokerMetricsText({ ...services, logs }, process)
    return {
      process,
      http: new AdminHttp({ host, port, metricsText, notReady: () => this.#notReady, clock, logger }),
    }
  }

  #brokers(listener: string): readonly BrokerEndpoint[] {
    const own = this.#endpoints.get(listener) ?? [...this.#endpoints.values()][0]
    const brokers = own === undefined ? [] : [own]
    for (const { nodeId, rack, endpoints } of this.#peers.others()) {
      const { host, port } = endpoints.find(each => each.listener === listener) ?? endpoints[0]!
      brokers.push({ nodeId, host, port, rack })
    }
    return brokers.length < 2 ? brokers : brokers.sort((a, b) => a.nodeId - b.nodeId)
  }
}

const limitsOf = (config: BrokerConfig): ConnectionLimits => ({
  connectionsMax: config.maxConnections,
  connectionsPerIpMax: ip => config.maxConnectionsPerIpOverrides.get(ip) ?? config.maxConnectionsPerIp,
  idleMs: config.connectionsMaxIdleMs,
})

/** Requests of other nodes may do everything. */
const withPeers = (authorizer: Authorizer): Authorizer => ({
  authorize: (who, operation, type, name) =>
    who === PEER_CONNECTION || authorizer.authorize(who, operation, type, name),
})

async function answerPeer(dispatcher: Dispatcher, frame: Buffer): Promise<Buffer | undefined> {
  const outcome = await dispatcher.dispatch(frame, PEER_CONNECTION)
  return outcome.kind === 'answer' ? Buffer.concat(outcome.chunks).subarray(SIZE_PREFIX) : undefined
}

const SIZE_PREFIX = 4
