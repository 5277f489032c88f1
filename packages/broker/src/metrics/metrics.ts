/** Counters that every request touches. Kept as plain numbers; turned into text only when somebody asks. */
export interface RequestCounts {
  requests: number
  errors: number
  requestBytes: number
  responseBytes: number
  totalMs: number
}

export class Metrics {
  readonly #byApi = new Map<string, RequestCounts>()

  requestDone(api: string, ms: number, requestBytes: number, responseBytes: number): void {
    const counts = this.#of(api)
    counts.requests++
    counts.totalMs += ms
    counts.requestBytes += requestBytes
    counts.responseBytes += responseBytes
  }

  requestFailed(api: string): void {
    this.#of(api).errors++
  }

  byApi(): ReadonlyMap<string, Readonly<RequestCounts>> {
    return this.#byApi
  }

  #of(api: string): RequestCounts {
    let counts = this.#byApi.get(api)
    if (counts === undefined) {
      counts = { requests: 0, errors: 0, requestBytes: 0, responseBytes: 0, totalMs: 0 }
      this.#byApi.set(api, counts)
    }
    return counts
  }
}
