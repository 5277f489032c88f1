/**
 * What the client knows of topics and leaders. Topics enter when someone asks for them and are refreshed together. At most one request is under
 * way; whoever comes meanwhile shares its answer, or that of the next one if its topic was not asked for.
 */
import { errorCode, errorName, type MetadataResponse, ZERO_UUID } from '@millrace/protocol'
import { type KafkaError, wireError } from '../errors.ts'
import { type BrokerNode, type MetadataTopic, type TopicView, topicView } from './cluster-view.ts'

export interface MetadataOptions {
  readonly maxAgeMs: number
  readonly allowAutoTopicCreation: boolean
  readonly fetch: (topics: readonly string[] | null, allowAutoTopicCreation: boolean) => Promise<MetadataResponse>
  /** Told after each refresh. */
  readonly onChange: () => void
}

interface KnownTopic {
  view: TopicView | undefined
  error: KafkaError | undefined
  /** Whether anybody looked at it since the last refresh, and when it was last known that somebody did (monotonic ms). */
  isUsed: boolean
  usedAt: number
}

interface Refresh {
  readonly topics: ReadonlySet<string> | 'all'
  readonly done: Promise<void>
}

export class ClusterMetadata {
  readonly #options: MetadataOptions
  readonly #topics = new Map<string, KnownTopic>()
  #brokers: ReadonlyMap<number, BrokerNode> = new Map()
  #refresh: Refresh | undefined
  #refreshedAt = Number.NEGATIVE_INFINITY
  #allNames: readonly string[] | undefined
  #wantsAll = false
  clusterId: string | null = null
  controllerId = -1

  constructor(options: MetadataOptions) {
    this.#options = options
  }

  get brokers(): ReadonlyMap<number, BrokerNode> {
    return this.#brokers
  }

  get isStale(): boolean {
    return performance.now() - this.#refreshedAt > this.#options.maxAgeMs
  }

  /** From now on a refresh asks for all topics, as a pattern subscription needs. */
  wantAll(): void {
    this.#wantsAll = true
  }

  /** The names of all topics, as of the last refresh that asked for all. */
  get allNames(): readonly string[] {
    return this.#allNames ?? []
  }

  /** What is known without asking. */
  peek(topic: string): TopicView | undefined {
    const known = this.#topics.get(topic)
    if (known === undefined) return undefined
    known.isUsed = true
    return known.view
  }

  errorOf(topic: string): KafkaError | undefined {
    return this.#topics.get(topic)?.error
  }

  /** The next look at any topic asks the cluster. */
  invalidate(): void {
    this.#refreshedAt = Number.NEGATIVE_INFINITY
  }

  forget(topic: string): void {
    this.#topics.delete(topic)
  }

  /** The topic as it is known, asking if it is not or no longer. Throws Kafka's error of the topic, retriable or not. */
  async topic(name: string): Promise<TopicView> {
    const known = this.#topics.get(name)
    if (known?.view === undefined || this.isStale) await this.refresh([name])
    const { view, error } = this.#topics.get(name) ?? {}
    if (view !== undefined) return view
    throw error ?? wireError(errorCode('UNKNOWN_TOPIC_OR_PARTITION'), `topic '${name}'`, { topic: name })
  }

  /** Asks the cluster about all topics in use and the named ones. */
  async refresh(topics: readonly string[] = []): Promise<void> {
    for (const name of topics) this.#entry(name).isUsed = true
    const running = this.#refresh
    if (running !== undefined) {
      const covered =
        running.topics === 'all' || topics.every(name => (running.topics as ReadonlySet<string>).has(name))
      if (covered) return running.done
      await running.done.catch(() => {})
      return this.refresh(topics)
    }
    this.#dropUnused()
    const asked = this.#wantsAll ? null : [...this.#topics.keys()]
    const done = this.#ask(asked).finally(() => {
      this.#refresh = undefined
    })
    this.#refresh = { topics: asked === null ? 'all' : new Set(asked), done }
    return done
  }

  #entry(name: string): KnownTopic {
    let known = this.#topics.get(name)
    if (known === undefined)
      this.#topics.set(name, (known = { view: undefined, error: undefined, isUsed: true, usedAt: performance.now() }))
    return known
  }

  /** A topic that nobody looked at for `maxAgeMs` is no longer asked about. */
  #dropUnused(): void {
    const now = performance.now()
    for (const [name, known] of this.#topics) {
      if (known.isUsed) known.usedAt = now
      else if (now - known.usedAt > this.#options.maxAgeMs) this.#topics.delete(name)
      known.isUsed = false
    }
  }

  async #ask(topics: readonly string[] | null): Promise<void> {
    const answer = await this.#options.fetch(topics, this.#options.allowAutoTopicCreation)
    this.#brokers = new Map(
      answer.brokers.map(({ nodeId, host, port, rack }) => [nodeId, { id: nodeId, host, port, rack }]),
    )
    this.clusterId = answer.clusterId
    this.controllerId = answer.controllerId
    for (const topic of answer.topics) if (topic.name !== null) this.#learn(topic.name, topic)
    if (topics === null) this.#learnAll(answer.topics)
    this.#refreshedAt = performance.now()
    this.#options.onChange()
  }

  #learn(name: string, topic: MetadataTopic): void {
    const known = this.#topics.get(name)
    // A list of all topics is no reason to keep each of them.
    if (known === undefined) return
    if (topic.errorCode === 0) {
      known.view = topicView(topic, known.view)
      known.error = undefined
      return
    }
    known.error = wireError(topic.errorCode, `topic '${name}'`, { topic: name })
    if (errorName(topic.errorCode) === 'UNKNOWN_TOPIC_OR_PARTITION') known.view = undefined
  }

  /** Topics in use that the cluster no longer lists are gone. */
  #learnAll(topics: MetadataResponse['topics']): void {
    this.#allNames = topics.flatMap(({ name, errorCode }) => (name === null || errorCode !== 0 ? [] : [name]))
    const listed = new Set(topics.map(({ name }) => name))
    for (const [name, known] of this.#topics) {
      if (listed.has(name)) continue
      known.view = undefined
      known.error = wireError(errorCode('UNKNOWN_TOPIC_OR_PARTITION'), `topic '${name}'`, { topic: name })
    }
  }
}

/** Below version 4 brokers create topics as they are configured, whatever the client wants. */
export const metadataRequest = (topics: readonly string[] | null, allow: boolean) => (version: number) => {
  const allowAutoTopicCreation = version < 4 || allow
  return {
    topics: topics?.map(name => ({ name, topicId: ZERO_UUID })) ?? null,
    allowAutoTopicCreation,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  }
}
