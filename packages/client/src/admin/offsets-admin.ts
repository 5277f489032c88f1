import type { CallOptions } from '../client-options.ts'
import type { Cluster } from '../cluster/cluster.ts'
import {
  type EpochEnd,
  type EpochQuery,
  type FoundOffset,
  type Isolation,
  leaderEpochEnds,
  listOffsets,
} from '../cluster/list-offsets.ts'
import type { TopicPartition } from '../record.ts'
import { settled } from './outcomes.ts'

const positions = {
  latest: -1,
  earliest: -2,
  'max-timestamp': -3,
  'earliest-local': -4,
  'latest-tiered': -5,
  'earliest-pending-upload': -6,
} as const

/** A named position, or a time in milliseconds since 1970: the first record of that time or later. */
export type OffsetPosition = keyof typeof positions | number

export interface OffsetAt extends TopicPartition {
  readonly at: OffsetPosition
}

export interface ListOffsetsOptions extends CallOptions {
  /** With `read_committed`, `latest` is before the first open transaction. */
  readonly isolation?: Isolation | undefined
}

/** Offsets of partitions: where they begin and end, and what was when. */
export class OffsetsAdmin {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /**
   * Finds offsets, by `topic-partition`. An offset of -1 means that there is no such record.
   *
   * @example
   * ```ts
   * const ends = await admin.offsets.list([{ topic: 'orders', partition: 0, at: 'latest' }])
   * const since = await admin.offsets.list([{ topic: 'orders', partition: 0, at: Date.now() - 60_000 }])
   * console.log(ends.get('orders-0')?.offset, since.get('orders-0')?.offset)
   * ```
   */
  async list(partitions: readonly OffsetAt[], options: ListOffsetsOptions = {}): Promise<Map<string, FoundOffset>> {
    const { isolation = 'read_uncommitted', ...call } = options
    const queries = partitions.map(({ topic, partition, at }) => ({
      topic,
      partition,
      timestamp: typeof at === 'number' ? at : positions[at],
    }))
    return settled(await listOffsets(this.#cluster, queries, isolation, call))
  }

  /**
   * Where leader epochs end, by `topic-partition` (KIP-320): for tools that look for lost records.
   *
   * @example
   * ```ts
   * const ends = await admin.offsets.epochEnds([{ topic: 'orders', partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }])
   * console.log(ends.get('orders-0')?.endOffset)
   * ```
   */
  async epochEnds(partitions: readonly EpochQuery[], call: CallOptions = {}): Promise<Map<string, EpochEnd>> {
    return settled(await leaderEpochEnds(this.#cluster, partitions, call))
  }
}
