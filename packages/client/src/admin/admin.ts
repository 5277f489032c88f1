import { type ClientOptions, resolveClientOptions } from '../client-options.ts'
import { Cluster } from '../cluster/cluster.ts'
import { ClusterAdmin } from './cluster-admin.ts'
import { ConfigsAdmin } from './configs-admin.ts'
import { GroupsAdmin } from './groups-admin.ts'
import { OffsetsAdmin } from './offsets-admin.ts'
import { ReplicasAdmin } from './replicas-admin.ts'
import { TopicsAdmin } from './topics-admin.ts'

/**
 * Looks at a cluster and changes it. Calls go to the broker that can answer them and are retried for `apiTimeoutMs`. A call about several things throws the first
 * error, whose `outcomes` tell what became of the others.
 *
 * @example
 * ```ts
 * await using admin = new Admin({ bootstrap })
 * const { brokers } = await admin.cluster.describe()
 * console.log(brokers.length, 'brokers')
 * ```
 */
export class Admin implements AsyncDisposable {
  readonly topics: TopicsAdmin
  readonly configs: ConfigsAdmin
  readonly groups: GroupsAdmin
  readonly offsets: OffsetsAdmin
  readonly cluster: ClusterAdmin
  readonly replicas: ReplicasAdmin
  readonly #cluster: Cluster

  constructor(options: ClientOptions) {
    const cluster = new Cluster({ ...resolveClientOptions(options), allowAutoTopicCreation: false })
    this.#cluster = cluster
    this.topics = new TopicsAdmin(cluster)
    this.configs = new ConfigsAdmin(cluster)
    this.groups = new GroupsAdmin(cluster)
    this.offsets = new OffsetsAdmin(cluster)
    this.cluster = new ClusterAdmin(cluster)
    this.replicas = new ReplicasAdmin(cluster)
  }

  /** Lets go of all connections. */
  async close(): Promise<void> {
    this.#cluster.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
