/** Whoever makes, alters and deletes topics, and what is in them. */
import {
  CreateTopics,
  DeleteRecords,
  DeleteTopics,
  errorName,
  IncrementalAlterConfigs,
  ListOffsets,
} from '@millrace/protocol'
import { NoAnswer, SimulatedClient, type SimulatedTopic } from './simulated-client.ts'

const TOPIC_RESOURCE = 2
const ATTEMPTS_MAX = 50

export interface TopicPlan {
  readonly name: string
  readonly partitions: number
  readonly flushMessages: number | null
  readonly shrinks: boolean
}

/** Segments of a few batches, so that rolls, retention and recovery of several happen all the time. */
const SEGMENT_BYTES = ['600', '1500', '4000']

const isTemporary = ({ name }: SimulatedTopic): boolean => name.startsWith('temporary')

export class SimulatedAdmin extends SimulatedClient {
  #temporary = 0

  /** Repeats until it is known to be there: the run cannot begin without it. */
  async createForSure(plan: TopicPlan): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (await this.create(plan)) return
      await this.sleep(100)
    }
    throw new Error(`the topic ${plan.name} cannot be made`)
  }

  async create({ name, partitions, flushMessages, shrinks }: TopicPlan): Promise<boolean> {
    const configs = [
      { name: 'internal.segment.bytes', value: this.pick(SEGMENT_BYTES) },
      { name: 'index.interval.bytes', value: this.pick(['0', '300']) },
      { name: 'file.delete.delay.ms', value: '700' },
      { name: 'retention.ms', value: '-1' },
      { name: 'retention.bytes', value: shrinks ? '5000' : '-1' },
      ...(flushMessages === null ? [] : [{ name: 'flush.messages', value: String(flushMessages) }]),
    ]
    try {
      const answer = await this.request(CreateTopics, 7, {
        topics: [{ name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs }],
        timeoutMs: 1_000,
      })
      const { errorCode, topicId } = answer.topics[0]!
      if (errorCode !== 0) return false
      const topic: SimulatedTopic = { name, id: topicId, key: `${name}@${topicId}`, partitions, shrinks, isGone: false }
      this.world.record({ kind: 'topic', topic: topic.key, partitions, flushMessages, shrinks })
      this.world.topics.push(topic)
      return true
    } catch (error) {
      return this.#unanswered(error)
    }
  }

  async run(): Promise<void> {
    while (!this.world.isEnding) {
      await this.sleep(this.random.integer(1_500))
      if (this.world.isEnding) return
      await this.pick([
        this.#deleteRecords,
        this.#deleteRecords,
        this.#createTemporary,
        this.#deleteTemporary,
        this.#alter,
        this.#look,
      ]).call(this)
    }
  }

  /** The same few names again and again, so that one life of a name may meet another's. */
  async #createTemporary(): Promise<boolean> {
    const name = `temporary-${this.#temporary++ % 3}`
    const flushMessages = this.pick([null, 1])
    return this.create({ name, partitions: 1 + this.random.integer(2), flushMessages, shrinks: this.chance(400) })
  }

  async #deleteTemporary(): Promise<boolean> {
    const temporary = this.world.topics.filter(topic => isTemporary(topic) && !topic.isGone)
    if (temporary.length === 0) return false
    const topic = this.pick(temporary)
    topic.isGone = true
    this.world.record({ kind: 'topicGone', topic: topic.key })
    try {
      await this.request(DeleteTopics, 6, { topics: [{ name: null, topicId: topic.id }], timeoutMs: 1_000 })
      return true
    } catch (error) {
      return this.#unanswered(error)
    }
  }

  async #deleteRecords(): Promise<boolean> {
    const topic = this.#shrinking()
    if (topic === undefined) return false
    const partition = this.random.integer(topic.partitions)
    const began = this.world.time.nowMs
    try {
      const latest = await this.#latest(topic, partition)
      if (latest <= 0) return false
      const offset = this.random.integer(latest + 1)
      const answer = await this.request(DeleteRecords, 2, {
        topics: [{ name: topic.name, partitions: [{ partitionIndex: partition, offset }] }],
        timeoutMs: 1_000,
      })
      const { errorCode, lowWatermark } = answer.topics[0]!.partitions[0]!
      if (errorName(errorCode) !== 'NONE') return false
      const line = { kind: 'deletedRecords', client: this.name, began, topic: topic.key, partition } as const
      this.world.record({ ...line, logStart: lowWatermark })
      return true
    } catch (error) {
      return this.#unanswered(error)
    }
  }

  async #alter(): Promise<boolean> {
    const topic = this.#shrinking()
    if (topic === undefined) return false
    const configs = [{ name: 'retention.bytes', configOperation: 0, value: this.pick(['2000', '9000', '-1']) }]
    try {
      const resources = [{ resourceType: TOPIC_RESOURCE, resourceName: topic.name, configs }]
      await this.request(IncrementalAlterConfigs, 1, { resources, validateOnly: false })
      return true
    } catch (error) {
      return this.#unanswered(error)
    }
  }

  async #look(): Promise<boolean> {
    const topic = this.#shrinking()
    if (topic === undefined) return false
    try {
      return (await this.#latest(topic, 0)) >= 0
    } catch (error) {
      return this.#unanswered(error)
    }
  }

  async #latest(topic: SimulatedTopic, partition: number): Promise<number> {
    const partitions = [{ partitionIndex: partition, timestamp: -1 }]
    const answer = await this.request(ListOffsets, 7, { replicaId: -1, topics: [{ name: topic.name, partitions }] })
    return answer.topics[0]!.partitions[0]!.offset
  }

  /** Those that stay: DeleteRecords goes by name. */
  #shrinking(): SimulatedTopic | undefined {
    const shrinking = this.world.topics.filter(topic => topic.shrinks && !isTemporary(topic))
    return shrinking.length === 0 ? undefined : this.pick(shrinking)
  }

  #unanswered(error: unknown): false {
    if (!(error instanceof NoAnswer)) throw error
    return false
  }
}
