import type { Cluster } from './cluster.ts'
import { Complaint } from './complaint.ts'
import { backoffMs } from './retry.ts'

/**
 * Refreshes metadata in the background for whoever waits for a leader: one refresh at a time, with pauses that grow while they bring nothing, lest a topic
 * without a leader keeps the cluster busy.
 */
export class Refresher {
  readonly #cluster: Cluster
  readonly #onDone: () => void
  readonly #complaint: Complaint
  #isBusy = false
  /** Refreshes in a row that brought no leader. */
  #fruitless = 0
  #closed = false

  constructor(cluster: Cluster, onDone: () => void) {
    this.#cluster = cluster
    this.#onDone = onDone
    this.#complaint = new Complaint(
      cluster.options.logger,
      'the cluster does not say who leads the partitions, and is asked again',
    )
  }

  refresh(topics: readonly string[]): void {
    if (this.#isBusy || this.#closed) return
    this.#isBusy = true
    const { metadata, options } = this.#cluster
    metadata.refresh(topics).then(
      () => {
        const isWhole = topics.every(topic => metadata.peek(topic)?.partitions.every(({ leaderId }) => leaderId >= 0))
        this.#fruitless = isWhole ? 0 : this.#fruitless + 1
        this.#freeAfter(isWhole ? 0 : backoffMs(options, this.#fruitless))
      },
      error => {
        options.logger.debug('metadata could not be refreshed', { error })
        this.#complaint.about(this.#fruitless, error)
        this.#freeAfter(backoffMs(options, this.#fruitless++))
      },
    )
  }

  close(): void {
    this.#closed = true
  }

  #freeAfter(ms: number): void {
    if (this.#closed) return
    setTimeout(() => {
      this.#isBusy = false
      if (!this.#closed) this.#onDone()
    }, ms)
  }
}
