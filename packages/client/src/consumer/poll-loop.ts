import type { Cluster } from '../cluster/cluster.ts'
import type { Refresher } from '../cluster/refresher.ts'
import type { Wakeup } from '../delay.ts'
import { KafkaError } from '../errors.ts'
import type { Commits } from './commits.ts'
import type { Fetcher, HandedOver } from './fetcher.ts'
import type { GroupSession } from './group-session.ts'
import type { Positions } from './positions.ts'
import type { Subscription } from './subscription.ts'

export interface PollParts {
  readonly cluster: Cluster
  readonly subscription: Subscription
  readonly fetcher: Fetcher
  readonly positions: Positions
  readonly commits: Commits
  readonly session: GroupSession | undefined
  readonly refresher: Refresher
  readonly wakeup: Wakeup
}

/** Someone may be due without a notice, such as a partition whose fetch is to be tried again. */
const WAIT_MS_MAX = 250

/** One step of reading: everything that may change what this consumer reads happens in here, between two batches. */
export class PollLoop {
  readonly #parts: PollParts
  #isBusy = false
  #isClosed = false

  constructor(parts: PollParts) {
    this.#parts = parts
  }

  close(): void {
    this.#isClosed = true
    this.#parts.wakeup.notify()
  }

  /** Waits for the next records of some partition. Undefined when the consumer is closed, or the signal ends it. */
  async next(recordsMax: number, signal: AbortSignal | undefined): Promise<HandedOver | undefined> {
    if (this.#isBusy)
      throw new KafkaError('INVALID_STATE', 'this consumer is already waiting for records: one loop at a time')
    const { session, subscription } = this.#parts
    this.#isBusy = true
    session?.entered()
    subscription.markProcessed()
    try {
      while (!this.#isClosed && signal?.aborted !== true) {
        const handed = await this.#turn(recordsMax)
        if (handed !== undefined) {
          session?.left()
          return handed
        }
        await this.#wait(signal)
      }
      return undefined
    } finally {
      this.#isBusy = false
    }
  }

  async #turn(recordsMax: number): Promise<HandedOver | undefined> {
    const { session, positions, fetcher, commits, subscription } = this.#parts
    if (subscription.wish.kind === 'none')
      throw new KafkaError('INVALID_STATE', 'nothing to read: subscribe or assign first')
    commits.autoCommit()
    if (subscription.isByGroup) await session!.step(this.#topics())
    if (this.#isClosed) return undefined
    positions.throwError()
    positions.pump()
    fetcher.pump()
    return fetcher.take(recordsMax)
  }

  /** The topics that the program wants, with what is needed to know of them on its way. */
  #topics(): readonly string[] {
    const { cluster, subscription, refresher } = this.#parts
    const { metadata } = cluster
    if (subscription.wish.kind === 'pattern') metadata.wantAll()
    const topics = subscription.topics(metadata.allNames)
    const missing = topics.filter(topic => metadata.peek(topic) === undefined)
    if (metadata.isStale || missing.length > 0) refresher.refresh(missing)
    return topics
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    const { session, wakeup } = this.#parts
    const retryIn = (session?.retryAt ?? Number.POSITIVE_INFINITY) - performance.now()
    try {
      await wakeup.wait(Math.max(1, Math.min(WAIT_MS_MAX, retryIn)), signal)
    } catch (error) {
      if (signal?.aborted !== true) throw error
    }
  }
}
