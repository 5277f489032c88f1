import { bounded, type ClientOptions, type ResolvedClientOptions, resolveClientOptions } from '../client-options.ts'
import type { Isolation } from '../cluster/list-offsets.ts'
import { KafkaError } from '../errors.ts'
import type { TopicPartition } from '../record.ts'
import type { Deserializer } from '../serdes.ts'
import type { Assignor } from './assignors/assignor.ts'
import { type AssignorName, assignorOf } from './assignors/by-name.ts'

/** Where to begin without a committed offset, or when the offset is no longer there. `byDurationMs`: that long before now (KIP-1106). */
export type OffsetReset = 'earliest' | 'latest' | 'none' | { readonly byDurationMs: number }

export interface ConsumerOptions<K, V> extends ClientOptions {
  /** Default: bytes. */
  readonly key?: Deserializer<K> | undefined
  /** Default: bytes. */
  readonly value?: Deserializer<V> | undefined
  /** Needed to subscribe and to commit. */
  readonly groupId?: string | undefined
  /** Makes the member static: a restart within the session timeout does not move partitions. */
  readonly groupInstanceId?: string | undefined
  /** In the order of preference; all members of the group must have one in common. Default: range, then cooperative-sticky, as in Java. */
  readonly assignors?: readonly (AssignorName | Assignor)[] | undefined
  /** After so long without a heartbeat the group gives this member up. Default 45000. */
  readonly sessionTimeoutMs?: number | undefined
  /** Default 3000. */
  readonly heartbeatIntervalMs?: number | undefined
  /** How long the program may take over one batch before the member leaves the group. Default 300000. */
  readonly maxPollIntervalMs?: number | undefined
  /** Default: true if there is a group. */
  readonly autoCommit?: boolean | undefined
  /** Default 5000. */
  readonly autoCommitIntervalMs?: number | undefined
  /** Default `latest`. */
  readonly offsetReset?: OffsetReset | undefined
  /** `read_committed` leaves out records of transactions that are open or aborted. Default `read_uncommitted`. */
  readonly isolation?: Isolation | undefined
  /** How much a broker gathers before it answers a fetch. Default 1. */
  readonly fetchMinBytes?: number | undefined
  /** How long it gathers at most. Default 500. */
  readonly fetchMaxWaitMs?: number | undefined
  /** The most that one fetch brings. Default 52428800. */
  readonly fetchMaxBytes?: number | undefined
  /** The most that one fetch brings for one partition. Default 1048576. */
  readonly partitionMaxBytes?: number | undefined
  /** How much may be fetched ahead, in all. Default 67108864. */
  readonly prefetchBytes?: number | undefined
  /** The most records that `batches` hands over at once. Default 500. */
  readonly batchRecordsMax?: number | undefined
  /** Whether checksums are compared. Default true. */
  readonly checkCrcs?: boolean | undefined
  /** Where this consumer is, for reading from the nearest replica. */
  readonly rackId?: string | undefined
  /** Default true. */
  readonly allowAutoTopicCreation?: boolean | undefined
}

export interface ResolvedConsumerOptions extends ResolvedClientOptions {
  readonly groupId: string | undefined
  readonly groupInstanceId: string | null
  readonly assignors: readonly Assignor[]
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly maxPollIntervalMs: number
  readonly autoCommit: boolean
  readonly autoCommitIntervalMs: number
  readonly offsetReset: OffsetReset
  readonly isolation: Isolation
  readonly fetchMinBytes: number
  readonly fetchMaxWaitMs: number
  readonly fetchMaxBytes: number
  readonly partitionMaxBytes: number
  readonly prefetchBytes: number
  readonly batchRecordsMax: number
  readonly checkCrcs: boolean
  readonly rackId: string
  readonly allowAutoTopicCreation: boolean
}

export function resolveConsumerOptions<K, V>(options: ConsumerOptions<K, V>): ResolvedConsumerOptions {
  const sessionTimeoutMs = bounded('sessionTimeoutMs', options.sessionTimeoutMs, 45_000, 1)
  const heartbeatIntervalMs = bounded('heartbeatIntervalMs', options.heartbeatIntervalMs, 3000, 1)
  if (heartbeatIntervalMs >= sessionTimeoutMs)
    throw new KafkaError('INVALID_ARGUMENT', 'heartbeatIntervalMs must be less than sessionTimeoutMs')
  const assignors = (options.assignors ?? ['range', 'cooperative-sticky']).map(assignorOf)
  if (assignors.length === 0) throw new KafkaError('INVALID_ARGUMENT', 'assignors names none')
  return {
    ...resolveClientOptions(options),
    groupId: options.groupId,
    groupInstanceId: options.groupInstanceId ?? null,
    assignors,
    sessionTimeoutMs,
    heartbeatIntervalMs,
    maxPollIntervalMs: bounded('maxPollIntervalMs', options.maxPollIntervalMs, 300_000, 1),
    autoCommit: options.groupId !== undefined && (options.autoCommit ?? true),
    autoCommitIntervalMs: bounded('autoCommitIntervalMs', options.autoCommitIntervalMs, 5000),
    offsetReset: options.offsetReset ?? 'latest',
    isolation: options.isolation ?? 'read_uncommitted',
    ...resolveFetchOptions(options),
    rackId: options.rackId ?? '',
    allowAutoTopicCreation: options.allowAutoTopicCreation ?? true,
  }
}

function resolveFetchOptions(options: ConsumerOptions<never, never> | ConsumerOptions<unknown, unknown>) {
  return {
    fetchMinBytes: bounded('fetchMinBytes', options.fetchMinBytes, 1),
    fetchMaxWaitMs: bounded('fetchMaxWaitMs', options.fetchMaxWaitMs, 500),
    fetchMaxBytes: bounded('fetchMaxBytes', options.fetchMaxBytes, 52_428_800, 1),
    partitionMaxBytes: bounded('partitionMaxBytes', options.partitionMaxBytes, 1_048_576, 1),
    prefetchBytes: bounded('prefetchBytes', options.prefetchBytes, 67_108_864, 1),
    batchRecordsMax: bounded('batchRecordsMax', options.batchRecordsMax, 500, 1),
    checkCrcs: options.checkCrcs ?? true,
  }
}

/** Called while the consumer waits for its next batch, never while the program works on one; the group waits for it. */
export interface RebalanceListener {
  /** New partitions, before anything is read from them: the place to `seek`. */
  onAssigned?(partitions: readonly TopicPartition[]): void | Promise<void>
  /** Partitions that are about to go: the place to finish and `commit`. */
  onRevoked?(partitions: readonly TopicPartition[]): void | Promise<void>
  /** Partitions that are gone already, and may be someone else's: nothing can be committed. Default: `onRevoked`. */
  onLost?(partitions: readonly TopicPartition[]): void | Promise<void>
}
