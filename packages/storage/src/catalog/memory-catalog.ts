/**
 * The catalog without a file. The same rules as in SQLite, with an undo list in the place of the savepoint: every step says how it is taken back.
 */
import { systemRandom } from '@millrace/base'
import {
  type CatalogChange,
  type CatalogImage,
  NO_NODE,
  type OwnedCatalog,
  type PendingOffset,
  type StoredConfig,
  type StoredGroup,
  type StoredOffset,
  type StoredPlacement,
  type StoredTopic,
  type StoredTransaction,
} from './catalog.ts'
import { newFeatures } from './features.ts'
import { newClusterId, producerIdBlock } from './identity.ts'
import { countNotRising, epochNotRising, noSuchTopic, notPlaced, topicTaken } from './refusals.ts'
import { collisionKey } from './topic-names.ts'
import { type CatalogStore, TurnCatalog } from './turn-catalog.ts'

export function openMemoryCatalog(options: { readonly clusterId?: string } = {}): OwnedCatalog {
  return new TurnCatalog(new MemoryStore(options.clusterId ?? newClusterId(systemRandom)))
}

type Undo = () => void
type SetConfig = Extract<CatalogChange, { readonly kind: 'setConfig' }>

export class MemoryStore implements CatalogStore {
  readonly clusterId: string
  readonly #topics = new Map<string, StoredTopic>()
  readonly #topicIds = new Map<string, string>()
  readonly #takenNames = new Map<string, string>()
  readonly #configs = new Map<string, Map<string, StoredConfig>>()
  readonly #groups = new Map<string, Uint8Array>()
  readonly #offsets = new Map<string, Map<string, StoredOffset>>()
  readonly #pending = new Map<string, Map<string, PendingOffset>>()
  readonly #transactions = new Map<string, StoredTransaction>()
  readonly #placements = new Map<string, Map<number, StoredPlacement>>()
  readonly #features = new Map(newFeatures)
  #featuresEpoch = 0
  #undos: Undo[] = []
  #nextProducerId = 0

  constructor(clusterId: string) {
    this.clusterId = clusterId
  }

  load(): CatalogImage {
    const configs = [...this.#configs.values()].flatMap(ofResource => [...ofResource.values()])
    const levels = [...this.#features].map(([name, level]) => ({ name, level }))
    const placements = [...this.#placements.values()].flatMap(ofTopic => [...ofTopic.values()])
    const features = { levels, epoch: this.#featuresEpoch }
    return { topics: [...this.#topics.values()], configs, features, placements }
  }

  loadGroups(): readonly StoredGroup[] {
    const ids = new Set([...this.#groups.keys(), ...this.#offsets.keys(), ...this.#pending.keys()])
    return [...ids].map(groupId => ({
      groupId,
      value: this.#groups.get(groupId),
      offsets: [...(this.#offsets.get(groupId)?.values() ?? [])],
      pending: [...(this.#pending.get(groupId)?.values() ?? [])],
    }))
  }

  loadTransactions(): readonly StoredTransaction[] {
    return [...this.#transactions.values()]
  }

  transaction(work: () => void): void {
    work()
  }

  apply(changes: readonly CatalogChange[]): void {
    this.#undos = []
    try {
      for (const change of changes) this.#applyOne(change)
    } catch (error) {
      for (const undo of this.#undos.reverse()) undo()
      throw error
    } finally {
      this.#undos = []
    }
  }

  takeProducerIds(count: number): number {
    const first = producerIdBlock(this.#nextProducerId, count)
    this.#nextProducerId = first + count
    return first
  }

  close(): void {}

  #applyOne(change: CatalogChange): void {
    switch (change.kind) {
      case 'createTopic':
        return this.#createTopic(change.topic)
      case 'deleteTopic':
        return this.#deleteTopic(change.topicId)
      case 'setPartitionCount':
        return this.#setPartitionCount(change.topicId, change.partitionCount)
      case 'setConfig':
        return this.#setConfig(change)
      case 'putGroup':
        return this.#put(this.#groups, change.groupId, change.value)
      case 'deleteGroup':
        this.#delete(this.#groups, change.groupId)
        this.#delete(this.#offsets, change.groupId)
        return this.#delete(this.#pending, change.groupId)
      case 'putOffset':
        return this.#putIn(this.#offsets, change.groupId, offsetKey(change.offset), change.offset)
      case 'deleteOffset':
        return this.#deleteIn(this.#offsets, change.groupId, offsetKey(change))
      case 'putPendingOffset':
        return this.#putPending(change.groupId, change.pending)
      case 'deletePendingOffset':
        return this.#deleteIn(this.#pending, change.groupId, pendingKey(change.producerId, change))
      case 'putTransaction':
        return this.#put(this.#transactions, change.transactionalId, change)
      case 'deleteTransaction':
        return this.#delete(this.#transactions, change.transactionalId)
      case 'setFeature':
        return this.#setFeature(change.name, change.level)
      case 'setLeader':
        return this.#setLeader(change.placement)
      case 'setMoveTarget':
        return this.#setMoveTarget(change)
      default:
        change satisfies never
    }
  }

  #putPending(groupId: string, pending: PendingOffset): void {
    this.#putIn(this.#pending, groupId, pendingKey(pending.producerId, pending.offset), pending)
  }

  #setFeature(name: string, level: number): void {
    this.#put(this.#features, name, level)
    this.#featuresEpoch++
    this.#undos.push(() => this.#featuresEpoch--)
  }

  #createTopic(topic: StoredTopic): void {
    if (this.#topics.has(topic.id) || this.#takenNames.has(collisionKey(topic.name)))
      throw topicTaken(topic.id, topic.name)
    this.#put(this.#topics, topic.id, topic)
    this.#put(this.#topicIds, topic.name, topic.id)
    this.#put(this.#takenNames, collisionKey(topic.name), topic.name)
  }

  #deleteTopic(topicId: string): void {
    const { name } = this.#topic(topicId)
    this.#delete(this.#topics, topicId)
    this.#delete(this.#topicIds, name)
    this.#delete(this.#takenNames, collisionKey(name))
    this.#delete(this.#placements, topicId)
    this.#delete(this.#configs, resourceKey({ resource: 'topic', resourceName: name }))
  }

  #setLeader(placement: Omit<StoredPlacement, 'targetNodeId'>): void {
    const { topicId, partition, nodeId, leaderEpoch } = placement
    this.#topic(topicId)
    const before = this.#placements.get(topicId)?.get(partition)
    if (before !== undefined && leaderEpoch <= before.leaderEpoch)
      throw epochNotRising(partition, before.leaderEpoch, leaderEpoch)
    const target = before?.targetNodeId === nodeId ? NO_NODE : (before?.targetNodeId ?? NO_NODE)
    this.#putIn(this.#placements, topicId, partition, { ...placement, targetNodeId: target })
  }

  #setMoveTarget({ topicId, partition, targetNodeId }: Extract<CatalogChange, { kind: 'setMoveTarget' }>): void {
    const before = this.#placements.get(topicId)?.get(partition)
    if (before === undefined) throw notPlaced(topicId, partition)
    this.#putIn(this.#placements, topicId, partition, { ...before, targetNodeId })
  }

  #setPartitionCount(topicId: string, partitionCount: number): void {
    const topic = this.#topic(topicId)
    if (partitionCount <= topic.partitionCount) throw countNotRising(topic.name, topic.partitionCount, partitionCount)
    this.#put(this.#topics, topicId, { ...topic, partitionCount })
  }

  #setConfig({ resource, resourceName, name, value }: SetConfig): void {
    if (resource === 'topic' && !this.#topicIds.has(resourceName)) throw noSuchTopic(resourceName)
    const key = resourceKey({ resource, resourceName })
    if (value === null) this.#deleteIn(this.#configs, key, name)
    else this.#putIn(this.#configs, key, name, { resource, resourceName, name, value })
  }

  #topic(topicId: string): StoredTopic {
    const topic = this.#topics.get(topicId)
    if (topic === undefined) throw noSuchTopic(topicId)
    return topic
  }

  #put<K, T>(map: Map<K, T>, key: K, value: T): void {
    const before = map.get(key)
    map.set(key, value)
    this.#undos.push(() => (before === undefined ? map.delete(key) : map.set(key, before)))
  }

  #delete<K, T>(map: Map<K, T>, key: K): void {
    const before = map.get(key)
    if (before === undefined) return
    map.delete(key)
    this.#undos.push(() => map.set(key, before))
  }

  #putIn<K, T>(maps: Map<string, Map<K, T>>, outer: string, inner: K, value: T): void {
    if (!maps.has(outer)) this.#put(maps, outer, new Map())
    this.#put(maps.get(outer)!, inner, value)
  }

  #deleteIn<T>(maps: Map<string, Map<string, T>>, outer: string, inner: string): void {
    const map = maps.get(outer)
    if (map === undefined) return
    this.#delete(map, inner)
    if (map.size === 0) this.#delete(maps, outer)
  }
}

function resourceKey({ resource, resourceName }: Pick<StoredConfig, 'resource' | 'resourceName'>): string {
  return `${resource}/${resourceName}`
}

const pendingKey = (producerId: number, of: Pick<StoredOffset, 'topic' | 'partition'>): string =>
  `${producerId}/${offsetKey(of)}`

function offsetKey({ topic, partition }: Pick<StoredOffset, 'topic' | 'partition'>): string {
  return `${partition}/${topic}`
}
