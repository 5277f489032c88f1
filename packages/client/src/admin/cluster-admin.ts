import { apis, DescribeCluster, DescribeLogDirs } from '@millrace/protocol'
import type { CallOptions } from '../client-options.ts'
import { byTopic } from '../cluster/by-leader.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { BrokerNode } from '../cluster/cluster-view.ts'
import { wireError } from '../errors.ts'
import type { TopicPartition } from '../record.ts'
import { askBrokers } from './outcomes.ts'

export interface ClusterDescription {
  readonly clusterId: string
  /** -1 while there is none. */
  readonly controllerId: number
  readonly brokers: readonly BrokerNode[]
}

export interface ReplicaOnDisk extends TopicPartition {
  readonly sizeBytes: number
  /** How far the replica is behind the high watermark, or, for one that is being moved here, behind the present one. */
  readonly offsetLag: number
  readonly isFuture: boolean
}

export interface LogDirDescription {
  readonly path: string
  /** Kafka's name of what is wrong with it; undefined if it is well. */
  readonly error: string | undefined
  /** Of the volume; -1 if unknown, as is the next. */
  readonly totalBytes: number
  readonly usableBytes: number
  readonly isCordoned: boolean
  readonly replicas: readonly ReplicaOnDisk[]
}

export interface LogDirsOptions extends CallOptions {
  /** Default: all brokers. */
  readonly brokers?: readonly number[] | undefined
  /** Default: all partitions. */
  readonly partitions?: readonly TopicPartition[] | undefined
}

export interface ApiSupport {
  readonly key: number
  /** Undefined for an API that this client does not know. */
  readonly name: string | undefined
  readonly minVersion: number
  readonly maxVersion: number
}

/** The cluster as a whole and its brokers. */
export class ClusterAdmin {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /**
   * The brokers, and which of them is the controller.
   *
   * @example
   * ```ts
   * const { clusterId, brokers } = await admin.cluster.describe()
   * console.log(clusterId, brokers.map(({ id, host, port }) => `${id} ${host}:${port}`))
   * ```
   */
  async describe(call: CallOptions = {}): Promise<ClusterDescription> {
    return this.#cluster.retry(call, async () => {
      const connection = await this.#cluster.any(call.signal)
      if (connection.ranges?.get(DescribeCluster.key) === undefined) return this.#describeByMetadata()
      const body = { includeClusterAuthorizedOperations: false, includeFencedBrokers: false }
      const answer = await connection.request(DescribeCluster, body, { signal: call.signal })
      if (answer.errorCode !== 0) throw wireError(answer.errorCode, 'the cluster', { detail: answer.errorMessage })
      const { clusterId, controllerId } = answer
      return {
        clusterId,
        controllerId,
        brokers: answer.brokers.map(({ brokerId, host, port, rack }) => ({ id: brokerId, host, port, rack })),
      }
    })
  }

  /**
   * The log directories of brokers and the replicas in them, by broker.
   *
   * @example
   * ```ts
   * for (const [broker, dirs] of await admin.cluster.logDirs())
   *   for (const { path, replicas } of dirs) console.log(broker, path, replicas.length)
   * ```
   */
  logDirs({ brokers, partitions, ...call }: LogDirsOptions = {}): Promise<Map<number, LogDirDescription[]>> {
    const topics =
      partitions === undefined
        ? null
        : [...byTopic(partitions)].map(([topic, own]) => ({ topic, partitions: own.map(p => p.partition) }))
    return askBrokers(this.#cluster, call, brokers, async (connection, id) => {
      const answer = await connection.request(DescribeLogDirs, { topics }, { signal: call.signal })
      if (answer.errorCode !== 0) throw wireError(answer.errorCode, `log directories of broker ${id}`)
      return answer.results.map(describeLogDir)
    })
  }

  /**
   * What a broker speaks: its APIs and their versions.
   *
   * @example
   * ```ts
   * for (const { name, minVersion, maxVersion } of await admin.cluster.apiVersions()) console.log(name, minVersion, maxVersion)
   * ```
   */
  async apiVersions({ broker, ...call }: CallOptions & { readonly broker?: number } = {}): Promise<ApiSupport[]> {
    const connection = await this.#cluster.retry(call, () =>
      broker === undefined ? this.#cluster.any(call.signal) : this.#cluster.node(broker),
    )
    return [...connection.ranges!.entries()].map(([key, [minVersion, maxVersion]]) => ({
      key,
      name: apis.find(api => api.key === key)?.name,
      minVersion,
      maxVersion,
    }))
  }

  async #describeByMetadata(): Promise<ClusterDescription> {
    const { metadata } = this.#cluster
    await metadata.refresh()
    return {
      clusterId: metadata.clusterId ?? '',
      controllerId: metadata.controllerId,
      brokers: [...metadata.brokers.values()],
    }
  }
}

type WireLogDir = ReturnType<typeof DescribeLogDirs.response.decode>['results'][number]

function describeLogDir({
  logDir,
  errorCode,
  topics,
  totalBytes,
  usableBytes,
  isCordoned,
}: WireLogDir): LogDirDescription {
  return {
    path: logDir,
    error: errorCode === 0 ? undefined : wireError(errorCode, logDir).code,
    totalBytes,
    usableBytes,
    isCordoned,
    replicas: topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, partitionSize, offsetLag, isFutureKey }) => ({
        topic: name,
        partition: partitionIndex,
        sizeBytes: partitionSize,
        offsetLag,
        isFuture: isFutureKey,
      })),
    ),
  }
}
