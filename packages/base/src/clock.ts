/**
 * Where time comes from. Everything above `base` takes a Clock, so that a test or a simulation can hold the time itself.
 * `now` is wall-clock milliseconds since 1970 (it may jump); `monotonicMs` only ever rises and is for measuring and for deadlines.
 */
export interface Clock {
  now(): number
  monotonicMs(): number
  /** Calls `run` once, after `delayMs` (at least 0). Does not keep the process alive. */
  schedule(delayMs: number, run: () => void): Scheduled
}

export interface Scheduled {
  cancel(): void
}

/** setTimeout holds 31 bits; a longer delay would fire at once. */
const DELAY_MS_MAX = 0x7fff_ffff

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(delayMs, 0), DELAY_MS_MAX))
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}
