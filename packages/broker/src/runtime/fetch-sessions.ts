/**
 * Incremental fetch sessions (KIP-227): the broker remembers which partitions a consumer follows and what it was told of them, so that requests name only what
 * changed and answers hold only what is new. A session may be forgotten at any time: the client then asks with everything again.
 */
import type { Clock, Random } from '@millrace/base'
import type { ErrorName } from '@millrace/protocol'

/** What a client asks of one partition; replaced when it asks for something else. */
export interface FetchPartition {
  /** The topic as the request named it: by name below version 13, by id from then on. */
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly fetchOffset: number
  readonly partitionMaxBytes: number
  readonly currentLeaderEpoch: number
  readonly lastFetchedEpoch: number
}

/** One partition of a session. */
export interface Followed {
  asked: FetchPartition
  /** What the last answer said, to know whether there is news. -1: never told. */
  highWatermark: number
  logStartOffset: number
}

const EVICTABLE_AFTER_MS = 120_000
const EPOCH_MAX = 0x7fff_ffff
/** Partitions of all sessions together, so that sessions cannot take unbounded memory. */
const PARTITIONS_MAX = 2_000_000

export class FetchSession {
  readonly id: number
  readonly usesTopicIds: boolean
  readonly partitions = new Map<string, Followed>()
  epoch = 1
  lastUsedMs = 0

  constructor(id: number, usesTopicIds: boolean) {
    this.id = id
    this.usesTopicIds = usesTopicIds
  }

  *asked(): Iterable<FetchPartition> {
    for (const { asked } of this.partitions.values()) yield asked
  }
}

/** How one request is to be answered. */
export type FetchScope =
  | { readonly kind: 'sessionless'; readonly partitions: readonly FetchPartition[] }
  | { readonly kind: 'full'; readonly session: FetchSession; readonly partitions: readonly FetchPartition[] }
  /** All of the session's partitions. */
  | { readonly kind: 'incremental'; readonly session: FetchSession }
  | { readonly kind: 'refused'; readonly error: ErrorName }

export interface SessionRequest {
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly usesTopicIds: boolean
  readonly partitions: readonly FetchPartition[]
  readonly forgotten: readonly { readonly topic: string; readonly topicId: string; readonly partition: number }[]
}

const keyOf = (p: { topic: string; topicId: string; partition: number }, usesTopicIds: boolean): string =>
  `${usesTopicIds ? p.topicId : p.topic}:${p.partition}`

export interface FetchSessionsOptions {
  /** `max.incremental.fetch.session.cache.slots` */
  readonly slotsMax: () => number
  readonly clock: Clock
  readonly random: Random
  readonly partitionsMax?: number
}

export class FetchSessions {
  readonly #slotsMax: () => number
  readonly #clock: Clock
  readonly #random: Random
  readonly #partitionsMax: number
  /** The one that was not used for longest comes first. */
  readonly #sessions = new Map<number, FetchSession>()
  #partitionCount = 0

  constructor(options: FetchSessionsOptions) {
    this.#slotsMax = options.slotsMax
    this.#clock = options.clock
    this.#random = options.random
    this.#partitionsMax = options.partitionsMax ?? PARTITIONS_MAX
  }

  get count(): number {
    return this.#sessions.size
  }

  get partitionCount(): number {
    return this.#partitionCount
  }

  open(request: SessionRequest): FetchScope {
    const { sessionId, sessionEpoch, partitions } = request
    if (sessionEpoch === -1 || sessionEpoch === 0) {
      if (sessionId !== 0) this.#close(sessionId)
      if (sessionEpoch === -1) return { kind: 'sessionless', partitions }
      return this.#create(request)
    }
    return this.#continue(request)
  }

  #create(request: SessionRequest): FetchScope {
    const { partitions, usesTopicIds } = request
    if (!this.#makeRoom(partitions.length)) return { kind: 'sessionless', partitions }
    const session = new FetchSession(this.#freeId(), usesTopicIds)
    session.lastUsedMs = this.#clock.monotonicMs()
    for (const asked of partitions) this.#remember(session, asked)
    this.#sessions.set(session.id, session)
    return { kind: 'full', session, partitions }
  }

  #continue(request: SessionRequest): FetchScope {
    const session = this.#sessions.get(request.sessionId)
    if (session === undefined) return { kind: 'refused', error: 'FETCH_SESSION_ID_NOT_FOUND' }
    if (session.epoch !== request.sessionEpoch) return { kind: 'refused', error: 'INVALID_FETCH_SESSION_EPOCH' }
    if (session.usesTopicIds !== request.usesTopicIds) return { kind: 'refused', error: 'FETCH_SESSION_TOPIC_ID_ERROR' }
    for (const asked of request.partitions) this.#remember(session, asked)
    for (const gone of request.forgotten) {
      if (session.partitions.delete(keyOf(gone, session.usesTopicIds))) this.#partitionCount--
    }
    // Session id 0 in the answer tells the client that its session has ended; it begins another when it needs one.
    if (session.partitions.size === 0 || this.#partitionCount > this.#partitionsMax) {
      const partitions = [...session.asked()]
      this.#close(session.id)
      return { kind: 'sessionless', partitions }
    }
    session.epoch = session.epoch === EPOCH_MAX ? 1 : session.epoch + 1
    session.lastUsedMs = this.#clock.monotonicMs()
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, session)
    return { kind: 'incremental', session }
  }

  /** Whether the answer has to name the partition. Notes what the client is being told and moves what had data to the end of the row. */
  isNews(
    session: FetchSession,
    asked: FetchPartition,
    told: { bytes: number; errorCode: number; highWatermark: number; logStartOffset: number },
  ): boolean {
    const key = keyOf(asked, session.usesTopicIds)
    const known = session.partitions.get(key)
    if (known === undefined) return true
    const changed = known.highWatermark !== told.highWatermark || known.logStartOffset !== told.logStartOffset
    known.highWatermark = told.errorCode === 0 ? told.highWatermark : -1
    known.logStartOffset = told.errorCode === 0 ? told.logStartOffset : -1
    if (told.bytes > 0) {
      session.partitions.delete(key)
      session.partitions.set(key, known)
    }
    return changed || told.bytes > 0 || told.errorCode !== 0
  }

  #remember(session: FetchSession, asked: FetchPartition): void {
    const key = keyOf(asked, session.usesTopicIds)
    const known = session.partitions.get(key)
    if (known !== undefined) {
      known.asked = asked
      return
    }
    session.partitions.set(key, { asked, highWatermark: -1, logStartOffset: -1 })
    this.#partitionCount++
  }

  /** Free slots, or those of the sessions that were not used for longest, if that is long enough ago. */
  #makeRoom(partitionCount: number): boolean {
    const slotsMax = this.#slotsMax()
    if (slotsMax <= 0 || partitionCount > this.#partitionsMax) return false
    const staleBefore = this.#clock.monotonicMs() - EVICTABLE_AFTER_MS
    for (const session of this.#sessions.values()) {
      if (this.#sessions.size < slotsMax && this.#partitionCount + partitionCount <= this.#partitionsMax) break
      if (session.lastUsedMs > staleBefore) return false
      this.#close(session.id)
    }
    return true
  }

  #close(id: number): void {
    const session = this.#sessions.get(id)
    if (session === undefined) return
    this.#sessions.delete(id)
    this.#partitionCount -= session.partitions.size
  }

  /** Hard to guess, so that one client does not step into another's session by accident. */
  #freeId(): number {
    for (;;) {
      const id = 1 + this.#random.integer(EPOCH_MAX - 1)
      if (!this.#sessions.has(id)) return id
    }
  }
}
