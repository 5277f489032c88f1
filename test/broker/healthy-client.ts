/**
 * A client that behaves, while others do not: it produces and fetches on one connection, round after round, and looks at every answer. What it learns is
 * whether anybody else's bytes could hurt it.
 */
import assert from 'node:assert/strict'
import { BatchBuilder, CreateTopics, Fetch, Produce, readRecords } from '@millrace/protocol'
import { WireClient } from '@millrace/testkit'

const TOPIC = 'healthy'
const PRODUCE_VERSION = 12
const FETCH_VERSION = 12
/** Between rounds, so that what it produces stays small however long it runs. */
const PAUSE_MS = 2

export class HealthyClient {
  /** How long each round took, in order. */
  readonly roundsMs: number[] = []
  readonly #client: WireClient
  #nextOffset = 0
  #running: Promise<void> | undefined
  #stopped = false
  #waiting: { rounds: number; resolve: () => void; reject: (error: unknown) => void }[] = []

  private constructor(client: WireClient) {
    this.#client = client
  }

  static async start(port: number): Promise<HealthyClient> {
    const client = await WireClient.connect({ port, clientId: 'healthy', timeoutMs: 30_000 })
    const topic = { name: TOPIC, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    const made = await client.request(CreateTopics, 7, { topics: [topic], timeoutMs: 10_000, validateOnly: false })
    assert.equal(made.topics[0]!.errorCode, 0)
    const healthy = new HealthyClient(client)
    healthy.#running = healthy.#run()
    healthy.#running.catch(error => {
      for (const { reject } of healthy.#waiting.splice(0)) reject(error)
    })
    return healthy
  }

  /** Resolves when `count` more rounds went well; rejects as soon as one did not. */
  async rounds(count: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.push({ rounds: this.roundsMs.length + count, resolve, reject })
    await Promise.race([promise, this.#running])
    assert.equal(this.#stopped, false)
  }

  /** Rejects if anything ever went wrong. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
    await this.#client.close()
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const startedMs = performance.now()
      await this.#round()
      this.roundsMs.push(performance.now() - startedMs)
      for (const waiting of this.#waiting.filter(w => w.rounds <= this.roundsMs.length)) waiting.resolve()
      this.#waiting = this.#waiting.filter(w => w.rounds > this.roundsMs.length)
      await new Promise<void>(resolve => setTimeout(resolve, PAUSE_MS))
    }
  }

  async #round(): Promise<void> {
    const value = Buffer.from(`record ${this.#nextOffset}`)
    const builder = new BatchBuilder()
    builder.append({ timestamp: Date.now(), value })
    const produced = await this.#client.request(Produce, PRODUCE_VERSION, {
      acks: -1,
      timeoutMs: 10_000,
      topicData: [{ name: TOPIC, partitionData: [{ index: 0, records: [builder.build()] }] }],
    })
    const answer = produced.responses[0]!.partitionResponses[0]!
    assert.deepEqual([answer.errorCode, answer.baseOffset], [0, this.#nextOffset])
    const fetched = await this.#client.request(Fetch, FETCH_VERSION, {
      maxWaitMs: 0,
      minBytes: 1,
      topics: [
        {
          topic: TOPIC,
          partitions: [{ partition: 0, fetchOffset: this.#nextOffset, partitionMaxBytes: 100_000 }],
        },
      ],
      forgottenTopicsData: [],
    })
    const partition = fetched.responses[0]!.partitions[0]!
    assert.equal(partition.errorCode, 0)
    const [record] = [...readRecords(partition.records![0]!, 0, { maxBytes: 100_000 })]
    assert.deepEqual([record!.offset, record!.value?.toString()], [this.#nextOffset, value.toString()])
    this.#nextOffset++
  }
}
