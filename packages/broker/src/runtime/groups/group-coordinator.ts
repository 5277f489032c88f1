/** All groups that this node coordinates. */
import type { Clock, Logger, Random, Timer, TimerWheel } from '@millrace/base'
import {
  type AskedTopic,
  absentGroup,
  applyPendingOffsets,
  DEFAULT_GROUP_CONFIG,
  describeGroup,
  dropPending,
  emptyGroup,
  type FetchedTopic,
  fetchOffsets,
  type GroupConfig,
  type GroupDescription,
  type GroupEvent,
  type GroupListing,
  type GroupOffsets,
  type GroupReply,
  type GroupState,
  listGroup,
  noTransactions,
  type OffsetsView,
  offsetsOfTopic,
  type RequestId,
  releaseGuard,
  replay,
  takeGuard,
} from '@millrace/coordinator'
import { MalformedError } from '@millrace/protocol'
import type { Catalog, CatalogChange, MaybePromise, StoredGroup, StoredOffset } from '@millrace/storage'
import type { BrokerConfig } from '../../config/broker-config.ts'
import type { ClusterImage } from '../../metadata/cluster-image.ts'
import { promisedTopics } from '../promised-topics.ts'
import { decodeGroupRecord } from './group-record-codec.ts'
import { GroupShell, type KeptOffsets, pendingChange, type ShellServices } from './group-shell.ts'

export interface GroupCoordinatorOptions {
  readonly catalog: Catalog
  readonly config: BrokerConfig
  readonly image: Pick<ClusterImage, 'topic'>
  readonly timers: TimerWheel
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Whether this node coordinates the group. */
  readonly isOwn: (groupId: string) => boolean
}

const NO_OFFSETS: OffsetsView = new Map()

export class GroupCoordinator {
  readonly #options: GroupCoordinatorOptions
  readonly #groups = new Map<string, GroupShell>()
  readonly #services: ShellServices
  #expiry: Timer | undefined

  constructor(options: GroupCoordinatorOptions) {
    this.#options = options
    const { catalog, timers, clock, logger, config } = options
    const isPromised = promisedTopics(options.image)
    let groupConfig = groupConfigOf(config)
    config.onChange(() => {
      groupConfig = groupConfigOf(config)
    })
    const onDead = (groupId: string): void => void this.#groups.delete(groupId)
    this.#services = { catalog, timers, clock, logger, config: () => groupConfig, isPromised, onDead }
  }

  get groupCount(): number {
    return this.#groups.size
  }

  /** Takes up the groups where they were left: members keep their places if they call in time. */
  async start(): Promise<void> {
    for (const stored of await this.#options.catalog.loadGroups())
      if (this.#options.isOwn(stored.groupId)) this.#restore(stored)
    this.#expireLater()
  }

  /** Sends everyone who is parked away and stops the timers. */
  close(): void {
    this.#expiry?.cancel()
    for (const group of [...this.#groups.values()]) group.close()
  }

  /** `groupId` names a group that need not exist yet. */
  ask(
    groupId: string,
    eventOf: (request: RequestId, now: number, kept: KeptOffsets) => GroupEvent,
  ): MaybePromise<GroupReply> {
    return this.#groupOf(groupId).ask(eventOf)
  }

  /**
   * Runs `commit`, which asks the transaction coordinator and then commits with the guard that it took right before it asked: if the transaction ends
   * in between, the group knows by the guard. Each taking gives the one before back.
   */
  async guarded<T>(groupId: string, producerId: number, commit: (take: () => number) => Promise<T>): Promise<T> {
    const group = this.#groupOf(groupId)
    let guard = takeGuard(group.transactions, producerId)
    try {
      return await commit(() => {
        releaseGuard(group.transactions, guard)
        guard = takeGuard(group.transactions, producerId)
        return guard
      })
    } finally {
      releaseGuard(group.transactions, guard)
      group.forgetIfDead()
    }
  }

  /** Of which producers' transactions there are offsets, by group. */
  pendingTransactions(): { readonly groupId: string; readonly producerId: number }[] {
    return [...this.#groups.values()].flatMap(({ groupId, transactions }) =>
      [...transactions.pending.keys()].map(producerId => ({ groupId, producerId })),
    )
  }

  /** A transaction's marker. False when it could not be stored and is to be brought again. */
  async endTransaction(groupId: string, producerId: number, committed: boolean): Promise<boolean> {
    const reply = await this.ask(groupId, (request, now, { transactions }) => ({
      kind: 'endTransaction',
      now,
      request,
      producerId,
      committed,
      transactions,
    }))
    return reply.kind === 'transactionEnded'
  }

  #groupOf(groupId: string): GroupShell {
    if (!this.#options.isOwn(groupId)) return this.#strange(groupId)
    let group = this.#groups.get(groupId)
    if (group === undefined) {
      group = new GroupShell(
        absentGroup(groupId),
        { offsets: new Map(), transactions: noTransactions() },
        this.#services,
      )
      this.#groups.set(groupId, group)
    }
    return group
  }

  /** Another node's: it sends everyone away, and nobody remembers it. */
  #strange(groupId: string): GroupShell {
    const kept = { offsets: new Map(), transactions: noTransactions() }
    return new GroupShell({ kind: 'Dead', groupId, unloaded: true }, kept, { ...this.#services, onDead: () => {} })
  }

  /** A fresh id for a member to be. */
  memberUuid(): string {
    const id = this.#options.random.bytes(16).toString('hex')
    return `${id.slice(0, 8)}-${id.slice(8, 12)}-4${id.slice(13, 16)}-a${id.slice(17, 20)}-${id.slice(20)}`
  }

  offsetsOf(groupId: string): OffsetsView {
    return this.#groups.get(groupId)?.offsets ?? NO_OFFSETS
  }

  /** `requireStable`: no offset is told that an open transaction may replace (KIP-447). */
  fetchOffsets(groupId: string, asked: readonly AskedTopic[] | null, requireStable: boolean): FetchedTopic[] {
    const group = this.#groups.get(groupId)
    return fetchOffsets(group?.offsets, asked, requireStable ? group?.transactions : undefined)
  }

  /** A group that does not exist is described as Dead. */
  describe(groupId: string): GroupDescription {
    return describeGroup(this.#groups.get(groupId)?.state ?? absentGroup(groupId))
  }

  list(): GroupListing[] {
    return [...this.#groups.values()].map(group => listGroup(group.state)).filter(listing => listing.state !== 'Dead')
  }

  /** How many groups are in each state. */
  countByState(): Map<GroupState['kind'], number> {
    const counts = new Map<GroupState['kind'], number>()
    for (const { state } of this.#groups.values()) counts.set(state.kind, (counts.get(state.kind) ?? 0) + 1)
    return counts
  }

  /** Offsets of a topic that is gone must not meet a later topic of the same name. */
  async forgetTopic(topic: string): Promise<void> {
    const changes: CatalogChange[] = []
    for (const { groupId, offsets, transactions } of this.#groups.values()) {
      for (const { partition } of offsetsOfTopic(offsets, topic))
        changes.push({ kind: 'deleteOffset', groupId, topic, partition })
      const dropped = dropPending(transactions, { topic })
      changes.push(...dropped.map(record => pendingChange(groupId, record)))
      offsets.delete(topic)
      applyPendingOffsets(transactions, dropped)
    }
    // The topic is gone for good, and so are they.
    if (changes.length > 0) await this.#options.catalog.write(changes, { isVital: true })
  }

  #restore(stored: StoredGroup): void {
    const { groupId } = stored
    const now = this.#options.clock.now()
    const group = new GroupShell(this.#stateOf(stored, now), keptOffsets(stored), this.#services)
    this.#groups.set(groupId, group)
    group.tell({ kind: 'loaded', now })
  }

  #stateOf({ groupId, value }: StoredGroup, now: number): GroupState {
    if (value === undefined) return emptyGroup(groupId, now)
    try {
      return replay(decodeGroupRecord(groupId, value))
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      this.#options.logger.error(`group ${groupId} cannot be read and starts empty, its offsets are kept`, { error })
      return emptyGroup(groupId, now)
    }
  }

  #expireLater(): void {
    const { timers, config, clock } = this.#options
    this.#expiry = timers.arm(config.offsetsRetentionCheckIntervalMs, () => {
      for (const group of [...this.#groups.values()])
        group.tell({
          kind: 'expireOffsets',
          now: clock.now(),
          offsets: group.offsets,
          transactions: group.transactions,
        })
      this.#expireLater()
    })
  }
}

function keptOffsets(stored: StoredGroup): KeptOffsets {
  const transactions = noTransactions()
  applyPendingOffsets(
    transactions,
    stored.pending.map(({ producerId, offset, sequence, isSuperseded }) => {
      const { topic, partition, ...rest } = offset
      return {
        producerId,
        topic,
        partition,
        pending: { committed: { ...rest, topicId: null }, sequence, isSuperseded },
      }
    }),
  )
  return { offsets: offsetsOf(stored.offsets), transactions }
}

function offsetsOf(stored: readonly StoredOffset[]): GroupOffsets {
  const offsets: GroupOffsets = new Map()
  for (const { topic, partition, ...rest } of stored) {
    let partitions = offsets.get(topic)
    if (partitions === undefined) offsets.set(topic, (partitions = new Map()))
    partitions.set(partition, { ...rest, topicId: null })
  }
  return offsets
}

function groupConfigOf(config: BrokerConfig): GroupConfig {
  return {
    ...DEFAULT_GROUP_CONFIG,
    sessionTimeoutMsMin: config.groupMinSessionTimeoutMs,
    sessionTimeoutMsMax: config.groupMaxSessionTimeoutMs,
    initialRebalanceDelayMs: config.groupInitialRebalanceDelayMs,
    groupSizeMax: config.groupMaxSize,
    offsetMetadataLengthMax: config.offsetMetadataMaxBytes,
    offsetsRetentionMs: config.offsetsRetentionMinutes * 60_000,
  }
}
