import type { Logger } from '@millrace/base'

/** With the default pauses this is about three seconds of trying: a leader that moves is no matter for complaint. */
const ATTEMPTS_IN_SILENCE = 5
const INTERVAL_MS = 10_000

/** Warns now and then of what is retried again and again: whoever waits for it should know why. */
export class Complaint {
  readonly #logger: Logger
  readonly #sentence: string
  #nextMs = 0

  constructor(logger: Logger, sentence: string) {
    this.#logger = logger
    this.#sentence = sentence
  }

  /** `attempts` failed in a row so far. */
  about(attempts: number, error: unknown): void {
    const now = performance.now()
    if (attempts < ATTEMPTS_IN_SILENCE || now < this.#nextMs) return
    this.#nextMs = now + INTERVAL_MS
    this.#logger.warn(this.#sentence, { error })
  }
}
