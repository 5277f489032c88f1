/**
 * Keeps records coming: at any time at most one fetch is under way at each broker, and what it brings waits here, bounded in bytes, until it is taken. A partition
 * is fetched ahead of its position as long as little of it waits.
 */
import { Fetch, type FetchResponse, type KafkaRecord, ZERO_UUID } from '@millrace/protocol'
import type { Cluster } from '../cluster/cluster.ts'
import type { Refresher } from '../cluster/refresher.ts'
import { backoffMs } from '../cluster/retry.ts'
import { KafkaError, wireError } from '../errors.ts'
import { topicPartitionKey } from '../record.ts'
import type { AssignedPartition } from './assigned-partition.ts'
import type { ResolvedConsumerOptions } from './consumer-options.ts'
import { type FetchLimits, fetchRequest } from './fetch-request.ts'
import { type FetchPartition, FetchSession } from './fetch-session.ts'
import { FetchedRecords, type TakenRecords } from './fetched-records.ts'
import type { Subscription } from './subscription.ts'

type PartitionData = FetchResponse['responses'][number]['partitions'][number]

export interface FetcherHooks {
  readonly refresher: Refresher
  /** Records, or an error, can be taken. */
  readonly onArrival: () => void
  /** The position is outside of the log: reset it as the policy says, or give the error. */
  readonly onOutOfRange: (partition: AssignedPartition) => KafkaError | undefined
}

export interface HandedOver {
  readonly partition: AssignedPartition
  readonly records: readonly KafkaRecord[]
  readonly nextOffset: number
  readonly leaderEpoch: number
  /** Takes back the records from `index` on. */
  putBack(index: number): void
}

/** One partition of a fetch that is under way, as it stood when it was asked for. */
interface Asked extends FetchPartition {
  readonly own: AssignedPartition
  readonly generation: number
}

interface FetchNode {
  readonly session: FetchSession
  isBusy: boolean
  /** When the last fetch was sent (monotonic ms). */
  startedAt: number
}

const VERSION_WITH_NAMES = 12
/**
 * A partition with enough in the buffer is left out of a fetch. It would run dry while the broker waits for records of the others, so these are only looked at, and
 * not more often than this, until it has room and takes part again.
 */
const CROWDED_PAUSE_MS = 50
const VERSION_WITH_SESSIONS = 7

export class Fetcher {
  readonly #cluster: Cluster
  readonly #subscription: Subscription
  readonly #options: ResolvedConsumerOptions
  readonly #hooks: FetcherHooks
  readonly #nodes = new Map<number, FetchNode>()
  readonly #arrived: FetchedRecords[] = []
  readonly #errors: KafkaError[] = []
  #bufferedBytes = 0
  #closed = false

  constructor(cluster: Cluster, subscription: Subscription, options: ResolvedConsumerOptions, hooks: FetcherHooks) {
    this.#cluster = cluster
    this.#subscription = subscription
    this.#options = options
    this.#hooks = hooks
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  close(): void {
    this.#closed = true
    this.#arrived.length = 0
  }

  /** Starts what fetches can be started. */
  pump(): void {
    if (this.#closed) return
    this.#dropStale()
    const { fetchMaxWaitMs, prefetchBytes } = this.#options
    const budget = prefetchBytes - this.#bufferedBytes
    if (budget <= 0) return
    const wanted = new Map<number, Asked[]>()
    const leaderless = new Set<string>()
    const crowded = new Set<number>()
    const now = performance.now()
    for (const own of this.#subscription.partitions) {
      if (!own.isFetchable || own.retryAt > now) continue
      const node = this.#nodeFor(own, now)
      if (own.bufferedBytes >= this.#options.partitionMaxBytes) {
        if (node !== undefined) crowded.add(node)
        continue
      }
      if (node === undefined) {
        if (own.phase === 'ready') leaderless.add(own.topic)
        continue
      }
      const asked = wanted.get(node)
      if (asked === undefined) wanted.set(node, [this.#ask(own)])
      else asked.push(this.#ask(own))
    }
    if (leaderless.size > 0) this.#hooks.refresher.refresh([...leaderless])
    for (const [node, asked] of wanted) {
      if (!crowded.has(node)) this.#start(node, asked, { bytesMax: budget, waitMs: fetchMaxWaitMs })
      else if (now - (this.#nodes.get(node)?.startedAt ?? 0) >= CROWDED_PAUSE_MS)
        this.#start(node, asked, { bytesMax: budget, waitMs: 0 })
    }
  }

  /** The records of one partition that arrived first, at most `max`. Throws what a broker refused for good. */
  take(max: number): HandedOver | undefined {
    const error = this.#errors.shift()
    if (error !== undefined) throw error
    for (let at = 0; at < this.#arrived.length; ) {
      const fetched = this.#arrived[at]!
      const { partition } = fetched
      if (fetched.isStale || fetched.isDone) {
        this.#remove(at)
        continue
      }
      if (!partition.isFetchable) {
        at++
        continue
      }
      const taken = fetched.take(max)
      if (taken.records.length > 0) return this.#handOver(fetched, taken)
      // Control batches and aborted records only: nothing to work on, so it is done with.
      partition.advance(taken.nextOffset, taken.leaderEpoch)
      partition.markProcessed()
    }
    return undefined
  }

  #handOver(fetched: FetchedRecords, taken: TakenRecords): HandedOver {
    const putBack = (index: number): void => {
      if (fetched.isStale) return
      if (!this.#arrived.includes(fetched)) this.#return(fetched)
      fetched.putBack({ ...taken, records: taken.records.slice(index) })
    }
    return { partition: fetched.partition, ...taken, putBack }
  }

  #return(fetched: FetchedRecords): void {
    this.#arrived.unshift(fetched)
    this.#charge(fetched, 1)
  }

  #remove(at: number): void {
    const [fetched] = this.#arrived.splice(at, 1)
    this.#charge(fetched!, -1)
  }

  #charge({ bytes, partition }: FetchedRecords, sign: 1 | -1): void {
    this.#bufferedBytes += sign * bytes.length
    partition.bufferedBytes += sign * bytes.length
  }

  #dropStale(): void {
    for (let at = this.#arrived.length - 1; at >= 0; at--) {
      const fetched = this.#arrived[at]!
      if (fetched.isStale || fetched.isDone) this.#remove(at)
    }
  }

  /** The broker to ask. Undefined when there is none, or when the position has to be validated first. */
  #nodeFor(own: AssignedPartition, now: number): number | undefined {
    const { metadata } = this.#cluster
    const view = metadata.isStale ? undefined : metadata.peek(own.topic)?.partitions[own.partition]
    if (view === undefined || view.leaderId < 0) return undefined
    if (view.leaderEpoch >= 0 && view.leaderEpoch !== own.leaderEpoch) {
      if (own.positionEpoch >= 0 && own.positionEpoch !== view.leaderEpoch) {
        own.validate(view.leaderEpoch)
        this.#hooks.onArrival()
        return undefined
      }
      own.leaderEpoch = view.leaderEpoch
    }
    if (own.preferredReplica >= 0 && own.preferredUntil > now && metadata.brokers.has(own.preferredReplica))
      return own.preferredReplica
    return view.leaderId
  }

  #ask(own: AssignedPartition): Asked {
    const { topic, partition, fetchOffset, leaderEpoch, generation } = own
    const topicId = this.#cluster.metadata.peek(topic)?.id ?? ZERO_UUID
    return {
      own,
      generation,
      topic,
      partition,
      topicId,
      fetchOffset,
      leaderEpoch,
      maxBytes: this.#options.partitionMaxBytes,
    }
  }

  #start(id: number, asked: readonly Asked[], limits: FetchLimits): void {
    let node = this.#nodes.get(id)
    if (node === undefined) this.#nodes.set(id, (node = { session: new FetchSession(), isBusy: false, startedAt: 0 }))
    if (node.isBusy) return
    node.isBusy = true
    node.startedAt = performance.now()
    this.#fetch(id, node.session, asked, limits)
      .catch(error => this.#failed(error, node.session, asked))
      .finally(() => {
        node.isBusy = false
        this.pump()
        this.#hooks.onArrival()
      })
  }

  async #fetch(id: number, session: FetchSession, asked: readonly Asked[], limits: FetchLimits): Promise<void> {
    const connection = await this.#cluster.node(id, 'fetch')
    const versionMax = asked.some(({ topicId }) => topicId === ZERO_UUID) ? VERSION_WITH_NAMES : undefined
    const hasSessions = connection.version(Fetch, versionMax) >= VERSION_WITH_SESSIONS
    const plan = hasSessions ? session.plan(asked) : { sessionId: 0, sessionEpoch: -1, fetch: asked, forget: [] }
    const answer = await connection.request(Fetch, fetchRequest(plan, this.#options, limits), {
      versionMax,
      timeoutMs: limits.waitMs + this.#options.requestTimeoutMs,
    })
    if (answer.errorCode !== 0) throw wireError(answer.errorCode, `fetching from ${connection.broker}`)
    if (hasSessions) session.answered(answer.sessionId)
    this.#sort(answer, asked)
  }

  #failed(error: unknown, session: FetchSession, asked: readonly Asked[]): void {
    const known = error instanceof KafkaError ? error : new KafkaError('INVALID_STATE', String(error), { cause: error })
    session.failed(known.code === 'FETCH_SESSION_ID_NOT_FOUND')
    if (this.#closed || known.code === 'CLOSED') return
    if (known.stalesMetadata) this.#cluster.metadata.invalidate()
    const isSessionOnly = /FETCH_SESSION/.test(known.code)
    if (!known.retriable && !isSessionOnly && known.code !== 'BROKER_NOT_AVAILABLE') this.#errors.push(known)
    for (const { own } of asked) if (!isSessionOnly) this.#holdBack(own)
    this.#cluster.options.logger.debug('a fetch failed', { error: known })
  }

  #sort(answer: FetchResponse, asked: readonly Asked[]): void {
    const byKey = new Map(asked.map(p => [topicPartitionKey(p.topic, p.partition), p]))
    const names = new Map(asked.map(({ topicId, topic }) => [topicId, topic]))
    for (const { topic, topicId, partitions } of answer.responses) {
      const name = topic === '' ? names.get(topicId) : topic
      for (const data of partitions) {
        const one = byKey.get(topicPartitionKey(name ?? '', data.partitionIndex))
        if (one !== undefined && one.own.generation === one.generation) this.#receive(one.own, data)
      }
    }
  }

  #receive(own: AssignedPartition, data: PartitionData): void {
    if (data.errorCode !== 0) return this.#refused(own, data)
    own.highWatermark = data.highWatermark
    own.lastStableOffset = data.lastStableOffset
    own.logStartOffset = data.logStartOffset
    if (data.preferredReadReplica >= 0) {
      own.preferredReplica = data.preferredReadReplica
      own.preferredUntil = performance.now() + this.#options.metadataMaxAgeMs
    }
    const bytes = data.records?.[0]
    const end = bytes === undefined ? undefined : FetchedRecords.endOffset(bytes)
    if (bytes === undefined || end === undefined) return
    const { checkCrcs } = this.#options
    const fetched = new FetchedRecords(own, bytes, { aborted: data.abortedTransactions, checkCrcs })
    this.#arrived.push(fetched)
    this.#charge(fetched, 1)
    own.fetchOffset = end
  }

  #refused(own: AssignedPartition, { errorCode }: PartitionData): void {
    const { topic, partition } = own
    const offset = own.fetchOffset
    const error = wireError(errorCode, `${topic}-${partition} at offset ${offset}`, { topic, partition, offset })
    const isNearby = own.preferredReplica >= 0
    own.preferredReplica = -1
    if (error.code === 'OFFSET_OUT_OF_RANGE') {
      // A replica may be behind the leader, which has the last word.
      const final = isNearby ? undefined : this.#hooks.onOutOfRange(own)
      if (final !== undefined) this.#errors.push(final)
      return
    }
    if (error.stalesMetadata) this.#cluster.metadata.invalidate()
    if (!error.retriable) this.#errors.push(error)
    this.#holdBack(own)
  }

  #holdBack(own: AssignedPartition): void {
    own.retryAt = performance.now() + backoffMs(this.#options, 1)
  }
}
