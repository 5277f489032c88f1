import type { Clock, Scheduled } from './clock.ts'

/**
 * Thousands of deadlines behind one timer: session time-outs, waiting fetches, throttles. Arming and cancelling are O(1).
 *
 * A wheel of SLOTS slots, each TICK_MS wide; a deadline further off than one turn waits in its slot for the turns to pass. Deadlines are kept
 * to the tick and never fire early. The clock is asked to wake the wheel only while something is armed.
 */
const TICK_MS = 10
const SLOTS = 1024

export interface Timer {
  cancel(): void
}

interface Entry extends Timer {
  dueTick: number
  run: (() => void) | undefined
}

export class TimerWheel {
  readonly #clock: Clock
  readonly #slots: Entry[][] = Array.from({ length: SLOTS }, () => [])
  #tick: number
  #armed = 0
  #wake: Scheduled | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#tick = this.#tickAt(clock.monotonicMs())
  }

  /** Calls `run` once, no sooner than `delayMs` from now, unless cancelled before. */
  arm(delayMs: number, run: () => void): Timer {
    const now = this.#clock.monotonicMs()
    if (this.#armed === 0) this.#tick = this.#tickAt(now)
    const dueTick = Math.max(this.#tick + 1, Math.ceil((now + Math.max(0, delayMs)) / TICK_MS))
    const entry: Entry = {
      dueTick,
      run,
      cancel: () => {
        if (entry.run === undefined) return
        entry.run = undefined
        this.#armed--
      },
    }
    this.#slots[dueTick % SLOTS]!.push(entry)
    this.#armed++
    this.#wakeSoon()
    return entry
  }

  get armedCount(): number {
    return this.#armed
  }

  close(): void {
    this.#wake?.cancel()
    this.#wake = undefined
    for (const slot of this.#slots) slot.length = 0
    this.#armed = 0
  }

  #tickAt(ms: number): number {
    return Math.floor(ms / TICK_MS)
  }

  #wakeSoon(): void {
    if (this.#wake !== undefined || this.#armed === 0) return
    this.#wake = this.#clock.schedule(this.#untilNextMs(), () => {
      this.#wake = undefined
      this.#turn()
      this.#wakeSoon()
    })
  }

  /** Sleeps over empty slots, so that an idle broker does not wake a hundred times a second. */
  #untilNextMs(): number {
    for (let ahead = 1; ahead <= SLOTS; ahead++) {
      if (this.#slots[(this.#tick + ahead) % SLOTS]!.length > 0)
        return Math.max(1, (this.#tick + ahead) * TICK_MS - this.#clock.monotonicMs())
    }
    return TICK_MS
  }

  #turn(): void {
    const until = this.#tickAt(this.#clock.monotonicMs())
    while (this.#tick < until) {
      if (this.#armed === 0) {
        this.#tick = until
        return
      }
      this.#tick++
      this.#fire(this.#slots[this.#tick % SLOTS]!)
    }
  }

  #fire(slot: Entry[]): void {
    if (slot.length === 0) return
    const entries = slot.splice(0)
    for (const entry of entries) {
      if (entry.run === undefined) continue
      if (entry.dueTick > this.#tick) {
        slot.push(entry)
        continue
      }
      const run = entry.run
      entry.run = undefined
      this.#armed--
      run()
    }
  }
}
