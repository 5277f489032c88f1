/**
 * Partitions that a start has not come to yet. Others are served meanwhile, so what the checkpoints said of these goes on being written, their topics may get
 * other configurations or be removed, and a new topic of an old name waits until nobody is in the old one's folder.
 */
import type { LogConfig, TopicLayout } from '../engine.ts'
import type { PartitionOffset } from '../log/checkpoint-file.ts'
import { partitionFolder } from '../log/file-names.ts'
import type { CheckpointName, DataFolder } from './data-folder.ts'

/** What a data folder's checkpoints say, by partition folder. */
export type KnownCheckpoints = Partial<Record<CheckpointName, ReadonlyMap<string, number>>>

export interface UnopenedPartition {
  readonly layout: TopicLayout
  readonly partition: number
}

export class UnopenedPartitions {
  readonly #waiting = new Map<string, UnopenedPartition>()
  readonly #opening = new Map<string, UnopenedPartition>()
  readonly #configs = new Map<string, LogConfig>()
  #checkpoints: ReadonlyMap<DataFolder, KnownCheckpoints> = new Map()
  #whenOpened: (() => void)[] = []

  begin(wanted: readonly UnopenedPartition[], checkpoints: ReadonlyMap<DataFolder, KnownCheckpoints>): void {
    this.#checkpoints = checkpoints
    for (const one of wanted) this.#waiting.set(nameOf(one), one)
  }

  get count(): number {
    return this.#waiting.size + this.#opening.size
  }

  has(topic: string, partition: number): boolean {
    const name = partitionFolder(topic, partition)
    return this.#waiting.has(name) || this.#opening.has(name)
  }

  /** False when its topic was removed meanwhile. */
  opening(one: UnopenedPartition): boolean {
    if (this.#waiting.get(nameOf(one)) !== one) return false
    this.#waiting.delete(nameOf(one))
    this.#opening.set(nameOf(one), one)
    return true
  }

  /** Answers the configuration that it has by now. */
  opened(one: UnopenedPartition): LogConfig {
    this.#opening.delete(nameOf(one))
    const waiters = this.#whenOpened
    this.#whenOpened = []
    for (const wake of waiters) wake()
    return this.#configs.get(one.layout.topicId) ?? one.layout.config
  }

  configure(topicId: string, config: LogConfig): void {
    if (this.count > 0) this.#configs.set(topicId, config)
  }

  /** Those of the topic that nobody has begun to open: they never will be. */
  forget(topicId: string): readonly UnopenedPartition[] {
    const gone = [...this.#waiting.values()].filter(({ layout }) => layout.topicId === topicId)
    for (const one of gone) this.#waiting.delete(nameOf(one))
    return gone
  }

  /** Resolves when no partition of that topic name is being opened. */
  async free(topic: string): Promise<void> {
    while ([...this.#opening.values()].some(({ layout }) => layout.topic === topic))
      await new Promise<void>(resolve => this.#whenOpened.push(resolve))
  }

  /** What the folder's checkpoint said of them: whoever writes it anew writes this too. */
  offsets(data: DataFolder, name: CheckpointName): PartitionOffset[] {
    const known = this.#checkpoints.get(data)?.[name]
    if (known === undefined) return []
    return [...this.#waiting.values(), ...this.#opening.values()].flatMap(one => {
      const offset = known.get(nameOf(one))
      return offset === undefined ? [] : [{ topic: one.layout.topic, partition: one.partition, offset }]
    })
  }
}

const nameOf = ({ layout, partition }: UnopenedPartition): string => partitionFolder(layout.topic, partition)
