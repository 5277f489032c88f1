/**
 * This consumer as a member of its group.
 *
 *   out ──step──▶ joining ──round done──▶ stable ──"rebalance", new topics──▶ out
 *    ▲                                      │ unknown member, old generation, too long between steps
 *    └───────────────── lost ◀──────────────┘
 *
 * Only `step`, which the poll loop calls between batches, moves the state and runs the listener, so the program never sees its partitions change while it works
 * on a batch. Heartbeats go on in the background and just leave a note. A join runs in the background too: a cooperative member reads on meanwhile.
 */
import { type Cluster, coordinatorIsLost } from '../cluster/cluster.ts'
import type { GroupMember } from '../cluster/group-offsets.ts'
import { backoffMs } from '../cluster/retry.ts'
import { KafkaError, type KafkaErrorCode } from '../errors.ts'
import { type TopicPartition, topicPartitionKey } from '../record.ts'
import type { ResolvedConsumerOptions } from './consumer-options.ts'
import { GroupRounds, type Round } from './group-rounds.ts'
import { Heartbeats } from './heartbeats.ts'
import type { Subscription } from './subscription.ts'

export interface GroupHooks {
  /** Before partitions go: commits what is done, if commits are automatic. */
  readonly beforeRevoke: () => Promise<void>
  /** `step` has something to do. */
  readonly onNews: () => void
}

type Outcome = { readonly round: Round } | { readonly error: unknown }

/** The membership is gone, and with it the right to the partitions. */
const losing: ReadonlySet<string> = new Set<KafkaErrorCode>([
  'UNKNOWN_MEMBER_ID',
  'ILLEGAL_GENERATION',
  'FENCED_INSTANCE_ID',
])

export class GroupSession {
  readonly #cluster: Cluster
  readonly #options: ResolvedConsumerOptions
  readonly #subscription: Subscription
  readonly #hooks: GroupHooks
  readonly #rounds: GroupRounds
  readonly #heartbeats: Heartbeats
  readonly #groupId: string
  #state: 'out' | 'joining' | 'stable' = 'out'
  #member: GroupMember | undefined
  #memberId = ''
  #round: Round | undefined
  #outcome: Outcome | undefined
  #joinedTopics: readonly string[] = []
  #rejoinReason: string | undefined
  #isLost = false
  #fatal: KafkaError | undefined
  #attempts = 0
  #retryAt = 0
  #epoch = 0

  constructor(
    cluster: Cluster,
    options: ResolvedConsumerOptions & { readonly groupId: string },
    subscription: Subscription,
    hooks: GroupHooks,
  ) {
    this.#cluster = cluster
    this.#options = options
    this.#subscription = subscription
    this.#hooks = hooks
    this.#groupId = options.groupId
    this.#rounds = new GroupRounds(cluster, options, options.groupId)
    this.#heartbeats = new Heartbeats(options, {
      beat: () => this.#rounds.heartbeat(this.#member!),
      onError: error => this.#heartbeatFailed(error),
      onIdle: () => this.#overdue(),
    })
  }

  /** Who this consumer is for commits; without a generation while it is no member. */
  get member(): GroupMember {
    const { groupInstanceId } = this.#options
    return this.#member ?? { groupId: this.#groupId, generationId: -1, memberId: '', groupInstanceId }
  }

  /** Whether the partitions may be someone else's already: nothing more of them is to be worked on. */
  get isLost(): boolean {
    return this.#isLost
  }

  /** When `step` has to be called again though nothing happens (monotonic ms). */
  get retryAt(): number {
    return this.#state === 'out' ? this.#retryAt : Number.POSITIVE_INFINITY
  }

  /** The program asked for more: it is alive. */
  entered(): void {
    this.#heartbeats.programIsWaiting()
  }

  /** A batch was handed over: the clock of `maxPollIntervalMs` runs. */
  left(): void {
    this.#heartbeats.programIsWorking()
  }

  /** Does what is due. Runs the listener. Throws what keeps this consumer out of its group for good. */
  async step(topics: readonly string[]): Promise<void> {
    if (this.#isLost) await this.#lose()
    if (this.#fatal !== undefined) {
      const fatal = this.#fatal
      this.#fatal = undefined
      throw fatal
    }
    if (this.#state === 'joining' && this.#outcome !== undefined) await this.#finishJoin(this.#outcome)
    if (this.#state === 'stable') this.#checkTopics(topics)
    if (this.#state === 'stable' && this.#rejoinReason !== undefined) await this.#prepareJoin()
    if (this.#state === 'out' && performance.now() >= this.#retryAt && topics.length > 0) this.#startJoin(topics)
  }

  /** Gives everything up and leaves. A static member stays in the group until its session times out, as Kafka's does. */
  async leave(reason: string): Promise<void> {
    this.#heartbeats.stop()
    this.#epoch++
    const owned = this.#subscription.partitions
    const memberId = this.#memberId
    try {
      if (owned.length > 0) {
        await this.#hooks.beforeRevoke()
        await this.#subscription.listener.onRevoked?.(plain(owned))
      }
    } finally {
      this.#subscription.assign([])
      this.#state = 'out'
      this.#outcome = undefined
      this.#rejoinReason = undefined
      this.#member = undefined
      this.#memberId = ''
      this.#round = undefined
      if (memberId !== '' && this.#options.groupInstanceId === null) await this.#tellLeaving(memberId, reason)
    }
  }

  async #tellLeaving(memberId: string, reason: string): Promise<void> {
    try {
      await this.#rounds.leave(memberId, reason)
    } catch (error) {
      this.#cluster.options.logger.debug('the group could not be left', { error })
    }
  }

  #startJoin(topics: readonly string[]): void {
    this.#state = 'joining'
    this.#outcome = undefined
    this.#joinedTopics = [...topics].sort()
    const epoch = ++this.#epoch
    const owned = plain(this.#subscription.partitions)
    const previous = this.#round
    const offer = {
      topics: this.#joinedTopics,
      // An eager member has given its partitions up already; its sticky assignor wants to know what they were.
      owned: owned.length > 0 ? owned : (previous?.assigned ?? []),
      ownedGenerationId: previous?.member.generationId ?? -1,
      memberId: this.#memberId,
      reason: this.#rejoinReason ?? 'joining',
    }
    this.#rejoinReason = undefined
    const settle = (outcome: Outcome): void => {
      if (epoch !== this.#epoch) return
      this.#outcome = outcome
      // From here on the member has to show that it is alive, even before the program comes round to the next step.
      if ('round' in outcome) {
        this.#member = outcome.round.member
        this.#heartbeats.start()
      }
      this.#hooks.onNews()
    }
    this.#rounds
      .join(offer, memberId => {
        if (epoch === this.#epoch) this.#memberId = memberId
      })
      .then(
        round => settle({ round }),
        error => settle({ error }),
      )
  }

  async #finishJoin(outcome: Outcome): Promise<void> {
    this.#outcome = undefined
    if ('error' in outcome) return this.#joinFailed(outcome.error)
    const { round } = outcome
    this.#attempts = 0
    this.#retryAt = 0
    this.#state = 'stable'
    this.#round = round
    const { generationId } = round.member
    this.#cluster.options.logger.debug('joined the group', { generationId, partitions: round.assigned.length })
    const owned = this.#subscription.partitions
    const revoked = without(owned, round.assigned)
    if (this.#isCooperative && revoked.length > 0) {
      await this.#revoke(revoked)
      // The next round gives away what this member has just let go.
      this.#rejoinReason = 'gave up partitions that move to another member'
    }
    const added = without(round.assigned, owned)
    this.#subscription.assign(round.assigned)
    await this.#subscription.listener.onAssigned?.(added)
  }

  async #joinFailed(error: unknown): Promise<void> {
    this.#state = 'out'
    this.#epoch++
    if (!(error instanceof KafkaError)) throw error
    if (coordinatorIsLost(error)) this.#cluster.forgetCoordinator(this.#groupId)
    if (error.code === 'FENCED_INSTANCE_ID') throw error
    if (losing.has(error.code)) {
      this.#memberId = ''
      return this.#lose()
    }
    if (!error.retriable && error.code !== 'REBALANCE_IN_PROGRESS' && error.code !== 'BROKER_NOT_AVAILABLE') throw error
    this.#retryAt =
      error.code === 'REBALANCE_IN_PROGRESS' ? 0 : performance.now() + backoffMs(this.#options, this.#attempts++)
  }

  /** Before a round: an eager member gives up everything, a cooperative one only topics that it no longer wants. */
  async #prepareJoin(): Promise<void> {
    this.#heartbeats.stop()
    this.#state = 'out'
    this.#retryAt = 0
    const owned = this.#subscription.partitions
    if (this.#isCooperative || owned.length === 0) return
    await this.#revoke(owned)
    this.#subscription.assign([])
  }

  async #revoke(partitions: readonly TopicPartition[]): Promise<void> {
    await this.#hooks.beforeRevoke()
    await this.#subscription.listener.onRevoked?.(plain(partitions))
  }

  async #lose(): Promise<void> {
    this.#isLost = false
    this.#heartbeats.stop()
    this.#epoch++
    this.#state = 'out'
    this.#outcome = undefined
    this.#rejoinReason = undefined
    this.#member = undefined
    this.#round = undefined
    const owned = plain(this.#subscription.partitions)
    this.#subscription.assign([])
    const { listener } = this.#subscription
    if (owned.length === 0) return
    if (listener.onLost !== undefined) await listener.onLost(owned)
    else await listener.onRevoked?.(owned)
  }

  get #isCooperative(): boolean {
    return this.#options.assignors.every(({ protocol }) => protocol === 'cooperative')
  }

  /** Another wish, or, for the leader, topics that grew, came or went, need another round. */
  #checkTopics(topics: readonly string[]): void {
    if ([...topics].sort().join() !== this.#joinedTopics.join()) this.#rejoinReason ??= 'the subscription changed'
    for (const [topic, count] of this.#round?.partitionCounts ?? []) {
      const now = this.#cluster.metadata.peek(topic)?.partitions.length
      if (now !== undefined && now !== count) this.#rejoinReason ??= `topic '${topic}' has ${now} partitions now`
    }
  }

  #heartbeatFailed(error: KafkaError): void {
    if (error.code === 'REBALANCE_IN_PROGRESS') this.#rejoinReason ??= 'the group is rebalancing'
    else if (losing.has(error.code)) {
      this.#isLost = true
      this.#memberId = ''
      if (error.code === 'FENCED_INSTANCE_ID') this.#fatal = error
    } else if (coordinatorIsLost(error)) {
      this.#cluster.forgetCoordinator(this.#groupId)
      return
    } else if (!error.retriable) this.#fatal = error
    this.#hooks.onNews()
  }

  /** The program took longer than `maxPollIntervalMs`: its partitions are better off with someone else. */
  #overdue(): void {
    const { maxPollIntervalMs, logger, groupInstanceId } = this.#options
    logger.warn(
      `the program asked for nothing within ${maxPollIntervalMs} ms and loses its partitions: see maxPollIntervalMs`,
    )
    this.#isLost = true
    const memberId = this.#memberId
    if (groupInstanceId !== null) return
    this.#memberId = ''
    void this.#tellLeaving(memberId, 'maxPollIntervalMs exceeded')
  }
}

const plain = (partitions: readonly TopicPartition[]): readonly TopicPartition[] =>
  partitions.map(({ topic, partition }) => ({ topic, partition }))

function without(partitions: readonly TopicPartition[], others: readonly TopicPartition[]): readonly TopicPartition[] {
  const keys = new Set(others.map(p => topicPartitionKey(p.topic, p.partition)))
  return plain(partitions.filter(p => !keys.has(topicPartitionKey(p.topic, p.partition))))
}
