import { Histogram } from './histogram.ts'

/** Milliseconds from a whole request to its whole answer; long polls are in it. */
export const LATENCY_BOUNDS_MS = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000]

/** What is counted of one API. */
export class RequestMetrics {
  readonly name: string
  /** By version. */
  readonly requests: number[]
  /** By error code, 0 left out: each code in an answer counts, so one answer may count several. */
  readonly errors = new Map<number, number>()
  readonly totalTimeMs = new Histogram(LATENCY_BOUNDS_MS)
  requestBytes = 0
  responseBytes = 0
  /** Ended by a fault of our own. */
  failures = 0

  constructor(name: string, versionMax: number) {
    this.name = name
    this.requests = new Array<number>(versionMax + 1).fill(0)
  }

  done(version: number, ms: number, requestBytes: number, responseBytes: number): void {
    this.requests[version]!++
    this.totalTimeMs.add(ms)
    this.requestBytes += requestBytes
    this.responseBytes += responseBytes
  }

  /** A property, so that it can be handed on without a closure a request. */
  readonly error = (code: number): void => {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1)
  }
}
