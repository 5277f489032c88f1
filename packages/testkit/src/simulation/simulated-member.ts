/**
 * A member of a classic group: joins, is given partitions (the leader deals them out), reads them from where the group had committed, commits what it was
 * given, and leaves, falls silent or is cut off at any time.
 */
import {
  ConsumerProtocolSubscription,
  type ErrorName,
  errorName,
  Heartbeat,
  JoinGroup,
  LeaveGroup,
  OffsetCommit,
  OffsetFetch,
  SyncGroup,
  Writer,
} from '@millrace/protocol'
import type { IsolationName, PartitionOffset } from '../history/event.ts'
import { NoAnswer, type SimulatedTopic } from './simulated-client.ts'
import { isDamage, SimulatedReader } from './simulated-reader.ts'

const SESSION_MS = 3_000
const HEARTBEAT_MS = 400
const PROTOCOL = 'range'

export interface Owned {
  readonly topic: SimulatedTopic
  readonly partition: number
  position: number
  committed: number
}

export interface Membership {
  readonly memberId: string
  readonly generation: number
}

/** The group has moved on without this member, or wants all to join again. */
class MustRejoin extends Error {
  readonly keepsId: boolean

  constructor(error: ErrorName) {
    super(error)
    this.keepsId = error === 'REBALANCE_IN_PROGRESS'
  }
}

export interface GroupPlan {
  readonly groupId: string
  readonly topics: () => readonly SimulatedTopic[]
}

export class GroupMember extends SimulatedReader {
  readonly #plan: GroupPlan
  #memberId = ''
  #life = 0
  #commitCount = 0

  constructor(plan: GroupPlan, ...client: ConstructorParameters<typeof SimulatedReader>) {
    super(...client)
    this.#plan = plan
  }

  protected override get alias(): string {
    return `${this.name}.${this.#life}`
  }

  protected override get group(): string {
    return this.#plan.groupId
  }

  protected get isolation(): IsolationName {
    return 'read_uncommitted'
  }

  async run(): Promise<void> {
    while (!this.world.isEnding) {
      try {
        await this.#belong(await this.#join())
      } catch (error) {
        if (error instanceof MustRejoin) {
          if (!error.keepsId) this.#memberId = ''
        } else if (error instanceof NoAnswer) await this.sleep(50 + this.random.integer(200))
        else throw error
      }
    }
  }

  async #join(): Promise<Membership> {
    const { groupId } = this.#plan
    const answer = await this.request(
      JoinGroup,
      6,
      {
        groupId,
        sessionTimeoutMs: SESSION_MS,
        rebalanceTimeoutMs: SESSION_MS,
        memberId: this.#memberId,
        protocolType: 'consumer',
        protocols: [{ name: PROTOCOL, metadata: this.#subscription() }],
      },
      SESSION_MS * 2,
    )
    const error = errorName(answer.errorCode)
    if (error === 'MEMBER_ID_REQUIRED') {
      this.#memberId = answer.memberId
      return this.#join()
    }
    await this.#hold(error)
    this.#memberId = answer.memberId
    this.#life++
    const membership = { memberId: answer.memberId, generation: answer.generationId }
    const isLeader = answer.leader === answer.memberId
    await this.#sync(membership, isLeader ? answer.members.map(member => member.memberId) : [])
    return membership
  }

  /** Coordinators that load, or cannot write, ask for patience; every other error means that this membership is over. */
  async #hold(error: ErrorName): Promise<void> {
    if (error === 'NONE') return
    if (
      error === 'COORDINATOR_NOT_AVAILABLE' ||
      error === 'COORDINATOR_LOAD_IN_PROGRESS' ||
      error === 'NOT_COORDINATOR'
    )
      throw new NoAnswer(error)
    await this.sleep(20)
    throw new MustRejoin(error)
  }

  #owned: Owned[] = []

  async #sync({ memberId, generation }: Membership, members: readonly string[]): Promise<void> {
    const { groupId } = this.#plan
    const partitions = this.#plan
      .topics()
      .flatMap(topic => Array.from({ length: topic.partitions }, (_, p) => ({ topic, p })))
    const assignments = members.map((id, i) => ({
      memberId: id,
      assignment: Buffer.from(
        JSON.stringify(partitions.filter((_, at) => at % members.length === i).map(({ topic, p }) => [topic.id, p])),
      ),
    }))
    const began = this.world.time.nowMs
    const answer = await this.request(
      SyncGroup,
      4,
      { groupId, generationId: generation, memberId, assignments },
      SESSION_MS * 2,
    )
    await this.#hold(errorName(answer.errorCode))
    const dealt =
      answer.assignment.length === 0
        ? []
        : (JSON.parse(Buffer.from(answer.assignment).toString()) as [string, number][])
    this.#owned = dealt.flatMap(([id, partition]) => {
      const topic = this.#plan.topics().find(known => known.id === id)
      return topic === undefined ? [] : [{ topic, partition, position: 0, committed: -1 }]
    })
    this.world.record({
      kind: 'assigned',
      began,
      client: this.alias,
      group: groupId,
      generation,
      member: memberId,
      partitions: this.#owned.map(({ topic, partition }) => [topic.key, partition]),
    })
    if (this.#owned.length > 0) await this.#fetchOffsets()
  }

  async #fetchOffsets(): Promise<void> {
    const { groupId } = this.#plan
    const began = this.world.time.nowMs
    const topics = [...Map.groupBy(this.#owned, ({ topic }) => topic.id)].map(([topicId, owned]) => ({
      topicId,
      partitionIndexes: owned.map(({ partition }) => partition),
    }))
    const { groups } = await this.request(OffsetFetch, 10, { groups: [{ groupId, topics }], requireStable: true })
    const answer = groups[0]!
    await this.#hold(errorName(answer.errorCode))
    const offsets: PartitionOffset[] = []
    for (const owned of this.#owned) {
      const found = answer.topics
        .find(({ topicId }) => topicId === owned.topic.id)
        ?.partitions.find(({ partitionIndex }) => partitionIndex === owned.partition)
      if (found === undefined || found.errorCode !== 0)
        throw new NoAnswer('offsets of a topic that the broker does not know')
      offsets.push([owned.topic.key, owned.partition, found.committedOffset])
      owned.position = Math.max(0, found.committedOffset)
      owned.committed = found.committedOffset
    }
    this.world.record({ kind: 'fetchedOffsets', client: this.alias, began, group: groupId, offsets })
    for (const { topic, partition, position } of this.#owned) this.seek(topic, partition, position)
  }

  async #belong(membership: Membership): Promise<void> {
    let beatAtMs = this.world.time.nowMs + HEARTBEAT_MS
    while (!this.world.isEnding) {
      if (this.world.time.nowMs >= beatAtMs) {
        await this.#beat(membership)
        beatAtMs = this.world.time.nowMs + HEARTBEAT_MS
      }
      const owned = this.#owned.length > 0 ? this.pick(this.#owned) : undefined
      if (owned !== undefined) await this.#read(owned)
      if (this.chance(150)) await this.#commitMoved(membership)
      if (this.chance(4)) return this.#leave(membership)
      // Silent for longer than its session: it is thrown out and does not know.
      if (this.chance(3)) await this.sleep(SESSION_MS + this.random.integer(3_000))
      await this.sleep(this.random.integer(30))
    }
    await this.#commitMoved(membership)
  }

  async #read(owned: Owned): Promise<void> {
    const { topic, partition, position } = owned
    const fetched = await this.fetch({ topic, partition, position, isolation: this.isolation })
    if (fetched.error === 'NONE') owned.position = fetched.next
    else if (isDamage(fetched.error)) {
      // As an operator would have it: past what cannot be read.
      await this.sleep(50)
      owned.position++
      this.seek(topic, partition, owned.position)
    } else if (fetched.error === 'OFFSET_OUT_OF_RANGE') {
      owned.position = await this.earliest(topic, partition)
      this.seek(topic, partition, owned.position)
    } else await this.sleep(100)
  }

  async #commitMoved(membership: Membership): Promise<void> {
    const moved = this.#owned.filter(({ position, committed }) => position > committed)
    if (moved.length > 0) await this.commit(membership, moved)
  }

  protected async commit({ memberId, generation }: Membership, moved: readonly Owned[]): Promise<void> {
    const { groupId } = this.#plan
    const id = `${this.name}!${this.#commitCount++}`
    const client = this.alias
    const offsets = moved.map(({ topic, partition, position }): PartitionOffset => [topic.key, partition, position])
    this.world.record({ kind: 'commit', client, id, group: groupId, generation, member: memberId, offsets })
    const topics = [...Map.groupBy(moved, ({ topic }) => topic.id)].map(([topicId, owned]) => ({
      topicId,
      partitions: owned.map(({ partition, position }) => ({
        partitionIndex: partition,
        committedOffset: position,
        committedMetadata: null,
      })),
    }))
    let error: ErrorName | undefined
    try {
      const answer = await this.request(OffsetCommit, 10, {
        groupId,
        generationIdOrMemberEpoch: generation,
        memberId,
        topics,
      })
      const errors = answer.topics.flatMap(topic => topic.partitions.map(({ errorCode }) => errorName(errorCode)))
      error = errors.find(name => name !== 'NONE') ?? 'NONE'
    } catch (fault) {
      if (!(fault instanceof NoAnswer)) throw fault
    }
    // Of an answer with several errors nothing is said here: some of it may be written.
    const outcome =
      error === 'NONE' ? 'acked' : error === undefined || !COMMIT_REFUSALS.has(error) ? 'unknown' : 'refused'
    this.world.record({ kind: 'committed', client, id, outcome, error: error ?? 'no answer' })
    if (error === undefined) throw new NoAnswer('a commit without an answer')
    await this.#hold(error)
    for (const owned of moved) owned.committed = owned.position
  }

  async #beat({ memberId, generation }: Membership): Promise<void> {
    const answer = await this.request(Heartbeat, 4, { groupId: this.#plan.groupId, generationId: generation, memberId })
    await this.#hold(errorName(answer.errorCode))
  }

  /** To come back as somebody else. */
  async #leave({ memberId }: Membership): Promise<void> {
    this.#memberId = ''
    if (this.chance(300)) return this.disconnect()
    await this.request(LeaveGroup, 4, { groupId: this.#plan.groupId, members: [{ memberId }] })
    await this.sleep(this.random.integer(500))
  }

  #subscription(): Buffer {
    const w = new Writer()
    w.int16(0)
    ConsumerProtocolSubscription.write(w, { topics: this.#plan.topics().map(({ name }) => name), userData: null }, 0)
    return w.finish()
  }
}

/** After these none of the commit was taken. */
const COMMIT_REFUSALS: ReadonlySet<string> = new Set([
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
])
