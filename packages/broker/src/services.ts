import type { Clock, Logger, TimerWheel } from '@millrace/base'
import type { Catalog, LogEngine } from '@millrace/storage'
import type { BrokerConfig } from './config/broker-config.ts'
import type { ClusterImage } from './metadata/cluster-image.ts'
import type { ConfigAdmin } from './metadata/config-admin.ts'
import type { Coordinators } from './metadata/coordinators.ts'
import type { Features } from './metadata/features.ts'
import type { TopicAdmin } from './metadata/topic-admin.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { FetchSessions } from './runtime/fetch-sessions.ts'
import type { GroupCoordinator } from './runtime/groups/group-coordinator.ts'
import type { Peers } from './runtime/peers.ts'
import type { ProducerIds } from './runtime/producer-ids.ts'
import type { Purgatory } from './runtime/purgatory.ts'
import type { TransactionCoordinator } from './runtime/transactions/transaction-coordinator.ts'
import type { TransactionGate } from './runtime/transactions/transaction-gate.ts'
import type { Registry } from './server/handler.ts'
import type { ServerLoad } from './server/server-load.ts'

/** A broker as its clients are told to reach it. */
export interface BrokerEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

/** All that handlers may reach. Built in broker.ts. */
export interface Services {
  readonly config: BrokerConfig
  readonly image: ClusterImage
  readonly topics: TopicAdmin
  readonly configs: ConfigAdmin
  readonly logs: LogEngine
  readonly catalog: Catalog
  readonly purgatory: Purgatory
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly gate: TransactionGate
  readonly features: Features
  /** Which node coordinates which group and transactional id. */
  readonly coordinators: Coordinators
  readonly peers: Peers
  readonly fetchSessions: FetchSessions
  readonly producerIds: ProducerIds
  readonly registry: Registry
  readonly load: ServerLoad
  readonly metrics: Metrics
  readonly timers: TimerWheel
  readonly clock: Clock
  readonly logger: Logger
  /** The brokers that can be reached, as a client of that listener reaches them, by rising number. */
  brokers(listener: string): readonly BrokerEndpoint[]
}
