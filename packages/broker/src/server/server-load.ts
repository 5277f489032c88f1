/**
 * What all connections of a broker hold together, so that many of them cannot take more memory than one may: requests that are being worked on, and bytes
 * that wait to be read by their clients.
 */
export class ServerLoad {
  readonly #requestsMax: number
  readonly #unsentBytesMax: number
  readonly #waiting: (() => void)[] = []
  #requests = 0
  #unsentBytes = 0

  constructor(requestsMax: number, unsentBytesMax: number) {
    this.#requestsMax = requestsMax
    this.#unsentBytesMax = unsentBytesMax
  }

  /** `queued.max.requests`: false when too many are under way; `resume` is called when it is worth asking again. */
  admit(resume: () => void): boolean {
    if (this.#requests < this.#requestsMax) return true
    if (!this.#waiting.includes(resume)) this.#waiting.push(resume)
    return false
  }

  started(): void {
    this.#requests++
  }

  ended(): void {
    this.#requests--
    this.#waiting.shift()?.()
  }

  /** A request that waits for data or for other members works on nothing, and must not keep others out. */
  async whileParked<T>(waiting: Promise<T>): Promise<T> {
    this.ended()
    try {
      return await waiting
    } finally {
      this.started()
    }
  }

  unsent(bytes: number): void {
    this.#unsentBytes += bytes
  }

  get unsentBytes(): number {
    return this.#unsentBytes
  }

  /** How much a single answer may bring now: an eighth of what is left, so that slow readers share it and nobody gets nothing. */
  answerBytes(wanted: number): number {
    const left = Math.max(0, this.#unsentBytesMax - this.#unsentBytes)
    return Math.min(wanted, Math.max(64 * 1024, Math.floor(left / 8)))
  }
}
