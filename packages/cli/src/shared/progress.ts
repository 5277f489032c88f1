/** One line on the terminal that shows how far long work has come. Nothing where stderr is no terminal. */
import { formatBytes, formatCount } from './units.ts'

const INTERVAL_MS = 200

export class Progress {
  readonly #isShown: boolean
  readonly #noun: string
  readonly #startedMs = performance.now()
  #nextMs = INTERVAL_MS

  constructor(isWanted: boolean, noun: 'record' | 'partition' = 'record') {
    this.#noun = noun
    this.#isShown = isWanted && process.stderr.isTTY === true
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedMs
  }

  update(count: number, bytes: number, totalBytes?: number): void {
    if (!this.#isShown || this.elapsedMs < this.#nextMs) return
    this.#nextMs = this.elapsedMs + INTERVAL_MS
    const share =
      totalBytes === undefined || totalBytes === 0 ? '' : ` ${Math.min(100, Math.floor((bytes / totalBytes) * 100))} %`
    const rate = formatCount(Math.round(count / (this.elapsedMs / 1000)))
    process.stderr.write(`\r\x1b[K${formatCount(count)} ${this.#noun}s, ${formatBytes(bytes)}${share}, ${rate}/s`)
  }

  clear(): void {
    if (this.#isShown) process.stderr.write('\r\x1b[K')
  }
}
