/** Topics that are counted one by one; those that come later are counted together, so that topics cannot take memory here, nor in who collects this. */
const TOPICS_MAX = 1_000
/** No topic can have this name. */
export const OTHER_TOPICS = '(others)'

export class TopicCounts {
  messagesIn = 0
  bytesIn = 0
  bytesOut = 0
  produceRequests = 0
  fetchRequests = 0
  failedProduceRequests = 0
  failedFetchRequests = 0
}

/** Produce and fetch by topic. One call a partition; the broker's totals are kept beside, so that they outlive topics. */
export class TopicMetrics {
  readonly all = new TopicCounts()
  duplicateBatches = 0
  readonly #byTopic = new Map<string, TopicCounts>()
  readonly #topicsMax: number

  constructor(topicsMax = TOPICS_MAX) {
    this.#topicsMax = topicsMax
  }

  get byTopic(): ReadonlyMap<string, Readonly<TopicCounts>> {
    return this.#byTopic
  }

  produced(topic: string, messages: number, bytes: number): void {
    const counts = this.#of(topic)
    counts.produceRequests++
    counts.messagesIn += messages
    counts.bytesIn += bytes
    this.all.produceRequests++
    this.all.messagesIn += messages
    this.all.bytesIn += bytes
  }

  produceFailed(topic: string): void {
    const counts = this.#of(topic)
    counts.produceRequests++
    counts.failedProduceRequests++
    this.all.produceRequests++
    this.all.failedProduceRequests++
  }

  fetched(topic: string, bytes: number): void {
    const counts = this.#of(topic)
    counts.fetchRequests++
    counts.bytesOut += bytes
    this.all.fetchRequests++
    this.all.bytesOut += bytes
  }

  fetchFailed(topic: string): void {
    const counts = this.#of(topic)
    counts.fetchRequests++
    counts.failedFetchRequests++
    this.all.fetchRequests++
    this.all.failedFetchRequests++
  }

  forget(topic: string): void {
    this.#byTopic.delete(topic)
  }

  #of(topic: string): TopicCounts {
    const known = this.#byTopic.get(topic)
    if (known !== undefined) return known
    const others = this.#byTopic.has(OTHER_TOPICS) ? 1 : 0
    const name = this.#byTopic.size - others < this.#topicsMax ? topic : OTHER_TOPICS
    let counts = this.#byTopic.get(name)
    if (counts === undefined) this.#byTopic.set(name, (counts = new TopicCounts()))
    return counts
  }
}
