/**
 * What all connections of a broker hold together, so that many of them cannot take more memory than one may: requests that are being worked on, their bytes,
 * and bytes that wait to be read by their clients (and then `SlowReaders`).
 */
export interface LoadLimits {
  /** `queued.max.requests` */
  readonly requestsMax: number
  /** `queued.max.request.bytes`; negative: no limit. */
  readonly requestBytesMax: number
  readonly unsentBytesMax: number
}

/** Of one answer. */
export interface AnswerBudget {
  readonly maxBytes: number
  readonly atLeastOneBatch: boolean
}

const ANSWER_BYTES_MIN = 64 * 1024
/** For answers while there is no room: a reader that keeps up with small records hardly notices. */
const LITTLE_BYTES = 16 * 1024
/** For those, beyond the limit. And as much again for answers that nobody asked how large they would be. */
const MARGIN_BYTES = 16 << 20
const NOTHING: AnswerBudget = { maxBytes: 0, atLeastOneBatch: false }

/** A request as far as its weight goes. */
export interface Weight {
  readonly requestBytes: number
  /** How many waits it is in: one request may ask several groups at once. */
  parkedCount: number
}

export class ServerLoad {
  readonly #limits: LoadLimits
  /** Who was sent away, in order. A set, so that asking again costs nothing. */
  readonly #waiting = new Set<() => void>()
  #requests = 0
  #requestBytes = 0
  #unsentBytes = 0
  #wakeIsDue = false
  /** Called when the load is pressed that was not. */
  onPressed: (() => void) | undefined

  constructor(limits: LoadLimits) {
    this.#limits = limits
  }

  /** False when too much is under way; `resume` is then called once, when it is worth asking again. The last one admitted may go over the limit. */
  admit(resume: () => void): boolean {
    if (this.#hasRoom()) return true
    this.#waiting.add(resume)
    return false
  }

  /** Who waited is gone. */
  forget(resume: () => void): void {
    this.#waiting.delete(resume)
  }

  started(bytes: number): void {
    this.#requests++
    this.#requestBytes += bytes
  }

  ended(bytes: number): void {
    this.#requests--
    this.release(bytes)
  }

  /** Bytes of a request that is still coming in. */
  hold(bytes: number): void {
    this.#requestBytes += bytes
  }

  release(bytes: number): void {
    this.#requestBytes -= bytes
    this.#wakeLater()
  }

  /** A request that waits for data or for other members works on nothing, and must not keep others out. */
  async whileParked<T>(request: Weight, waiting: Promise<T>): Promise<T> {
    this.park(request)
    try {
      return await waiting
    } finally {
      this.unpark(request)
    }
  }

  /** The same by hand, for who knows that the wait cannot fail. */
  park(request: Weight): void {
    if (request.parkedCount++ === 0) this.ended(request.requestBytes)
  }

  unpark(request: Weight): void {
    if (--request.parkedCount === 0) this.started(request.requestBytes)
  }

  unsent(bytes: number): void {
    const wasPressed = this.isPressed
    this.#unsentBytes += bytes
    if (bytes < 0) this.#wakeLater()
    else if (!wasPressed && this.isPressed) this.onPressed?.()
  }

  /** Three quarters of what may be unsent are. */
  get isPressed(): boolean {
    return this.#unsentBytes > this.#limits.unsentBytesMax * 0.75
  }

  /**
   * How much a single answer may bring now: an eighth of what is left, so that slow readers share it. Without room there is little for everybody, and then
   * nothing: who asks is told that there is nothing new, and asks again.
   */
  answerBudget(wanted: number): AnswerBudget {
    const left = this.#limits.unsentBytesMax - this.#unsentBytes
    if (left > 0)
      return { maxBytes: Math.min(wanted, Math.max(ANSWER_BYTES_MIN, Math.floor(left / 8))), atLeastOneBatch: true }
    return left > -MARGIN_BYTES ? { maxBytes: Math.min(wanted, LITTLE_BYTES), atLeastOneBatch: false } : NOTHING
  }

  get requestCount(): number {
    return this.#requests
  }

  get requestBytes(): number {
    return this.#requestBytes
  }

  get unsentBytes(): number {
    return this.#unsentBytes
  }

  get waitingCount(): number {
    return this.#waiting.size
  }

  #hasRoom(): boolean {
    const { requestsMax, requestBytesMax, unsentBytesMax } = this.#limits
    return (
      this.#requests < requestsMax &&
      (requestBytesMax < 0 || this.#requestBytes < requestBytesMax) &&
      this.#unsentBytes < unsentBytesMax + 2 * MARGIN_BYTES
    )
  }

  /** Not at once: whoever makes room may be in the middle of serving, and those who waited would be served on top of its stack. */
  #wakeLater(): void {
    if (this.#wakeIsDue || this.#waiting.size === 0) return
    this.#wakeIsDue = true
    queueMicrotask(() => this.#wake())
  }

  /** One who is woken may have no use for the room by now; so it goes on until somebody has taken it. */
  #wake(): void {
    this.#wakeIsDue = false
    for (const resume of this.#waiting) {
      if (!this.#hasRoom()) return
      this.#waiting.delete(resume)
      resume()
    }
  }
}
