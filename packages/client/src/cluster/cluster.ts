/**
 * The cluster as producer, consumer and admin see it: requests go to "any broker", "the leader of", "the coordinator of" or a numbered broker, and
 * this class knows how to get there, what is stale when an error comes back, and when to try again.
 */
import { type Api, errorCode, FindCoordinator, Metadata, type MetadataResponse } from '@millrace/protocol'
import type { CallOptions, ResolvedClientOptions } from '../client-options.ts'
import { abortable, delay } from '../delay.ts'
import { KafkaError, type KafkaErrorCode, wireError } from '../errors.ts'
import { type Address, addressText } from '../network/address.ts'
import { BrokerPool, type Lane } from '../network/broker-pool.ts'
import type { Connection, RequestBody, RequestOptions } from '../network/connection.ts'
import type { BrokerNode, PartitionView } from './cluster-view.ts'
import { ClusterMetadata, metadataRequest } from './metadata.ts'
import { backoffMs, type RetryOptions, retrying } from './retry.ts'

export interface ClusterOptions extends ResolvedClientOptions {
  readonly allowAutoTopicCreation: boolean
}

/** Who has a coordinator. */
export interface Coordinated {
  readonly type: 'group' | 'transaction'
  /** The group id or the transactional id. */
  readonly id: string
}

const groupOf = (id: string): Coordinated => ({ type: 'group', id })
const keyOf = ({ type, id }: Coordinated): string => `${type} ${id}`

export class Cluster {
  readonly options: ClusterOptions
  readonly metadata: ClusterMetadata
  readonly #pool: BrokerPool
  readonly #coordinators = new Map<string, number>()
  readonly #watchers = new Set<() => void>()
  #bootstrapped: Promise<Connection> | undefined
  #reached = false

  constructor(options: ClusterOptions) {
    this.options = options
    this.#pool = new BrokerPool(options)
    this.metadata = new ClusterMetadata({
      maxAgeMs: options.metadataMaxAgeMs,
      allowAutoTopicCreation: options.allowAutoTopicCreation,
      fetch: (topics, allow) => this.#fetchMetadata(topics, allow),
      onChange: () => {
        for (const watch of this.#watchers) watch()
      },
    })
  }

  /** Calls `watch` after every change of the metadata, until the returned function is called. */
  watch(watch: () => void): () => void {
    this.#watchers.add(watch)
    return () => this.#watchers.delete(watch)
  }

  /** A connection to whichever broker is at hand: an open one, a known one, or one of the bootstrap servers. */
  async any(signal?: AbortSignal): Promise<Connection> {
    const open = this.#pool.leastBusy()
    if (open !== undefined) return open
    this.#bootstrapped ??= this.#bootstrap().finally(() => {
      this.#bootstrapped = undefined
    })
    return abortable(this.#bootstrapped, signal)
  }

  /** A connection to a broker by number. Throws `BROKER_NOT_AVAILABLE` if the cluster does not list it. */
  async node(id: number, lane: Lane = 'default'): Promise<Connection> {
    if (!this.metadata.brokers.has(id)) await this.metadata.refresh()
    const broker = this.metadata.brokers.get(id)
    if (broker === undefined)
      throw new KafkaError('BROKER_NOT_AVAILABLE', `the cluster has no broker ${id} at the moment`)
    return this.#pool.connection(broker, lane)
  }

  /** A connection to the controller, or to any broker, which forwards what is the controller's. */
  async controller(): Promise<Connection> {
    if (this.metadata.brokers.size === 0) await this.metadata.refresh()
    const id = this.metadata.controllerId
    return this.metadata.brokers.has(id) ? this.node(id) : this.any()
  }

  /** The partition with its leader; asks when unknown. Throws a retriable error while there is no leader. */
  async leader(topic: string, partition: number): Promise<PartitionView> {
    const view = await this.metadata.topic(topic)
    const known = view.partitions[partition]
    if (known === undefined)
      throw wireError(errorCode('UNKNOWN_TOPIC_OR_PARTITION'), `topic '${topic}' has no partition ${partition}`, {
        topic,
        partition,
      })
    if (known.leaderId < 0) {
      this.metadata.invalidate()
      throw new KafkaError('LEADER_NOT_AVAILABLE', `${topic}-${partition} has no leader at the moment`, {
        topic,
        partition,
      })
    }
    return known
  }

  /** A connection to the broker that coordinates the group. */
  async coordinator(groupId: string, lane: Lane = 'default', options: RequestOptions = {}): Promise<Connection> {
    return this.node((await this.coordinatorNode(groupId, options)).id, lane)
  }

  coordinatorNode(groupId: string, options: RequestOptions = {}): Promise<BrokerNode> {
    return this.#coordinatorNode(groupOf(groupId), options)
  }

  async #coordinatorNode(whose: Coordinated, options: RequestOptions): Promise<BrokerNode> {
    const key = keyOf(whose)
    const id = this.#coordinators.get(key) ?? (await this.#findCoordinator(whose, options))
    this.#coordinators.set(key, id)
    const broker = this.metadata.brokers.get(id)
    if (broker === undefined)
      throw new KafkaError('COORDINATOR_NOT_AVAILABLE', `broker ${id}, which coordinates ${named(whose)}, is gone`)
    return broker
  }

  /** After NOT_COORDINATOR and its like: the next call looks for the coordinator again. */
  forgetCoordinator(groupId: string): void {
    this.#coordinators.delete(keyOf(groupOf(groupId)))
  }

  /** One step with a group's coordinator, retried; it is looked for again when it has moved or cannot be reached. */
  coordinated<T>(groupId: string, options: CallOptions, step: (connection: Connection) => Promise<T>): Promise<T> {
    return this.retry(options, () => this.atCoordinator(groupOf(groupId), options.signal, step))
  }

  /** One step with a coordinator, tried once. */
  async atCoordinator<T>(
    whose: Coordinated,
    signal: AbortSignal | undefined,
    step: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    try {
      const { id } = await this.#coordinatorNode(whose, { signal })
      return await step(await this.node(id))
    } catch (error) {
      if (coordinatorIsLost(error)) this.#coordinators.delete(keyOf(whose))
      throw error
    }
  }

  /** Retries what can be retried within the call's time, with what went stale looked up anew. */
  retry<T>(options: CallOptions & { readonly retryBackoffMs?: number }, attempt: () => Promise<T>): Promise<T> {
    return retrying(this.#retryOptions(options), attempt)
  }

  /** One request to any broker, retried. */
  request<In, Out>(
    api: Api<unknown, In, Out, unknown>,
    body: RequestBody<NoInfer<In>>,
    options: CallOptions = {},
  ): Promise<Out> {
    return this.retry(options, async () =>
      (await this.any(options.signal)).request(api, body, { signal: options.signal }),
    )
  }

  close(): void {
    this.#pool.close()
  }

  #retryOptions({
    timeoutMs = this.options.apiTimeoutMs,
    retryBackoffMs = this.options.retryBackoffMs,
    signal,
  }: CallOptions & { readonly retryBackoffMs?: number }): RetryOptions {
    const { retryBackoffMaxMs } = this.options
    return {
      retryBackoffMs,
      retryBackoffMaxMs,
      timeoutMs,
      signal,
      onRetry: error => {
        // The first contact has a patience of its own, which is over.
        if (error.code === 'UNREACHABLE' && !this.#reached) throw error
        if (error.stalesMetadata) this.metadata.invalidate()
      },
    }
  }

  async #fetchMetadata(topics: readonly string[] | null, allow: boolean): Promise<MetadataResponse> {
    return (await this.any()).request(Metadata, metadataRequest(topics, allow))
  }

  async #bootstrap(): Promise<Connection> {
    const deadline = performance.now() + (this.#reached ? 0 : this.options.bootstrapTimeoutMs)
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#connectAnywhere()
      } catch (error) {
        const pause = backoffMs(this.options, attempt)
        const isFinal = !(error instanceof KafkaError) || !error.retriable
        if (isFinal || performance.now() + pause >= deadline) throw error
        await delay(pause)
      }
    }
  }

  async #connectAnywhere(): Promise<Connection> {
    const addresses: Address[] = [...this.metadata.brokers.values(), ...this.options.servers]
    const tried = new Set<string>()
    let first: unknown
    for (const address of addresses) {
      const text = addressText(address)
      if (tried.has(text)) continue
      tried.add(text)
      try {
        const connection = await this.#pool.connection(address)
        this.#reached = true
        return connection
      } catch (error) {
        first ??= error
      }
    }
    if (tried.size === 1) throw first
    const causes = first instanceof Error ? first.message : String(first)
    throw new KafkaError('UNREACHABLE', `none of ${[...tried].join(', ')} answers: ${causes}`, { cause: first })
  }

  async #findCoordinator(whose: Coordinated, options: RequestOptions): Promise<number> {
    const connection = await this.any(options.signal)
    const answer = await connection.request(FindCoordinator, coordinatorQuery(whose), options)
    const found = answer.coordinators[0] ?? answer
    if (found.errorCode !== 0) throw wireError(found.errorCode, named(whose), { detail: found.errorMessage })
    if (!this.metadata.brokers.has(found.nodeId)) await this.metadata.refresh()
    return found.nodeId
  }
}

const named = ({ type, id }: Coordinated): string => (type === 'group' ? `group '${id}'` : `transactional id '${id}'`)

const keyTypes = { group: 0, transaction: 1 } as const

const coordinatorQuery =
  ({ type, id }: Coordinated) =>
  (version: number) => ({
    keyType: keyTypes[type],
    ...(version >= 4 ? { key: '', coordinatorKeys: [id] } : { key: id, coordinatorKeys: [] }),
  })

const coordinatorLost: ReadonlySet<string> = new Set<KafkaErrorCode>([
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
  'DISCONNECTED',
  'TIMED_OUT',
  'UNREACHABLE',
  'BROKER_NOT_AVAILABLE',
])

/** Whether the coordinator has to be looked for again. */
export const coordinatorIsLost = (error: unknown): boolean =>
  error instanceof KafkaError && coordinatorLost.has(error.code)
