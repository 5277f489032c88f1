import { AlterConfigs, DescribeConfigs, IncrementalAlterConfigs, ListConfigResources } from '@millrace/protocol'
import type { CallOptions } from '../client-options.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { type KafkaError, wireError } from '../errors.ts'
import type { Connection } from '../network/connection.ts'
import { type ConfigEntry, configEntry } from './config-entry.ts'
import type { ValidateOptions } from './new-topic.ts'
import { askForItems, type Outcomes, settled } from './outcomes.ts'

const typeNumbers = { topic: 2, broker: 4, 'broker-logger': 8, 'client-metrics': 16, group: 32 } as const

export type ConfigResourceType = keyof typeof typeNumbers

export interface ConfigResource {
  readonly type: ConfigResourceType
  /** A topic, a group, a broker's number, or empty for the defaults of all brokers. */
  readonly name: string
}

const operationNumbers = { set: 0, delete: 1, append: 2, subtract: 3 } as const

export interface ConfigAlteration extends ConfigResource {
  readonly configs: readonly {
    readonly name: string
    /** `append` and `subtract` are for lists. Default `set`. */
    readonly operation?: keyof typeof operationNumbers | undefined
    /** Not needed to delete. */
    readonly value?: string | number | boolean | null | undefined
  }[]
}

export interface ConfigReplacement extends ConfigResource {
  readonly configs: Readonly<Record<string, string | number | boolean>>
}

export interface DescribeConfigsOptions extends CallOptions {
  /** Only these; default: all. */
  readonly names?: readonly string[] | undefined
  readonly includeSynonyms?: boolean | undefined
  readonly includeDocumentation?: boolean | undefined
}

const keyOf = ({ type, name }: ConfigResource): string => `${type}:${name}`

/** Configurations of topics, brokers, groups and the like. Results are keyed by `type:name`, such as `topic:orders`. */
export class ConfigsAdmin {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /**
   * Reads configurations. Throws `UNKNOWN_TOPIC_OR_PARTITION`, `INVALID_REQUEST`.
   *
   * @example
   * ```ts
   * const configs = await admin.configs.describe([{ type: 'topic', name: 'orders' }], { names: ['retention.ms'] })
   * console.log(configs.get('topic:orders')?.map(({ name, value, source }) => `${name}=${value} (${source})`))
   * ```
   */
  describe(
    resources: readonly ConfigResource[],
    options: DescribeConfigsOptions = {},
  ): Promise<Map<string, readonly ConfigEntry[]>> {
    const { names, includeSynonyms = false, includeDocumentation = false } = options
    return this.#eachBroker<ConfigResource, readonly ConfigEntry[]>(
      resources,
      options,
      'any',
      async (connection, own) => {
        const body = {
          resources: own.map(({ type, name }) => ({
            resourceType: typeNumbers[type],
            resourceName: name,
            configurationKeys: names ?? null,
          })),
          includeSynonyms,
          includeDocumentation,
        }
        const answer = await connection.request(DescribeConfigs, body, { signal: options.signal })
        return new Map(
          answer.results.map(result => [wireKey(result), failure(result) ?? result.configs.map(configEntry)]),
        )
      },
    )
  }

  /**
   * Changes single configurations and leaves the others as they are. Throws `INVALID_CONFIG`, `UNKNOWN_TOPIC_OR_PARTITION`, `INVALID_REQUEST`.
   *
   * @example
   * ```ts
   * await admin.configs.alter([
   *   { type: 'topic', name: 'orders', configs: [{ name: 'retention.ms', value: 3_600_000 }, { name: 'segment.bytes', operation: 'delete' }] },
   * ])
   * ```
   */
  async alter(
    resources: readonly ConfigAlteration[],
    { validateOnly = false, ...call }: ValidateOptions = {},
  ): Promise<void> {
    await this.#eachBroker<ConfigAlteration, undefined>(resources, call, 'controller', async (connection, own) => {
      const wanted = own.map(({ type, name, configs }) => ({
        resourceType: typeNumbers[type],
        resourceName: name,
        configs: configs.map(({ name, operation = 'set', value = null }) => ({
          name,
          configOperation: operationNumbers[operation],
          value: value === null ? null : String(value),
        })),
      }))
      const answer = await connection.request(
        IncrementalAlterConfigs,
        { resources: wanted, validateOnly },
        { signal: call.signal },
      )
      return new Map(answer.responses.map(result => [wireKey(result), failure(result)]))
    })
  }

  /**
   * Replaces all that was set for a resource: what is not named goes back to its default. `alter` is the safer way.
   *
   * @example
   * ```ts
   * await admin.configs.replace([{ type: 'topic', name: 'orders', configs: { 'retention.ms': 7_200_000 } }])
   * ```
   */
  async replace(
    resources: readonly ConfigReplacement[],
    { validateOnly = false, ...call }: ValidateOptions = {},
  ): Promise<void> {
    await this.#eachBroker<ConfigReplacement, undefined>(resources, call, 'controller', async (connection, own) => {
      const wanted = own.map(({ type, name, configs }) => ({
        resourceType: typeNumbers[type],
        resourceName: name,
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value: String(value) })),
      }))
      const answer = await connection.request(
        AlterConfigs,
        { resources: wanted, validateOnly },
        { signal: call.signal },
      )
      return new Map(answer.responses.map(result => [wireKey(result), failure(result)]))
    })
  }

  /**
   * The names of all resources of the given types that have configurations; default: all types.
   *
   * @example
   * ```ts
   * console.log(await admin.configs.listResources(['topic']))
   * ```
   */
  async listResources(types: readonly ConfigResourceType[] = [], call: CallOptions = {}): Promise<ConfigResource[]> {
    const answer = await this.#cluster.request(
      ListConfigResources,
      version => ({ resourceTypes: version >= 1 ? types.map(type => typeNumbers[type]) : [] }),
      call,
    )
    if (answer.errorCode !== 0) throw wireError(answer.errorCode, 'listing configuration resources')
    return answer.configResources.map(({ resourceName, resourceType }) => ({
      type: typeOf(resourceType),
      name: resourceName,
    }))
  }

  /** A broker answers for its own configuration only; everything else goes to whoever is asked. */
  async #eachBroker<I extends ConfigResource, T>(
    resources: readonly I[],
    call: CallOptions,
    otherwise: 'any' | 'controller',
    ask: (connection: Connection, items: readonly I[]) => Promise<Outcomes<T>>,
  ): Promise<Map<string, T>> {
    const cluster = this.#cluster
    const groups = new Map<number | undefined, I[]>()
    for (const resource of resources) {
      const node = ownBroker(resource)
      groups.set(node, [...(groups.get(node) ?? []), resource])
    }
    const anywhere = () => (otherwise === 'any' ? cluster.any(call.signal) : cluster.controller())
    const outcomes = await Promise.all(
      [...groups].map(([node, items]) =>
        askForItems(cluster, call, {
          items,
          keyOf,
          connect: () => (node === undefined ? anywhere() : cluster.node(node)),
          ask,
        }),
      ),
    )
    return settled(new Map(outcomes.flatMap(map => [...map])))
  }
}

function ownBroker({ type, name }: ConfigResource): number | undefined {
  return (type === 'broker' || type === 'broker-logger') && /^\d+$/.test(name) ? Number(name) : undefined
}

function typeOf(number: number): ConfigResourceType {
  const entry = Object.entries(typeNumbers).find(([, value]) => value === number)
  return (entry?.[0] ?? 'client-metrics') as ConfigResourceType
}

interface WireResult {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly resourceType: number
  readonly resourceName: string
}

const wireKey = ({ resourceType, resourceName }: WireResult): string => `${typeOf(resourceType)}:${resourceName}`

function failure({ errorCode, errorMessage, resourceType, resourceName }: WireResult): KafkaError | undefined {
  if (errorCode === 0) return undefined
  return wireError(errorCode, `configuration of ${typeOf(resourceType)} '${resourceName}'`, { detail: errorMessage })
}
