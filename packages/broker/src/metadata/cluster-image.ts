/**
 * What this node knows of the cluster: topics with their partitions and configurations. Built from the catalog at start and kept up by its changes, whichever
 * node made them; handlers only read it.
 */
import {
  type CatalogChange,
  type CatalogImage,
  collisionKey,
  type LogConfig,
  type LogEngine,
  type StoredTopic,
  type TopicLayout,
} from '@millrace/storage'
import type { BrokerConfig } from '../config/broker-config.ts'
import type { ConfigOverrides } from '../config/config-operations.ts'
import { resolveTopicConfig, type TopicConfig } from '../config/topic-config.ts'
import { KeptPartitions } from './kept-partitions.ts'
import { type PartitionLeader, Placements } from './placements.ts'
import { isInternalTopic, type Topic } from './topic.ts'

const NO_OVERRIDES: ConfigOverrides = new Map()

/** Resources that have configurations and are not topics: groups and client metrics, by type and name. */
export type OtherResource = 'group' | 'client-metrics'

export class ClusterImage {
  readonly clusterId: string
  readonly placements: Placements
  readonly kept = new KeptPartitions()
  readonly #logs: LogEngine
  readonly #config: BrokerConfig
  readonly #byName = new Map<string, Topic>()
  readonly #byId = new Map<string, Topic>()
  readonly #byCollisionKey = new Map<string, string>()
  readonly #stored = new Map<string, StoredTopic>()
  readonly #overrides = new Map<string, Map<string, string>>()
  readonly #others: Record<OtherResource, Map<string, Map<string, string>>> = {
    group: new Map(),
    'client-metrics': new Map(),
  }
  readonly #removalListeners: ((topic: Topic) => void)[] = []
  #settled: Promise<void> = Promise.resolve()
  /** Sorted names, made when asked for and dropped on a change. */
  #names: readonly string[] | undefined

  /** `nodeIds`: all nodes of the cluster, rising. */
  constructor(clusterId: string, logs: LogEngine, config: BrokerConfig, nodeIds: readonly number[] = [config.nodeId]) {
    this.clusterId = clusterId
    this.placements = new Placements(nodeIds, config.nodeId)
    this.#logs = logs
    this.#config = config
    config.onChange(() => this.#reconfigureAll())
  }

  /** Before the engine has started: remembers what there is and answers what the engine is to open. */
  load(image: CatalogImage): TopicLayout[] {
    for (const { resource, resourceName, name, value } of image.configs)
      this.#setConfig(resource, resourceName, name, value)
    this.#applyBrokerLayers()
    this.placements.load(image.placements)
    for (const topic of image.topics) this.#stored.set(topic.name, topic)
    return image.topics.map(topic => this.#layoutOf(topic, this.#resolve(topic.name)))
  }

  /** After the engine has started, or while it still does: then `opened` tells of what comes. */
  open(): void {
    for (const topic of this.#stored.values()) this.#put(topic)
  }

  /** In place, for there may be very many of them. The partition may also have left this node. */
  opened(topicId: string, partition: number): void {
    const topic = this.#byId.get(topicId)
    const log = this.#logs.partition(topicId, partition)
    if (topic !== undefined) (topic.partitions as (typeof log)[])[partition] = log
    this.kept.forget(topicId)
  }

  /** Undefined while it has none that is known. */
  leaderOf({ id, partitions }: Topic, partition: number): PartitionLeader | undefined {
    if (!this.placements.isOwn(id, partition)) return this.placements.of(id, partition)
    const log = partitions[partition]
    return log && { nodeId: this.#config.nodeId, leaderEpoch: log.leaderEpoch }
  }

  topic(name: string): Topic | undefined {
    return this.#byName.get(name)
  }

  topicById(id: string): Topic | undefined {
    return this.#byId.get(id)
  }

  get topicCount(): number {
    return this.#byName.size
  }

  topics(): IterableIterator<Topic> {
    return this.#byName.values()
  }

  topicNames(): readonly string[] {
    return (this.#names ??= [...this.#byName.keys()].sort())
  }

  /** A topic whose name differs from this one only in `.` and `_`. */
  collidesWith(name: string): string | undefined {
    const other = this.#byCollisionKey.get(collisionKey(name))
    return other === name ? undefined : other
  }

  overridesOf(resource: OtherResource, name: string): ConfigOverrides {
    return this.#others[resource].get(name) ?? NO_OVERRIDES
  }

  configuredNames(resource: OtherResource): readonly string[] {
    return [...this.#others[resource].keys()].sort()
  }

  /** Called after a topic has left the image. */
  onTopicRemoved(listener: (topic: Topic) => void): void {
    this.#removalListeners.push(listener)
  }

  /** Resolves when the engine serves all that was applied so far. Rejects with the fault for which it cannot. */
  settled(): Promise<void> {
    return this.#settled
  }

  /** Takes in committed changes of the catalog. */
  apply(changes: readonly CatalogChange[]): void {
    const own = this.#apply(changes)
    // A topic that could not be made is the trouble of whoever waits now, and of nobody who comes later.
    const settled = this.#settled.catch(() => {}).then(() => own)
    settled.catch(() => {})
    this.#settled = settled
  }

  async #apply(changes: readonly CatalogChange[]): Promise<void> {
    const touched = new Set<string>()
    const opening = new Set<string>()
    let brokerTouched = false
    for (const change of changes) {
      this.placements.apply(change)
      if (change.kind === 'setLeader') this.kept.forget(change.placement.topicId)
      if (change.kind === 'setLeader' && change.placement.nodeId === this.#config.nodeId)
        opening.add(change.placement.topicId)
      if (change.kind === 'createTopic') this.#stored.set(change.topic.name, change.topic)
      else if (change.kind === 'deleteTopic') this.#remove(change.topicId)
      else if (change.kind === 'setPartitionCount') this.#grow(change.topicId, change.partitionCount)
      if (change.kind === 'setConfig') this.#setConfig(change.resource, change.resourceName, change.name, change.value)
      if (change.kind === 'setConfig' && change.resource === 'broker') brokerTouched = true
      const name = touchedTopic(change, this.#byId)
      if (name !== undefined) touched.add(name)
    }
    if (brokerTouched) this.#applyBrokerLayers()
    // Without a wait where the engine needs none: then the change is visible in the same turn.
    const faults: unknown[] = []
    for (const name of touched) {
      const made = this.#refresh(name, opening)
      if (made !== undefined) await made.catch((fault: unknown) => faults.push(fault))
    }
    if (faults.length > 0) throw faults[0]
  }

  #grow(topicId: string, partitionCount: number): void {
    const topic = this.#byId.get(topicId)
    const stored = topic && this.#stored.get(topic.name)
    if (stored !== undefined) this.#stored.set(stored.name, { ...stored, partitionCount })
  }

  /** `opening`: ids of topics of which this node leads more than before. */
  #refresh(name: string, opening: ReadonlySet<string>): Promise<void> | undefined {
    const stored = this.#stored.get(name)
    if (stored === undefined) return undefined
    const config = this.#resolve(name)
    const known = this.#byName.get(name)
    if (known !== undefined) this.#logs.configure(stored.id, logConfigOf(config))
    const isNew = known === undefined || known.partitions.length < stored.partitionCount || opening.has(stored.id)
    const made = isNew ? this.#logs.create(this.#layoutOf(stored, config)) : undefined
    if (made === undefined) {
      this.#put(stored)
      return undefined
    }
    // With those partitions that there are: the topic exists, and the others answer KAFKA_STORAGE_ERROR until the next start.
    return made.finally(() => {
      if (this.#stored.get(name) === stored) this.#put(stored)
    })
  }

  /** Opens once more what this node let go and was to hand over. */
  async takeBack(topic: Topic, partition: number, handover: string): Promise<void> {
    const known = this.placements.of(topic.id, partition)
    const stored = this.#stored.get(topic.name)
    if (known === undefined || stored?.id !== topic.id) return
    this.placements.load([{ ...known, handover }])
    this.kept.forget(topic.id)
    await this.#refresh(topic.name, new Set([topic.id]))
  }

  #layoutOf({ name, id, partitionCount }: StoredTopic, config: TopicConfig): TopicLayout {
    const layout = { topic: name, topicId: id, partitionCount, config: logConfigOf(config) }
    return { ...layout, ...this.placements.layoutOf(id) }
  }

  #put(stored: StoredTopic): void {
    const { id, name, createdMs, partitionCount } = stored
    const topic: Topic = {
      name,
      id,
      createdMs,
      isInternal: isInternalTopic(name),
      partitions: Array.from({ length: partitionCount }, (_, i) => this.#logs.partition(id, i)),
      overrides: this.#overrides.get(name) ?? NO_OVERRIDES,
      config: this.#resolve(name),
    }
    if (!this.#byName.has(name)) this.#names = undefined
    this.kept.forget(id)
    this.#byName.set(name, topic)
    this.#byId.set(id, topic)
    this.#byCollisionKey.set(collisionKey(name), name)
  }

  #remove(topicId: string): void {
    const topic = this.#byId.get(topicId)
    if (topic === undefined) return
    this.kept.forget(topicId)
    this.#byId.delete(topicId)
    this.#byName.delete(topic.name)
    this.#stored.delete(topic.name)
    this.#overrides.delete(topic.name)
    this.#byCollisionKey.delete(collisionKey(topic.name))
    this.#names = undefined
    void this.#logs.remove(topicId)
    for (const listener of this.#removalListeners) listener(topic)
  }

  #resolve(name: string): TopicConfig {
    return resolveTopicConfig(this.#overrides.get(name) ?? NO_OVERRIDES, this.#config)
  }

  /** A change of a broker configuration may change what topics without an override of their own get. */
  #reconfigureAll(): void {
    for (const stored of this.#stored.values()) {
      this.#logs.configure(stored.id, logConfigOf(this.#resolve(stored.name)))
      if (this.#byName.has(stored.name)) this.#put(stored)
    }
  }

  readonly #brokerOverrides = new Map<string, Map<string, string>>()

  #setConfig(resource: string, resourceName: string, name: string, value: string | null): void {
    const maps =
      resource === 'topic'
        ? this.#overrides
        : resource === 'broker'
          ? this.#brokerOverrides
          : this.#others[resource as OtherResource]
    // A topic holds on to its overrides, so they are copied and not changed.
    const next = new Map(maps.get(resourceName))
    if (value === null) next.delete(name)
    else next.set(name, value)
    if (next.size === 0) maps.delete(resourceName)
    else maps.set(resourceName, next)
  }

  #applyBrokerLayers(): void {
    this.#config.applyDynamic('cluster', this.#brokerOverrides.get('') ?? NO_OVERRIDES)
    this.#config.applyDynamic('broker', this.#brokerOverrides.get(String(this.#config.nodeId)) ?? NO_OVERRIDES)
  }
}

function touchedTopic(change: CatalogChange, byId: ReadonlyMap<string, Topic>): string | undefined {
  if (change.kind === 'createTopic') return change.topic.name
  if (change.kind === 'setLeader') return byId.get(change.placement.topicId)?.name
  if (change.kind === 'setPartitionCount') return byId.get(change.topicId)?.name
  return change.kind === 'setConfig' && change.resource === 'topic' ? change.resourceName : undefined
}

/** The part of a topic's configuration that its logs obey. */
function logConfigOf(c: TopicConfig): LogConfig {
  const { cleanupPolicy, segmentBytes, segmentMs, segmentJitterMs, segmentIndexBytes, indexIntervalBytes } = c
  const { retentionMs, retentionBytes, fileDeleteDelayMs, flushMessages, flushMs, preallocate } = c
  const { minCleanableDirtyRatio, minCompactionLagMs, maxCompactionLagMs, deleteRetentionMs } = c
  return {
    cleanupPolicy,
    segmentBytes,
    segmentMs,
    segmentJitterMs,
    segmentIndexBytes,
    indexIntervalBytes,
    retentionMs,
    retentionBytes,
    fileDeleteDelayMs,
    flushMessages,
    flushMs,
    preallocate,
    minCleanableDirtyRatio,
    minCompactionLagMs,
    maxCompactionLagMs,
    deleteRetentionMs,
  }
}
