/**
 * A fetch session (KIP-227): the broker remembers what a consumer fetches, and a request names only what changed.
 *
 *   epoch 0   "here is everything; open a session" (with the id of an old one: and close that)
 *   epoch n   "as before, but for these": only what is new or different, and what is forgotten
 *   epoch -1  without a session
 */
import { ZERO_UUID } from '@millrace/protocol'
import { type TopicPartition, topicPartitionKey } from '../record.ts'

export interface FetchPartition extends TopicPartition {
  readonly topicId: string
  readonly fetchOffset: number
  readonly leaderEpoch: number
  readonly maxBytes: number
}

export interface FetchPlan {
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly fetch: readonly FetchPartition[]
  readonly forget: readonly FetchPartition[]
}

const EPOCH_MAX = 0x7fff_ffff

export class FetchSession {
  #id = 0
  #epoch = 0
  #known = new Map<string, FetchPartition>()
  #pending = new Map<string, FetchPartition>()

  /** What to ask so that the broker fetches exactly `wanted`. */
  plan(wanted: readonly FetchPartition[]): FetchPlan {
    const next = new Map(wanted.map(p => [topicPartitionKey(p.topic, p.partition), p]))
    this.#pending = next
    const usesIds = wanted.every(p => p.topicId !== ZERO_UUID)
    const usedIds = [...this.#known.values()].every(p => p.topicId !== ZERO_UUID)
    if (this.#epoch === 0 || usesIds !== usedIds) {
      this.#epoch = 0
      return { sessionId: this.#id, sessionEpoch: 0, fetch: wanted, forget: [] }
    }
    const fetch = wanted.filter(p => !sameFetch(p, this.#known.get(topicPartitionKey(p.topic, p.partition))))
    const forget = [...this.#known].filter(([key, p]) => next.get(key)?.topicId !== p.topicId).map(([, p]) => p)
    return { sessionId: this.#id, sessionEpoch: this.#epoch, fetch, forget }
  }

  answered(sessionId: number): void {
    this.#known = this.#pending
    if (sessionId === 0) {
      this.#id = 0
      this.#epoch = 0
      return
    }
    this.#epoch = this.#epoch === EPOCH_MAX ? 1 : this.#epoch + 1
    this.#id = sessionId
  }

  /** After an error nobody knows what the broker remembers: everything is told again. `isGone`: the session with it. */
  failed(isGone: boolean): void {
    if (isGone) this.#id = 0
    this.#epoch = 0
    this.#known.clear()
  }
}

function sameFetch(a: FetchPartition, b: FetchPartition | undefined): boolean {
  return (
    b !== undefined &&
    a.topicId === b.topicId &&
    a.fetchOffset === b.fetchOffset &&
    a.leaderEpoch === b.leaderEpoch &&
    a.maxBytes === b.maxBytes
  )
}
