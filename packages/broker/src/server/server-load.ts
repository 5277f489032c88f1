/**
 * What all connections of a broker hold together, so that many of them cannot take more memory than one may: requests that are being worked on, their bytes,
 * and bytes that wait to be read by their clients.
 */
export interface LoadLimits {
  /** `queued.max.requests` */
  readonly requestsMax: number
  /** `queued.max.request.bytes`; negative: no limit. */
  readonly requestBytesMax: number
  readonly unsentBytesMax: number
}

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
    if (request.parkedCount++ === 0) this.ended(request.requestBytes)
    try {
      return await waiting
    } finally {
      if (--request.parkedCount === 0) this.started(request.requestBytes)
    }
  }

  unsent(bytes: number): void {
    this.#unsentBytes += bytes
  }

  /** How much a single answer may bring now: an eighth of what is left, so that slow readers share it and nobody gets nothing. */
  answerBytes(wanted: number): number {
    const left = Math.max(0, this.#limits.unsentBytesMax - this.#unsentBytes)
    return Math.min(wanted, Math.max(64 * 1024, Math.floor(left / 8)))
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
    const { requestsMax, requestBytesMax } = this.#limits
    return this.#requests < requestsMax && (requestBytesMax < 0 || this.#requestBytes < requestBytesMax)
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
