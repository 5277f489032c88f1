import { assert } from './assert.ts'
import type { Clock, Scheduled } from './clock.ts'

/**
 * Thousands of deadlines behind one timer: session time-outs, waiting fetches, throttles. Arming and cancelling are O(1).
 *
 * A wheel of SLOTS slots, each TICK_MS wide; a deadline further off than one turn waits in its slot for the turns to pass. Deadlines are kept
 * to the tick and never fire early; those of one tick fire in no particular order. A timer that is put off, as sessions are by each heartbeat, stays where it is
 * until its slot's time comes, and goes on from there.
 *
 * Invariants: a slot holds armed entries only (a cancelled one leaves at once, so that what is armed and cancelled a thousand times a second keeps
 * no memory), and while something is armed the clock's wake is due no later than the first deadline.
 */
const TICK_MS = 10
const SLOTS = 1024

export interface Timer {
  readonly isArmed: boolean
  cancel(): void
  /** Sets it to `delayMs` from now, whether it is armed, has fired or was cancelled. */
  rearm(delayMs: number): void
}

/** What a timer asks of its wheel. */
interface Owner {
  readonly set: (entry: Entry, delayMs: number) => void
  readonly left: () => void
}

class Entry implements Timer {
  dueTick = 0
  readonly run: () => void
  /** Where it waits, so that it can leave in one step. Undefined once it has fired or was cancelled. */
  slot: Entry[] | undefined
  position = 0
  readonly #owner: Owner

  constructor(run: () => void, owner: Owner) {
    this.run = run
    this.#owner = owner
  }

  get isArmed(): boolean {
    return this.slot !== undefined
  }

  enter(slot: Entry[]): void {
    this.slot = slot
    this.position = slot.push(this) - 1
  }

  rearm(delayMs: number): void {
    this.#owner.set(this, delayMs)
  }

  cancel(): void {
    if (this.slot === undefined) return
    this.leave()
    this.#owner.left()
  }

  leave(): void {
    if (this.slot === undefined) return
    const last = this.slot.pop()!
    if (last !== this) {
      this.slot[this.position] = last
      last.position = this.position
    }
    this.slot = undefined
  }
}

export class TimerWheel {
  readonly #clock: Clock
  readonly #slots: Entry[][] = Array.from({ length: SLOTS }, () => [])
  readonly #owner: Owner = {
    set: (entry, delayMs) => this.#set(entry, delayMs),
    left: () => {
      this.#armed--
    },
  }
  #tick: number
  #armed = 0
  #wake: Scheduled | undefined
  #wakeTick = 0
  #isTurning = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#tick = this.#tickAt(clock.monotonicMs())
  }

  /** Calls `run` once, no sooner than `delayMs` from now, unless cancelled before. */
  arm(delayMs: number, run: () => void): Timer {
    const entry = new Entry(run, this.#owner)
    this.#set(entry, delayMs)
    return entry
  }

  get armedCount(): number {
    return this.#armed
  }

  /** Cancels all that is armed. */
  close(): void {
    this.#wake?.cancel()
    this.#wake = undefined
    for (const slot of this.#slots) {
      for (const entry of slot) entry.slot = undefined
      slot.length = 0
    }
    this.#armed = 0
  }

  #set(entry: Entry, delayMs: number): void {
    assert(Number.isFinite(delayMs), `a timer of ${delayMs} ms`)
    const now = this.#clock.monotonicMs()
    if (this.#armed === 0) this.#tick = this.#tickAt(now)
    const dueTick = Math.max(this.#tick + 1, Math.ceil((now + Math.max(0, delayMs)) / TICK_MS))
    const isPutOff = entry.isArmed && dueTick >= entry.dueTick
    entry.dueTick = dueTick
    if (isPutOff) return
    if (entry.isArmed) entry.leave()
    else this.#armed++
    entry.enter(this.#slots[dueTick % SLOTS]!)
    // A turn looks for its next wake when it is done.
    if (!this.#isTurning) this.#wakeAt(dueTick)
  }

  #tickAt(ms: number): number {
    return Math.floor(ms / TICK_MS)
  }

  /** A wake that comes too soon finds nothing due and costs little; so one that is no longer needed stays. */
  #wakeAt(tick: number): void {
    if (this.#wake !== undefined && this.#wakeTick <= tick) return
    this.#wake?.cancel()
    this.#wakeTick = tick
    this.#wake = this.#clock.schedule(Math.max(1, tick * TICK_MS - this.#clock.monotonicMs()), () => {
      this.#wake = undefined
      this.#turn()
      if (this.#armed > 0) this.#wakeAt(this.#nextTick())
    })
  }

  /** Sleeps over empty slots, so that an idle broker does not wake a hundred times a second. */
  #nextTick(): number {
    let ahead = 1
    while (ahead < SLOTS && this.#slots[(this.#tick + ahead) % SLOTS]!.length === 0) ahead++
    return this.#tick + ahead
  }

  #turn(): void {
    const until = this.#tickAt(this.#clock.monotonicMs())
    this.#isTurning = true
    try {
      while (this.#tick < until && this.#armed > 0) this.#fire(this.#slots[++this.#tick % SLOTS]!)
    } finally {
      this.#isTurning = false
    }
  }

  #fire(slot: Entry[]): void {
    if (slot.length === 0) return
    // Whatever runs may cancel any of the others, close the wheel or arm into this slot for a later turn: hence the copy.
    for (const entry of slot.slice()) {
      if (entry.slot !== slot) continue
      if (entry.dueTick <= this.#tick) {
        entry.cancel()
        entry.run()
        continue
      }
      const due = this.#slots[entry.dueTick % SLOTS]!
      if (due === slot) continue
      entry.leave()
      entry.enter(due)
    }
  }
}
