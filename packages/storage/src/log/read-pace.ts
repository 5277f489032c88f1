/**
 * Whether a large read may hold up the event loop. While the page cache answers, reading a megabyte at once takes a third of a millisecond and the thread pool
 * only adds waits; a disk that has to be asked would stop everybody. So one slow read is what it takes to send large reads to the pool for a while.
 */
import type { Clock } from '@millrace/base'

const SLOW_MS = 5
const BACK_OFF_MS = 10_000

export class ReadPace {
  readonly #clock: Clock
  readonly #alwaysBytes: number
  readonly #whileFastBytes: number
  #slowUntilMs = 0

  /** Reads of up to `alwaysBytes` are synchronous whatever the disk does, those of up to `whileFastBytes` while it is fast. */
  constructor(clock: Clock, alwaysBytes: number, whileFastBytes: number) {
    this.#clock = clock
    this.#alwaysBytes = alwaysBytes
    this.#whileFastBytes = whileFastBytes
  }

  /** Reads of more bytes than this go through the thread pool. */
  get syncBytesMax(): number {
    return this.#clock.monotonicMs() < this.#slowUntilMs ? this.#alwaysBytes : this.#whileFastBytes
  }

  /** Runs a read, and notes how long it held up everything else. */
  timed<T>(read: () => T): T {
    const begunMs = this.#clock.monotonicMs()
    const result = read()
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - begunMs > SLOW_MS) this.#slowUntilMs = nowMs + BACK_OFF_MS
    return result
  }
}
