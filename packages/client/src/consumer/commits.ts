import type { CallOptions } from '../client-options.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { commitOffsets, type GroupMember, type PartitionOffset } from '../cluster/group-offsets.ts'
import { KafkaError } from '../errors.ts'
import type { AssignedPartition } from './assigned-partition.ts'
import type { ResolvedConsumerOptions } from './consumer-options.ts'
import type { Subscription } from './subscription.ts'

/** Commits, one after the other: an older offset never overtakes a newer one. */
export class Commits {
  readonly #cluster: Cluster
  readonly #subscription: Subscription
  readonly #options: ResolvedConsumerOptions
  readonly #member: () => GroupMember
  #last: Promise<void> = Promise.resolve()
  #dueAt: number

  constructor(
    cluster: Cluster,
    subscription: Subscription,
    options: ResolvedConsumerOptions,
    member: () => GroupMember,
  ) {
    this.#cluster = cluster
    this.#subscription = subscription
    this.#options = options
    this.#member = member
    this.#dueAt = performance.now() + options.autoCommitIntervalMs
  }

  /** The given offsets, or the positions of all assigned partitions. */
  commit(offsets: Iterable<PartitionOffset> | undefined, call: CallOptions): Promise<void> {
    const own = this.#subscription.partitions
    const wanted = offsets === undefined ? own.filter(p => p.position >= 0).map(positionOf) : [...offsets]
    return this.#enqueue(wanted, call)
  }

  /** What the program is done with, if that is more than was committed. */
  commitProcessed(call: CallOptions = {}): Promise<void> {
    const wanted = this.#subscription.partitions
      .filter(p => p.processed >= 0 && p.processed !== p.committed)
      .map(({ topic, partition, processed, processedEpoch }) =>
        offsetOf({ topic, partition }, processed, processedEpoch),
      )
    return this.#enqueue(wanted, call)
  }

  /** Before partitions go. A commit that fails then is no reason to stop: the records come again. */
  async beforeRevoke(): Promise<void> {
    if (!this.#options.autoCommit) return
    try {
      await this.commitProcessed({ timeoutMs: this.#options.requestTimeoutMs })
    } catch (error) {
      this.#options.logger.warn('offsets could not be committed before a rebalance', { error })
    }
  }

  /** In the background, every `autoCommitIntervalMs`. */
  autoCommit(): void {
    if (!this.#options.autoCommit || performance.now() < this.#dueAt) return
    this.#dueAt = performance.now() + this.#options.autoCommitIntervalMs
    this.commitProcessed().catch(error => {
      this.#options.logger.warn('offsets could not be committed; the next try is due soon', { error })
    })
  }

  #enqueue(offsets: readonly PartitionOffset[], call: CallOptions): Promise<void> {
    if (this.#options.groupId === undefined)
      return Promise.reject(new KafkaError('INVALID_STATE', 'offsets are committed for a group: give a groupId'))
    if (offsets.length === 0) return this.#last
    const commit = this.#last.then(() => this.#commit(offsets, call))
    this.#last = commit.catch(() => {})
    return commit
  }

  async #commit(offsets: readonly PartitionOffset[], call: CallOptions): Promise<void> {
    const member = this.#member()
    await this.#cluster.coordinated(member.groupId, call, async connection => {
      await commitOffsets(connection, member, offsets, call)
    })
    for (const { topic, partition, offset } of offsets) {
      const own = this.#subscription.get(topic, partition)
      if (own !== undefined) own.committed = offset
    }
  }
}

const offsetOf = (
  { topic, partition }: { readonly topic: string; readonly partition: number },
  offset: number,
  leaderEpoch: number,
): PartitionOffset => ({ topic, partition, offset, leaderEpoch: leaderEpoch < 0 ? undefined : leaderEpoch })

const positionOf = (own: AssignedPartition): PartitionOffset => offsetOf(own, own.position, own.positionEpoch)
