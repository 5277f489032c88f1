/**
 * Where fetches wait for data. A waiter names the partitions that it watches; whenever one of them advances, the waiter is asked whether it is satisfied, and
 * when its time is up it is woken anyway. (Kafka's name for it.)
 *
 *     partition ──► row of places ◄── waiter ──► timer        a waiter stands in the row of each partition that it watches, and of its owner
 */
import type { Timer, TimerWheel } from '@millrace/base'
import type { PartitionLog } from '@millrace/storage'

class Waiter {
  readonly isSatisfied: () => boolean
  readonly wake: () => void
  readonly places: Place[] = []
  timer: Timer | undefined

  constructor(isSatisfied: () => boolean, wake: () => void) {
    this.isSatisfied = isSatisfied
    this.wake = wake
  }
}

/** Who waits for one and the same thing. */
class Row {
  readonly places: Place[] = []
  /** They are to be asked at the end of the turn. */
  isDue = false
}

/** Knows where it stands in its row, so that it can leave in one step. */
class Place {
  readonly waiter: Waiter
  readonly row: Row
  position: number

  constructor(waiter: Waiter, row: Row) {
    this.waiter = waiter
    this.row = row
    this.position = row.places.push(this) - 1
  }

  leave(): void {
    const { places } = this.row
    const last = places.pop()!
    if (last === this) return
    places[this.position] = last
    last.position = this.position
  }
}

/** So many rows are kept that nobody stands in: readers come back to their partitions at once, and a new row costs more than a place in one. */
const EMPTY_ROWS_MAX = 4_096

export class Purgatory {
  readonly #timers: TimerWheel
  /** By partition and by owner. */
  readonly #rows = new Map<object, Row>()
  #emptyRows = 0
  #due: Row[] = []
  readonly #waiters = new Set<Waiter>()
  #closed = false

  constructor(timers: TimerWheel) {
    this.#timers = timers
  }

  get waitingCount(): number {
    return this.#waiters.size
  }

  /**
   * Resolves when `isSatisfied` says so after an advance, when a partition fails, or after `maxWaitMs`. An advance before this call wakes nobody: the caller
   * waits in the turn in which it looked. Nobody waits on for an `owner` that is gone: a client may ask to wait for weeks, and hang up.
   */
  wait(
    partitions: readonly PartitionLog[],
    maxWaitMs: number,
    isSatisfied: () => boolean,
    owner?: object,
  ): Promise<void> {
    if (this.#closed) return Promise.resolve()
    return new Promise<void>(wake => {
      const waiter = new Waiter(isSatisfied, wake)
      waiter.timer = this.#timers.arm(maxWaitMs, () => this.#complete(waiter))
      this.#waiters.add(waiter)
      if (owner !== undefined) this.#stand(waiter, owner)
      for (const partition of partitions) this.#stand(waiter, partition)
    })
  }

  /** Wakes all who wait for `owner`. */
  abandon(owner: object): void {
    this.#dissolve(owner)
  }

  /** Looks at the waiters once for all appends of the turn: many small ones would otherwise wake a reader for each. */
  advanced(partition: PartitionLog): void {
    const row = this.#rows.get(partition)
    if (row === undefined || row.isDue || row.places.length === 0) return
    row.isDue = true
    if (this.#due.push(row) === 1) setImmediate(this.#check)
  }

  failed(partition: PartitionLog): void {
    this.#dissolve(partition)
  }

  /** Wakes everyone, and lets nobody wait from now on: the broker is stopping. */
  close(): void {
    this.#closed = true
    for (const waiter of [...this.#waiters]) this.#complete(waiter)
  }

  #stand(waiter: Waiter, before: object): void {
    let row = this.#rows.get(before)
    if (row === undefined) {
      row = new Row()
      this.#rows.set(before, row)
    } else if (row.places.length === 0) this.#emptyRows--
    waiter.places.push(new Place(waiter, row))
  }

  readonly #check = (): void => {
    const due = this.#due
    this.#due = []
    for (const row of due) {
      row.isDue = false
      const { places } = row
      for (let i = 0; i < places.length; ) {
        const place = places[i]!
        if (place.waiter.isSatisfied()) this.#complete(place.waiter)
        // Who leaves is followed by the last of the row.
        if (places[i] === place) i++
      }
    }
  }

  #complete(waiter: Waiter): void {
    if (!this.#waiters.delete(waiter)) return
    waiter.timer?.cancel()
    for (const place of waiter.places) {
      place.leave()
      if (place.row.places.length === 0) this.#emptyRows++
    }
    if (this.#emptyRows > EMPTY_ROWS_MAX) this.#forgetEmptyRows()
    waiter.wake()
  }

  #dissolve(before: object): void {
    const row = this.#rows.get(before)
    if (row === undefined) return
    while (row.places.length > 0) this.#complete(row.places[0]!.waiter)
    if (this.#rows.delete(before)) this.#emptyRows--
  }

  #forgetEmptyRows(): void {
    for (const [before, row] of this.#rows) if (row.places.length === 0) this.#rows.delete(before)
    this.#emptyRows = 0
  }
}
