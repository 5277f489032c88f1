/**
 * Where fetches wait for data. A waiter names the partitions that it watches; whenever one of them advances, the waiter is asked whether it is satisfied, and
 * when its time is up it is woken anyway. (Kafka's name for it.)
 */
import type { Timer, TimerWheel } from '@millrace/base'
import type { PartitionLog } from '@millrace/storage'

class Waiter {
  readonly partitions: readonly PartitionLog[]
  readonly isSatisfied: () => boolean
  readonly wake: () => void
  readonly owner: object | undefined
  timer: Timer | undefined
  done = false

  constructor(partitions: readonly PartitionLog[], isSatisfied: () => boolean, wake: () => void, owner?: object) {
    this.partitions = partitions
    this.isSatisfied = isSatisfied
    this.wake = wake
    this.owner = owner
  }
}

export class Purgatory {
  readonly #timers: TimerWheel
  readonly #watchers = new Map<PartitionLog, Set<Waiter>>()
  #advanced = new Set<PartitionLog>()
  readonly #waiters = new Set<Waiter>()
  readonly #owned = new Map<object, Set<Waiter>>()
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
      const waiter = new Waiter(partitions, isSatisfied, wake, owner)
      waiter.timer = this.#timers.arm(maxWaitMs, () => this.#complete(waiter))
      this.#waiters.add(waiter)
      if (owner !== undefined) addTo(this.#owned, owner, waiter)
      for (const partition of partitions) addTo(this.#watchers, partition, waiter)
    })
  }

  /** Wakes all who wait for `owner`. */
  abandon(owner: object): void {
    for (const waiter of [...(this.#owned.get(owner) ?? [])]) this.#complete(waiter)
  }

  /** Looks at the waiters once for all appends of the turn: many small ones would otherwise wake a reader for each. */
  advanced(partition: PartitionLog): void {
    if (!this.#watchers.has(partition)) return
    this.#advanced.add(partition)
    if (this.#advanced.size === 1) setImmediate(() => this.#check())
  }

  failed(partition: PartitionLog): void {
    for (const waiter of this.#watchers.get(partition) ?? []) this.#complete(waiter)
  }

  /** Wakes everyone, and lets nobody wait from now on: the broker is stopping. */
  close(): void {
    this.#closed = true
    for (const waiter of [...this.#waiters]) this.#complete(waiter)
  }

  #check(): void {
    const advanced = this.#advanced
    this.#advanced = new Set()
    for (const partition of advanced)
      for (const waiter of this.#watchers.get(partition) ?? [])
        if (!waiter.done && waiter.isSatisfied()) this.#complete(waiter)
  }

  #complete(waiter: Waiter): void {
    if (waiter.done) return
    waiter.done = true
    this.#waiters.delete(waiter)
    waiter.timer?.cancel()
    if (waiter.owner !== undefined) removeFrom(this.#owned, waiter.owner, waiter)
    for (const partition of waiter.partitions) removeFrom(this.#watchers, partition, waiter)
    waiter.wake()
  }
}

function addTo<K>(sets: Map<K, Set<Waiter>>, key: K, waiter: Waiter): void {
  const known = sets.get(key)
  if (known === undefined) sets.set(key, new Set([waiter]))
  else known.add(waiter)
}

function removeFrom<K>(sets: Map<K, Set<Waiter>>, key: K, waiter: Waiter): void {
  const known = sets.get(key)
  known?.delete(waiter)
  if (known?.size === 0) sets.delete(key)
}
