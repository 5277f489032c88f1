/** When reading is over. */
import type { Consumer, ConsumerBatch, ConsumerRecord } from '@millrace/client'
import { keyOf } from '../shared/admin-session.ts'
import type { ReadRange } from './ranges.ts'

export interface Stop {
  /** What of the batch is still wanted. */
  wanted(batch: ConsumerBatch): readonly ConsumerRecord[]
  /** Looked at after each batch, and now and then while nothing comes: the last records of a partition may be ones that are never shown. */
  isReached(): Promise<boolean>
}

/** The end of each range; a partition that is done is not read on. */
export class RangesEnd implements Stop {
  readonly #consumer: Consumer
  readonly #open: Map<string, ReadRange>

  constructor(consumer: Consumer, ranges: readonly ReadRange[]) {
    this.#consumer = consumer
    this.#open = new Map(ranges.map(range => [keyOf(range), range]))
  }

  wanted(batch: ConsumerBatch): readonly ConsumerRecord[] {
    const range = this.#open.get(keyOf(batch))
    if (range === undefined) return []
    const { to } = range
    if (to === undefined || batch.lastOffset < to - 1) return batch.records
    this.#close(range)
    return batch.lastOffset < to ? batch.records : batch.records.filter(({ offset }) => offset < to)
  }

  async isReached(): Promise<boolean> {
    for (const range of [...this.#open.values()])
      if (range.to !== undefined && (await this.#consumer.position(range)) >= range.to) this.#close(range)
    return this.#open.size === 0
  }

  #close(range: ReadRange): void {
    this.#open.delete(keyOf(range))
    this.#consumer.pause([range])
  }
}

/** In a group the end is reached when nothing is left of what this member was given. */
export class GroupEnd implements Stop {
  readonly #consumer: Consumer
  readonly #isWanted: boolean

  constructor(consumer: Consumer, isWanted: boolean) {
    this.#consumer = consumer
    this.#isWanted = isWanted
  }

  wanted(batch: ConsumerBatch): readonly ConsumerRecord[] {
    return batch.records
  }

  isReached(): Promise<boolean> {
    const { assignment } = this.#consumer
    return Promise.resolve(
      this.#isWanted && assignment.length > 0 && assignment.every(p => this.#consumer.lag(p) === 0),
    )
  }
}
