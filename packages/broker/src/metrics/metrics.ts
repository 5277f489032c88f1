import { RequestMetrics } from './request-metrics.ts'
import { TopicMetrics } from './topic-metrics.ts'

export interface CountedApi {
  readonly name: string
  readonly key: number
  readonly versions: readonly [min: number, max: number]
}

export class ListenerCounts {
  open = 0
  accepted = 0
}

/** What is counted while requests are served: plain numbers, turned into text only when somebody asks. */
export class Metrics {
  readonly topics = new TopicMetrics()
  /** Requests that ended their connections before a handler saw them. */
  readonly refused = { unknownApi: 0, unsupportedVersion: 0, malformed: 0 }
  readonly #byApi: (RequestMetrics | undefined)[] = []
  readonly #byListener = new Map<string, ListenerCounts>()

  /** Only for what is served, so that no client can make more of them. */
  of(api: CountedApi): RequestMetrics {
    return (this.#byApi[api.key] ??= new RequestMetrics(api.name, api.versions[1]))
  }

  apis(): readonly RequestMetrics[] {
    return this.#byApi.filter(metrics => metrics !== undefined)
  }

  connectionsChanged(listener: string, change: number): void {
    let counts = this.#byListener.get(listener)
    if (counts === undefined) this.#byListener.set(listener, (counts = new ListenerCounts()))
    counts.open += change
    if (change > 0) counts.accepted += change
  }

  listeners(): ReadonlyMap<string, Readonly<ListenerCounts>> {
    return this.#byListener
  }
}
