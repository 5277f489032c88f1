import { KafkaError } from '../errors.ts'

export interface HeartbeatOptions {
  readonly heartbeatIntervalMs: number
  readonly maxPollIntervalMs: number
}

export interface HeartbeatHooks {
  readonly beat: () => Promise<void>
  readonly onError: (error: KafkaError) => void
  /** The program works on one batch for longer than `maxPollIntervalMs`. */
  readonly onIdle: () => void
}

/** Tells the group in the background that this member is alive, as long as the program asks for more in time. */
export class Heartbeats {
  readonly #options: HeartbeatOptions
  readonly #hooks: HeartbeatHooks
  #timer: NodeJS.Timeout | undefined
  /** Raised by every start and stop, so that a beat that is under way knows that it is no longer wanted. */
  #run = 0
  /** When the program got its batch (monotonic ms); infinite while it waits for one. */
  #workingSince = Number.POSITIVE_INFINITY

  constructor(options: HeartbeatOptions, hooks: HeartbeatHooks) {
    this.#options = options
    this.#hooks = hooks
  }

  start(): void {
    this.stop()
    this.#schedule(this.#run)
  }

  stop(): void {
    this.#run++
    clearTimeout(this.#timer)
  }

  programIsWorking(): void {
    this.#workingSince = performance.now()
  }

  programIsWaiting(): void {
    this.#workingSince = Number.POSITIVE_INFINITY
  }

  #schedule(run: number): void {
    this.#timer = setTimeout(() => void this.#beat(run), this.#options.heartbeatIntervalMs)
    // A program that is done with reading may end without saying so.
    this.#timer.unref()
  }

  async #beat(run: number): Promise<void> {
    if (performance.now() - this.#workingSince > this.#options.maxPollIntervalMs) {
      this.stop()
      this.#hooks.onIdle()
      return
    }
    try {
      await this.#hooks.beat()
    } catch (error) {
      if (run !== this.#run) return
      this.#hooks.onError(
        error instanceof KafkaError ? error : new KafkaError('INVALID_STATE', String(error), { cause: error }),
      )
    }
    if (run === this.#run) this.#schedule(run)
  }
}
