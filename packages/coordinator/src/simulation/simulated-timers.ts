import { assert } from '@millrace/base'

/** The time of a simulated shell, and the timers that its state machine armed. */
export abstract class SimulatedTimers<Timer> {
  now = 1_000_000
  readonly timers = new Map<Timer, number>()

  /** A timer has run out: it is not armed any more. */
  protected abstract expire(timer: Timer): void

  protected arm(timer: Timer, at: number): void {
    assert(at >= this.now, 'a timer is armed for the future')
    this.timers.set(timer, at)
  }

  /** Lets time pass, and timers run out in the order in which they are due. */
  advance(ms: number): void {
    const until = this.now + ms
    for (let due = this.#nextDue(until); due !== undefined; due = this.#nextDue(until)) {
      this.now = Math.max(this.now, due.at)
      this.timers.delete(due.timer)
      this.expire(due.timer)
    }
    this.now = until
  }

  #nextDue(until: number): { timer: Timer; at: number } | undefined {
    let due: { timer: Timer; at: number } | undefined
    for (const [timer, at] of this.timers) {
      if (at <= until && (due === undefined || at < due.at)) due = { timer, at }
    }
    return due
  }
}
