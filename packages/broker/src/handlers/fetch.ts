/**
 * Reads what there is; if that is less than the client wants to wait for, watches the partitions in the purgatory and reads again when they advanced.
 */
import { type ErrorName, errorCode, Fetch, type FetchRequest, type FetchResponseInput } from '@millrace/protocol'
import type { Isolation, MaybePromise, PartitionLog, ReadEntry, ReadOutcome } from '@millrace/storage'
import { checkLeaderEpoch } from '../metadata/leader-epoch.ts'
import { missingPartition, type Topic } from '../metadata/topic.ts'
import type { FetchPartition, FetchScope, FetchSession, Followed } from '../runtime/fetch-sessions.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'
import { LeaderHints, mayHint } from './leader-hints.ts'

type TopicAnswer = FetchResponseInput['responses'][number]
type PartitionAnswer = TopicAnswer['partitions'][number]

const TOPIC_IDS_SINCE = 13
const HINTS_SINCE = 12
const ENDPOINTS_SINCE = 16
/** Below this version clients do not know KAFKA_STORAGE_ERROR. */
const STORAGE_ERROR_SINCE = 6

type Scope = Exclude<FetchScope, { kind: 'refused' }>

/** One partition of a request: an error that is known before reading, or the log to read. */
interface Target {
  readonly asked: FetchPartition
  readonly topic: Topic | undefined
  readonly log: PartitionLog | undefined
  readonly answer: PartitionAnswer | undefined
}

export const fetch = handler(Fetch, (services, request, cx) => {
  const scope = services.fetchSessions.open({
    sessionId: request.sessionId,
    sessionEpoch: request.sessionEpoch,
    usesTopicIds: cx.version >= TOPIC_IDS_SINCE,
    partitions: partitionsOf(request),
    forgotten: request.forgottenTopicsData.flatMap(({ topic, topicId, partitions }) =>
      partitions.map(partition => ({ topic, topicId, partition })),
    ),
  })
  if (scope.kind === 'refused') return { errorCode: errorCode(scope.error), responses: [] }
  return new FetchWork(services, request, scope, cx).run()
})

function partitionsOf(request: FetchRequest): FetchPartition[] {
  const asked: FetchPartition[] = []
  for (const { topic, topicId, partitions } of request.topics)
    for (const p of partitions)
      asked.push({
        topic,
        topicId,
        partition: p.partition,
        fetchOffset: p.fetchOffset,
        partitionMaxBytes: p.partitionMaxBytes,
        currentLeaderEpoch: p.currentLeaderEpoch,
        lastFetchedEpoch: p.lastFetchedEpoch,
      })
  return asked
}

class FetchWork {
  readonly #services: Services
  readonly #request: FetchRequest
  readonly #scope: Scope
  readonly #cx: RequestContext
  readonly #isolation: Isolation
  #targets: readonly Target[] = []
  #entries: readonly ReadEntry[] = []

  constructor(services: Services, request: FetchRequest, scope: Scope, cx: RequestContext) {
    this.#services = services
    this.#request = request
    this.#scope = scope
    this.#cx = cx
    this.#isolation = request.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted'
  }

  run(): MaybePromise<FetchResponseInput> {
    this.#look(this.#loud())
    const outcomes = this.#read()
    return outcomes instanceof Promise ? outcomes.then(late => this.#first(late)) : this.#first(outcomes)
  }

  /** Of what was asked all that an answer may have to name. In a session that is mostly little, and the rest must cost next to nothing. */
  #loud(): readonly FetchPartition[] {
    if (this.#scope.kind !== 'incremental') return this.#scope.partitions
    const loud: FetchPartition[] = []
    for (const followed of this.#scope.session.partitions.values())
      if (!this.#isQuiet(followed)) loud.push(followed.asked)
    return loud
  }

  /** Whether the reader has all that there is and was told so: a read would find neither records nor news nor an error. */
  #isQuiet({ asked, highWatermark, logStartOffset }: Followed): boolean {
    const topic = this.#topicOf(asked)
    const log = topic?.partitions[asked.partition]
    if (log === undefined || log.outOfService !== undefined) return false
    if (log.highWatermark !== highWatermark || log.logStartOffset !== logStartOffset) return false
    const { fetchOffset, currentLeaderEpoch } = asked
    const isAtEnd = fetchOffset >= endFor(this.#isolation, log) && fetchOffset <= highWatermark
    return (
      isAtEnd &&
      fetchOffset >= logStartOffset &&
      checkLeaderEpoch(log, currentLeaderEpoch) === undefined &&
      this.#cx.mayDo('READ', 'TOPIC', topic!.name)
    )
  }

  #look(partitions: readonly FetchPartition[]): void {
    const targets: Target[] = []
    const entries: ReadEntry[] = []
    for (const asked of partitions) {
      const target = this.#target(asked)
      targets.push(target)
      if (target.log !== undefined && target.answer === undefined) entries.push(this.#entry(target.log, asked))
    }
    this.#targets = targets
    this.#entries = entries
  }

  #entry(partition: PartitionLog, { fetchOffset, partitionMaxBytes }: FetchPartition): ReadEntry {
    return {
      partition,
      offset: fetchOffset,
      maxBytes: Math.max(0, partitionMaxBytes),
      isolation: this.#isolation,
    }
  }

  /** All that was asked, none of which has an error: that was looked at in this turn. */
  #watch(): readonly PartitionLog[] {
    const entries: ReadEntry[] = []
    const logs: PartitionLog[] = []
    for (const asked of allOf(this.#scope)) {
      const log = this.#topicOf(asked)?.partitions[asked.partition]
      if (log === undefined) continue
      logs.push(log)
      entries.push(this.#entry(log, asked))
    }
    this.#entries = entries
    return logs
  }

  #read(): MaybePromise<readonly ReadOutcome[]> {
    const { config, logs, load } = this.#services
    const budget = load.answerBudget(Math.max(0, Math.min(this.#request.maxBytes, config.fetchMaxBytes)))
    const outcomes = logs.read(this.#entries, budget)
    if (!(outcomes instanceof Promise)) return outcomes
    // Many that are under way must not each take the same room.
    load.unsent(budget.maxBytes)
    return outcomes.finally(() => load.unsent(-budget.maxBytes))
  }

  #first(outcomes: readonly ReadOutcome[]): MaybePromise<FetchResponseInput> {
    if (this.#isEnough(outcomes)) return this.#respond(outcomes)
    release(outcomes)
    return this.#hasMoved(outcomes) ? this.run() : this.#wait()
  }

  /** Whether data came while an engine read that takes its time: nobody was watching then, so it would wake nobody. */
  #hasMoved(outcomes: readonly ReadOutcome[]): boolean {
    if (this.#loud().length > this.#targets.length) return true
    return outcomes.some((outcome, i) => {
      const { partition, isolation } = this.#entries[i]!
      return isolation === 'read_committed' && outcome.kind === 'read'
        ? outcome.lastStableOffset < partition.lastStableOffset
        : outcome.highWatermark < partition.highWatermark
    })
  }

  /** Kafka's rule: at once if nothing is to be waited for, on any error, or when the least is there. */
  #isEnough(outcomes: readonly ReadOutcome[]): boolean {
    if (this.#request.maxWaitMs <= 0 || isEmpty(this.#scope)) return true
    if (this.#targets.some(t => t.answer !== undefined)) return true
    let bytes = 0
    for (const outcome of outcomes) {
      if (outcome.kind === 'refused') return true
      bytes += outcome.bytes
    }
    return bytes >= this.#request.minBytes
  }

  async #wait(): Promise<FetchResponseInput> {
    const { purgatory, load } = this.#services
    await load.whileParked(
      this.#cx,
      purgatory.wait(this.#watch(), this.#request.maxWaitMs, () => this.#mayBeEnough(), this.#cx.connection),
    )
    const loud = this.#loud()
    // Without news all are read: what an engine of a cluster knows may be old.
    this.#look(loud.length > 0 ? loud : [...allOf(this.#scope)])
    return this.#respond(await this.#read())
  }

  /** Whether it is worth reading: with a least of one byte any new record is; otherwise the bytes have to be counted. */
  #mayBeEnough(): boolean {
    const hasNews = this.#entries.some(
      ({ partition, offset, isolation }) => endFor(isolation, partition) > offset || partition.logStartOffset > offset,
    )
    if (!hasNews || this.#request.minBytes <= 1) return hasNews
    const outcomes = this.#read()
    if (!(outcomes instanceof Promise)) {
      release(outcomes)
      return this.#isEnough(outcomes)
    }
    // The read after the wait meets the same fault and tells of it.
    outcomes.then(release, () => {})
    return true
  }

  #respond(outcomes: readonly ReadOutcome[]): FetchResponseInput {
    const scope = this.#scope
    const hints = mayHint(this.#services) && this.#cx.version >= HINTS_SINCE ? this.#hints() : undefined
    const topics = new Map<string, TopicAnswer & { partitions: PartitionAnswer[] }>()
    let next = 0
    for (const target of this.#targets) {
      const { asked } = target
      const plain = target.answer ?? this.#answer(target, outcomes[next++]!)
      const currentLeader = hints?.for(target.topic, asked.partition, plain.errorCode)
      const answer = currentLeader === undefined ? plain : { ...plain, currentLeader }
      if (scope.kind !== 'sessionless' && !this.#isNews(scope.session, asked, answer) && scope.kind === 'incremental')
        continue
      const key = this.#cx.version >= TOPIC_IDS_SINCE ? asked.topicId : asked.topic
      const known = topics.get(key)
      if (known !== undefined) known.partitions.push(answer)
      else topics.set(key, { topic: asked.topic, topicId: asked.topicId, partitions: [answer] })
    }
    return {
      errorCode: 0,
      sessionId: scope.kind === 'sessionless' ? 0 : scope.session.id,
      responses: [...topics.values()],
      ...(hints !== undefined && this.#cx.version >= ENDPOINTS_SINCE && { nodeEndpoints: hints.nodeEndpoints }),
    }
  }

  #hints(): LeaderHints {
    return new LeaderHints(this.#services, this.#cx)
  }

  #isNews(session: FetchSession, asked: FetchPartition, answer: PartitionAnswer): boolean {
    let bytes = 0
    for (const view of answer.records ?? []) bytes += view.length
    return this.#services.fetchSessions.isNews(session, asked, {
      bytes,
      errorCode: answer.errorCode,
      highWatermark: answer.highWatermark,
      logStartOffset: answer.logStartOffset ?? -1,
    })
  }

  #topicOf({ topic, topicId }: FetchPartition): Topic | undefined {
    const { image } = this.#services
    return this.#cx.version >= TOPIC_IDS_SINCE ? image.topicById(topicId) : image.topic(topic)
  }

  #target(asked: FetchPartition): Target {
    const { metrics } = this.#services
    const byId = this.#cx.version >= TOPIC_IDS_SINCE
    const topic = this.#topicOf(asked)
    const log = topic?.partitions[asked.partition]
    const refuse = (error: ErrorName): Target => {
      if (topic !== undefined) metrics.topics.fetchFailed(topic.name)
      return { asked, topic, log: undefined, answer: refused(asked.partition, error) }
    }
    if (topic === undefined) return refuse(byId ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION')
    if (!this.#cx.mayDo('READ', 'TOPIC', topic.name)) return refuse('TOPIC_AUTHORIZATION_FAILED')
    if (log === undefined) return refuse(missingPartition(topic, asked.partition))
    const badEpoch = checkLeaderEpoch(log, asked.currentLeaderEpoch)
    return badEpoch === undefined ? { asked, topic, log, answer: undefined } : refuse(badEpoch)
  }

  #storageError(): ErrorName {
    return this.#cx.version >= STORAGE_ERROR_SINCE ? 'KAFKA_STORAGE_ERROR' : 'NOT_LEADER_OR_FOLLOWER'
  }

  #answer({ asked, topic }: Target, outcome: ReadOutcome): PartitionAnswer {
    const counts = this.#services.metrics.topics
    if (outcome.kind === 'refused') {
      counts.fetchFailed(topic!.name)
      const error = outcome.error === 'KAFKA_STORAGE_ERROR' ? this.#storageError() : outcome.error
      return refused(asked.partition, error)
    }
    if (outcome.lease !== undefined) this.#cx.returnWhenSent(outcome.lease)
    counts.fetched(topic!.name, outcome.bytes)
    const isCommitted = this.#request.isolationLevel === 1
    const { highWatermark, logStartOffset } = outcome
    return {
      partitionIndex: asked.partition,
      errorCode: 0,
      highWatermark,
      lastStableOffset: outcome.lastStableOffset,
      logStartOffset,
      abortedTransactions: isCommitted ? outcome.abortedTransactions : null,
      records: outcome.records,
    }
  }
}

const allOf = (scope: Scope): Iterable<FetchPartition> =>
  scope.kind === 'incremental' ? scope.session.asked() : scope.partitions

const isEmpty = (scope: Scope): boolean =>
  scope.kind === 'incremental' ? scope.session.partitions.size === 0 : scope.partitions.length === 0

/** Of a read whose records nobody is to see. */
function release(outcomes: readonly ReadOutcome[]): void {
  for (const outcome of outcomes) if (outcome.kind === 'read') outcome.lease?.release()
}

const NO_RECORDS: readonly Buffer[] = []

const refused = (partitionIndex: number, error: ErrorName): PartitionAnswer => ({
  partitionIndex,
  errorCode: errorCode(error),
  highWatermark: -1,
  abortedTransactions: null,
  records: NO_RECORDS,
})

/** Up to where a reader sees: whoever wants committed records is not woken by those of an open transaction. */
const endFor = (isolation: Isolation, { highWatermark, lastStableOffset }: PartitionLog): number =>
  isolation === 'read_committed' ? lastStableOffset : highWatermark
