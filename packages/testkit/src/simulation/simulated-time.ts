/**
 * Time that passes only when somebody says so. Everything that happens in a simulation is an event here: the one that is due first runs, then the event loop
 * turns until what the event began has come to rest, then the next. Nothing else decides an order, so one seed gives one run.
 */
import type { Clock, Scheduled } from '@millrace/base'

interface Event {
  readonly atMs: number
  readonly sequence: number
  readonly run: () => void
  isCancelled: boolean
}

/** Microtasks and one `setImmediate` behind them: a request that is written to the catalog at the end of the turn is answered within its event. */
const TURNS_AN_EVENT = 2

export class SimulatedTime {
  /** Since the start of the simulation; never goes back. */
  nowMs = 0
  /** What the machine takes for the time of day is this much later; it may jump. */
  wallOffsetMs = 1_700_000_000_000
  eventCount = 0
  readonly #heap: Event[] = []
  #sequence = 0

  schedule(delayMs: number, run: () => void): Scheduled {
    return this.scheduleAt(this.nowMs + Math.max(0, delayMs), run)
  }

  /** Two events of one time keep their order, which a delay, being a difference, would not always give. */
  scheduleAt(atMs: number, run: () => void): Scheduled {
    const event = { atMs, sequence: this.#sequence++, run, isCancelled: false }
    this.#push(event)
    return {
      cancel: () => {
        event.isCancelled = true
      },
    }
  }

  sleep(ms: number): Promise<void> {
    return new Promise(resolve => this.schedule(ms, resolve))
  }

  /** Until nothing is left to happen, or `isOver`. */
  async run(isOver: () => boolean): Promise<void> {
    await settle()
    while (!isOver()) {
      const event = this.#pop()
      if (event === undefined) return
      if (event.isCancelled) continue
      this.nowMs = event.atMs
      this.eventCount++
      event.run()
      await settle()
    }
  }

  /** A process's view of it. When the process is dead, what it had scheduled never comes. */
  clockOf(life: { readonly isOver: boolean }): Clock {
    return {
      now: () => Math.floor(this.nowMs + this.wallOffsetMs),
      monotonicMs: () => this.nowMs,
      schedule: (delayMs, run) =>
        this.schedule(delayMs, () => {
          if (!life.isOver) run()
        }),
    }
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(event, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = event
  }

  #pop(): Event | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || first === last) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

const isBefore = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence)

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS_AN_EVENT; turn++) await new Promise(resolve => setImmediate(resolve))
}
