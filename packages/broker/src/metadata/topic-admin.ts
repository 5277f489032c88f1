/** Makes and removes topics: the rules that hold whoever asks, an administrator or a producer whose topic is not there yet. */
import type { Clock, Random } from '@millrace/base'
import { type ErrorName, ZERO_UUID } from '@millrace/protocol'
import {
  type Catalog,
  type CatalogChange,
  CatalogError,
  collisionKey,
  StorageError,
  type StoredTopic,
} from '@millrace/storage'
import type { BrokerConfig } from '../config/broker-config.ts'
import { validateTopicConfigs } from '../config/topic-config.ts'
import type { ClusterImage } from './cluster-image.ts'
import { LeaderPlacement } from './leader-placement.ts'
import { refuseReplicas } from './replica-assignment.ts'
import { refuseTopicName, type Topic } from './topic.ts'

export interface NewTopic {
  readonly name: string
  /** -1: `num.partitions`. */
  readonly partitionCount: number
  /** -1: one, which is all that a node alone has. */
  readonly replicationFactor: number
  /** Replicas by partition, where the administrator chose them. */
  readonly assignments: ReadonlyMap<number, readonly number[]>
  readonly configs: ReadonlyMap<string, string | null>
}

export interface Refusal {
  readonly error: ErrorName
  readonly message: string
}

/** So that a mistyped number cannot take the node down. */
export const PARTITIONS_PER_TOPIC_MAX = 100_000
/** Of all topics that one request makes or lets grow: Kafka's number. */
export const PARTITIONS_PER_REQUEST_MAX = 10_000
export const TOO_MANY_PARTITIONS = 'Excessively large number of partitions per request.'

const refusal = (error: ErrorName, message: string): Refusal => ({ error, message })
export const isRefusal = (x: object): x is Refusal => 'error' in x

export class TopicAdmin {
  readonly #image: ClusterImage
  readonly #catalog: Catalog
  readonly #config: BrokerConfig
  readonly #placement: LeaderPlacement
  readonly #clock: Clock
  readonly #random: Random
  /** By collision key: two names of one key cannot both become topics. */
  readonly #creating = new Map<string, { readonly name: string; readonly made: Promise<Topic | Refusal> }>()

  constructor(options: {
    image: ClusterImage
    catalog: Catalog
    config: BrokerConfig
    clock: Clock
    random: Random
    nodeIds: readonly number[]
  }) {
    this.#image = options.image
    this.#placement = new LeaderPlacement(options.image, options.nodeIds)
    this.#catalog = options.catalog
    this.#config = options.config
    this.#clock = options.clock
    this.#random = options.random
  }

  /** What would be made, or why it cannot be. */
  plan(topic: NewTopic): StoredTopic | Refusal {
    const badName = refuseTopicName(topic.name)
    if (badName !== undefined) return refusal('INVALID_TOPIC_EXCEPTION', badName)
    const taken = this.#refuseTaken(topic.name)
    if (taken !== undefined) return taken
    const count = this.#partitionCount(topic)
    if (typeof count !== 'number') return count
    const badConfig = validateTopicConfigs(withoutNulls(topic.configs))
    if (badConfig !== undefined) return badConfig
    return { id: this.#newId(), name: topic.name, partitionCount: count, createdMs: this.#clock.now() }
  }

  /** Concurrent creations of one name make one topic: the first wins, the others are told that it exists. */
  async create(topic: NewTopic): Promise<Topic | Refusal> {
    const planned = this.plan(topic)
    if (isRefusal(planned)) return planned
    const key = collisionKey(topic.name)
    const other = this.#creating.get(key)
    if (other !== undefined)
      return other.name === topic.name
        ? refusal('TOPIC_ALREADY_EXISTS', `Topic '${topic.name}' already exists.`)
        : refusal('INVALID_TOPIC_EXCEPTION', `Topic '${topic.name}' collides with existing topic: ${other.name}`)
    const made = this.#make(planned, topic)
    this.#creating.set(key, { name: topic.name, made })
    try {
      return await made
    } finally {
      this.#creating.delete(key)
    }
  }

  /** For a producer or consumer that names a topic which is not there; whoever comes second waits for the first. */
  async createAutomatically(name: string): Promise<Topic | Refusal> {
    const underway = this.#creating.get(collisionKey(name))
    if (underway?.name === name) return underway.made
    return this.create({ name, partitionCount: -1, replicationFactor: -1, assignments: new Map(), configs: new Map() })
  }

  async remove(topic: Topic): Promise<Refusal | undefined> {
    return this.#write([{ kind: 'deleteTopic', topicId: topic.id }])
  }

  /** Why the topic cannot have so many partitions; `replicas` has one list for each new one where the administrator chose them. */
  refuseGrowth(topic: Topic, count: number, replicas?: readonly (readonly number[])[]): Refusal | undefined {
    const before = topic.partitions.length
    if (count === before) return refusal('INVALID_PARTITIONS', `Topic already has ${before} partition(s).`)
    if (count < before)
      return refusal(
        'INVALID_PARTITIONS',
        `The topic ${topic.name} currently has ${before} partition(s); ${count} would not be an increase.`,
      )
    if (count > PARTITIONS_PER_TOPIC_MAX)
      return refusal('INVALID_PARTITIONS', `A topic may have at most ${PARTITIONS_PER_TOPIC_MAX} partitions.`)
    if (replicas === undefined) return undefined
    if (replicas.length !== count - before)
      return refusal(
        'INVALID_REPLICA_ASSIGNMENT',
        `Attempted to add ${count - before} additional partition(s), but only ${replicas.length} assignment(s) were specified.`,
      )
    const { nodeIds } = this.#placement
    const bad = replicas.map(each => refuseReplicas(each, nodeIds)).find(reason => reason !== undefined)
    return bad === undefined ? undefined : refusal('INVALID_REPLICA_ASSIGNMENT', bad)
  }

  /** `replicas` as in `refuseGrowth`. */
  async grow(
    { id: topicId, partitions }: Topic,
    partitionCount: number,
    replicas?: readonly (readonly number[])[],
  ): Promise<Refusal | undefined> {
    const from = partitions.length
    const nodeOf = (partition: number): number | undefined => replicas?.[partition - from]?.[0]
    const placed = this.#placement.changesFor({ topicId, from, to: partitionCount, nodeOf })
    const grown: CatalogChange = { kind: 'setPartitionCount', topicId, partitionCount }
    return this.#write([grown, ...placed], 'INVALID_PARTITIONS').finally(() => this.#placement.written(placed))
  }

  async #make(planned: StoredTopic, topic: NewTopic): Promise<Topic | Refusal> {
    const configs = [...withoutNulls(topic.configs)].map(
      ([name, value]): CatalogChange => ({
        kind: 'setConfig',
        resource: 'topic',
        resourceName: topic.name,
        name,
        value,
      }),
    )
    const nodeOf = (partition: number): number | undefined => topic.assignments.get(partition)?.[0]
    const { id: topicId, partitionCount: to } = planned
    const placed = this.#placement.changesFor({ topicId, from: 0, to, nodeOf })
    const changes: CatalogChange[] = [{ kind: 'createTopic', topic: planned }, ...placed, ...configs]
    const failed = await this.#write(changes).finally(() => this.#placement.written(placed))
    const made = this.#image.topicById(planned.id)
    if (failed === undefined)
      return made ?? refusal('UNKNOWN_SERVER_ERROR', `Topic '${topic.name}' was deleted at once.`)
    await this.#image.settled().catch(() => {})
    // Whoever is refused finds nothing of it, and may try again when there is room.
    if (made !== undefined) await this.remove(made)
    // Another node was first, with this name or one that is taken for the same: it has been heard of meanwhile.
    return failed.error === 'TOPIC_ALREADY_EXISTS' ? (this.#refuseTaken(topic.name) ?? failed) : failed
  }

  #refuseTaken(name: string): Refusal | undefined {
    if (this.#image.topic(name) !== undefined) return refusal('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
    const other = this.#image.collidesWith(name)
    if (other === undefined) return undefined
    return refusal('INVALID_TOPIC_EXCEPTION', `Topic '${name}' collides with existing topic: ${other}`)
  }

  async #write(
    changes: readonly CatalogChange[],
    conflict: ErrorName = 'TOPIC_ALREADY_EXISTS',
  ): Promise<Refusal | undefined> {
    try {
      await this.#catalog.write(changes)
      await this.#image.settled()
      return undefined
    } catch (error) {
      if (error instanceof StorageError) return refusal('KAFKA_STORAGE_ERROR', error.message)
      if (!(error instanceof CatalogError)) throw error
      if (error.code === 'CONFLICT') return refusal(conflict, error.message)
      if (error.code === 'NOT_FOUND') return refusal('UNKNOWN_TOPIC_OR_PARTITION', error.message)
      return refusal('KAFKA_STORAGE_ERROR', error.message)
    }
  }

  #partitionCount(topic: NewTopic): number | Refusal {
    if (topic.assignments.size > 0) return this.#assignedCount(topic)
    if (topic.replicationFactor === 0 || topic.replicationFactor < -1)
      return refusal(
        'INVALID_REPLICATION_FACTOR',
        'Replication factor must be larger than 0, or -1 to use the default value.',
      )
    if (topic.replicationFactor > 1)
      return refusal(
        'INVALID_REPLICATION_FACTOR',
        `Unable to replicate the partition ${topic.replicationFactor} time(s): The target replication factor of ${topic.replicationFactor} cannot be reached because ${this.#noReplicas()}.`,
      )
    const count = topic.partitionCount === -1 ? this.#config.numPartitions : topic.partitionCount
    if (count <= 0)
      return refusal('INVALID_PARTITIONS', 'Number of partitions was set to an invalid non-positive value.')
    if (count > PARTITIONS_PER_TOPIC_MAX)
      return refusal('INVALID_PARTITIONS', `A topic may have at most ${PARTITIONS_PER_TOPIC_MAX} partitions.`)
    return count
  }

  #noReplicas(): string {
    const count = this.#placement.nodeIds.size
    return count === 1 ? 'only 1 broker(s) are registered' : 'a partition has one replica, on one of the brokers'
  }

  #assignedCount({ partitionCount, replicationFactor, assignments }: NewTopic): number | Refusal {
    const refuseWith = (message: string) => refusal('INVALID_REQUEST', message)
    if (replicationFactor !== -1)
      return refuseWith('A manual partition assignment was specified, but replication factor was not set to -1.')
    if (partitionCount !== -1)
      return refuseWith('A manual partition assignment was specified, but numPartitions was not set to -1.')
    const bad = refuseAssignments(assignments, this.#placement.nodeIds)
    return bad === undefined ? assignments.size : refusal('INVALID_REPLICA_ASSIGNMENT', bad)
  }

  #newId(): string {
    for (;;) {
      const id = this.#random.bytes(16)
      // RFC 4122 version 4. Kafka shuns ids that begin with a dash: tools would take them for an option.
      id[6] = (id[6]! & 0x0f) | 0x40
      id[8] = (id[8]! & 0x3f) | 0x80
      const text = id.toString('base64url')
      if (!text.startsWith('-') && text !== ZERO_UUID) return text
    }
  }
}

function refuseAssignments(assignments: NewTopic['assignments'], nodeIds: ReadonlySet<number>): string | undefined {
  for (let i = 0; i < assignments.size; i++)
    if (!assignments.has(i)) return 'partitions should be a consecutive 0-based integer sequence'
  for (const replicas of assignments.values()) {
    const bad = refuseReplicas(replicas, nodeIds)
    if (bad !== undefined) return bad
  }
  return undefined
}

export function withoutNulls(configs: ReadonlyMap<string, string | null>): Map<string, string> {
  return new Map([...configs].filter((entry): entry is [string, string] => entry[1] !== null))
}
