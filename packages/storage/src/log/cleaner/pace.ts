/**
 * How fast a cleaning goes: in slices of a few milliseconds between which everything else has its turn, and not above a rate of bytes. Whoever cleans asks
 * after each batch whether it is time for a rest, which costs no promise while it is not.
 */
import type { Clock, Scheduled } from '@millrace/base'

/** A request that comes in the middle of a slice waits for so long at the most, but for a batch that takes longer by itself. */
const SLICE_MS = 1
/** Kafka's: bytes are counted over as long, and rested for at its end. */
const WINDOW_MS = 300

/** Why a cleaning ends before its end. No fault: what it had begun is dropped, and the next one begins anew. */
export class CleaningStopped extends Error {
  override readonly name = 'CleaningStopped'
}

export interface PaceRules {
  readonly clock: Clock
  /** log.cleaner.io.max.bytes.per.second, asked anew each time. */
  readonly bytesPerSecondMax: () => number
  /** Whether the log is there and to be cleaned, still. */
  readonly isWanted: () => boolean
}

export class Pace {
  readonly #rules: PaceRules
  #sliceEndMs: number
  #windowStartMs: number
  #windowBytes = 0
  #resting: { readonly timer: Scheduled; readonly end: () => void } | undefined

  constructor(rules: PaceRules) {
    this.#rules = rules
    const nowMs = rules.clock.monotonicMs()
    this.#sliceEndMs = nowMs + SLICE_MS
    this.#windowStartMs = nowMs
  }

  /** Bytes were read or written. */
  moved(bytes: number): void {
    this.#windowBytes += bytes
  }

  get needsRest(): boolean {
    return this.#rules.clock.monotonicMs() >= this.#sliceEndMs
  }

  /** Lets the others have their turn. Rejects with `CleaningStopped` when the cleaning is not wanted any more. */
  async rest(): Promise<void> {
    this.#check()
    await new Promise(resolve => setImmediate(resolve))
    const debtMs = this.#debtMs()
    if (debtMs > 0) await this.#sleep(debtMs)
    this.#check()
    this.#sliceEndMs = this.#rules.clock.monotonicMs() + SLICE_MS
  }

  /** Ends a rest at once, so that nobody waits for a cleaning that is not wanted. */
  wake(): void {
    this.#resting?.timer.cancel()
    this.#resting?.end()
  }

  #check(): void {
    if (!this.#rules.isWanted()) throw new CleaningStopped('the cleaning is not wanted any more')
  }

  /** How long the bytes of this window should have taken beyond what they took. */
  #debtMs(): number {
    const { clock, bytesPerSecondMax } = this.#rules
    const nowMs = clock.monotonicMs()
    const tookMs = nowMs - this.#windowStartMs
    const wantedMs = (this.#windowBytes * 1000) / Math.max(1, bytesPerSecondMax())
    if (tookMs < WINDOW_MS && wantedMs < WINDOW_MS) return 0
    this.#windowStartMs = nowMs + Math.max(0, wantedMs - tookMs)
    this.#windowBytes = 0
    return wantedMs - tookMs
  }

  #sleep(ms: number): Promise<void> {
    return new Promise(resolve => {
      const end = (): void => {
        this.#resting = undefined
        resolve()
      }
      this.#resting = { timer: this.#rules.clock.schedule(ms, end), end }
    })
  }
}
