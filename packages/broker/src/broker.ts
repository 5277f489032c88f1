/** The composition root: builds a node from its configuration and a storage engine, and takes it down again. */
import { hostname } from 'node:os'
import { type Clock, type Logger, type Random, systemClock, systemRandom, TimerWheel } from '@millrace/base'
import type { StorageEngine } from '@millrace/storage'
import type { BrokerConfig } from './config/broker-config.ts'
import { advertisedEndpoints } from './config/listeners.ts'
import { registry } from './handlers/index.ts'
import { ClusterImage } from './metadata/cluster-image.ts'
import { TopicAdmin } from './metadata/topic-admin.ts'
import { Metrics } from './metrics/metrics.ts'
import { FetchSessions } from './runtime/fetch-sessions.ts'
import { GroupCoordinator } from './runtime/groups/group-coordinator.ts'
import { Purgatory } from './runtime/purgatory.ts'
import { allowAll } from './security/authorizer.ts'
import { noQuotas } from './security/quotas.ts'
import { Dispatcher } from './server/dispatcher.ts'
import { SocketServer } from './server/listener.ts'
import { ServerLoad } from './server/server-load.ts'
import type { BrokerEndpoint, Services } from './services.ts'

export interface BrokerOptions {
  readonly config: BrokerConfig
  /** The broker owns it from here on and closes it. */
  readonly engine: StorageEngine
  readonly logger: Logger
  readonly clock?: Clock
  readonly random?: Random
}

export interface Broker extends AsyncDisposable {
  /** Listener name to bound port. */
  readonly ports: ReadonlyMap<string, number>
  readonly clusterId: string
  /** Answers what is under way, takes nothing new, and leaves a clean stop behind. */
  stop(): Promise<void>
}

/** Bytes that may wait for slow readers, all connections together. */
const UNSENT_BYTES_MAX = 128 << 20
const PRINCIPAL = 'User:ANONYMOUS'

export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const node = new Node(options)
  try {
    await node.start()
  } catch (error) {
    await node.stop()
    throw error
  }
  return node
}

class Node implements Broker {
  readonly ports = new Map<string, number>()
  readonly #options: Required<BrokerOptions>
  readonly #timers: TimerWheel
  readonly #purgatory: Purgatory
  readonly #image: ClusterImage
  readonly #groups: GroupCoordinator
  readonly #server: SocketServer
  readonly metrics = new Metrics()
  #endpoints: ReadonlyMap<string, BrokerEndpoint> = new Map()
  #stopping: Promise<void> | undefined

  constructor(given: BrokerOptions) {
    const options = { clock: systemClock, random: systemRandom, ...given }
    this.#options = options
    const { config, engine, clock, random, logger } = options
    this.#timers = new TimerWheel(clock)
    this.#purgatory = new Purgatory(this.#timers)
    this.#image = new ClusterImage(engine.catalog.clusterId, engine.logs, config)
    this.#groups = new GroupCoordinator({
      catalog: engine.catalog,
      config,
      timers: this.#timers,
      clock,
      random,
      logger,
    })
    const load = new ServerLoad({
      requestsMax: config.queuedMaxRequests,
      requestBytesMax: config.queuedMaxRequestBytes,
      unsentBytesMax: UNSENT_BYTES_MAX,
    })
    const services: Services = {
      config,
      image: this.#image,
      topics: new TopicAdmin({ image: this.#image, catalog: engine.catalog, config, clock, random }),
      logs: engine.logs,
      catalog: engine.catalog,
      purgatory: this.#purgatory,
      groups: this.#groups,
      fetchSessions: new FetchSessions({ slotsMax: () => config.maxIncrementalFetchSessionCacheSlots, clock, random }),
      registry,
      load,
      timers: this.#timers,
      clock,
      logger,
      brokers: listener => this.#brokers(listener),
    }
    const dispatcher = new Dispatcher({
      registry,
      services,
      authorizer: allowAll,
      quotas: noQuotas,
      metrics: this.metrics,
      clock,
      logger,
    })
    this.#server = new SocketServer({
      dispatcher,
      load,
      requestBytesMax: config.socketRequestMaxBytes,
      backlog: config.socketListenBacklogSize,
      limits: () => ({
        connectionsMax: config.maxConnections,
        connectionsPerIpMax: ip => config.maxConnectionsPerIpOverrides.get(ip) ?? config.maxConnectionsPerIp,
        idleMs: config.connectionsMaxIdleMs,
      }),
      principal: PRINCIPAL,
      clock,
      logger,
      onCount: () => {},
    })
  }

  get clusterId(): string {
    return this.#image.clusterId
  }

  async start(): Promise<void> {
    const { engine, config, logger } = this.#options
    engine.logs.listen(this.#purgatory)
    const layouts = this.#image.load(await engine.catalog.load())
    const report = await engine.logs.start(layouts)
    this.#image.open()
    engine.catalog.subscribe(changes => this.#image.apply(changes))
    this.#image.onTopicRemoved(topic => void this.#groups.forgetTopic(topic.name))
    await this.#groups.start()
    for (const { topic, partition, reason } of report.failures)
      logger.error(`partition ${topic}-${partition} cannot be served: ${reason}`)
    for (const { name, host, port } of config.listenerPlan.listeners)
      this.ports.set(name, await this.#server.listen({ name, host: host === '' ? undefined : host, port }))
    this.#endpoints = new Map(
      advertisedEndpoints(config.listenerPlan, this.ports, hostname()).map(({ name, host, port }) => [
        name,
        { nodeId: config.nodeId, host, port, rack: config.brokerRack },
      ]),
    )
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #stop(): Promise<void> {
    const closing = this.#server.close(this.#options.config.shutdownTimeoutMs)
    this.#purgatory.close()
    this.#groups.close()
    await closing
    this.#timers.close()
    await this.#options.engine.close()
  }

  #brokers(listener: string): readonly BrokerEndpoint[] {
    const own = this.#endpoints.get(listener)
    return own === undefined ? [...this.#endpoints.values()].slice(0, 1) : [own]
  }
}
