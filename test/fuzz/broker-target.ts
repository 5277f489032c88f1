/**
 * A live broker under fire: workers connect, send frames that are wrong in some way, and go; a healthy client runs beside them all the time. A finding is
 * anything that the broker calls an internal error, anything nobody caught, and any trouble of the healthy client.
 */
import { connect, type Socket } from 'node:net'
import { createLogger, type Logger, type Random, seededRandom } from '@millrace/base'
import { Fetch, Produce, Writer, writeRequestHeader } from '@millrace/protocol'
import { startTestBroker, type TestBroker } from '@millrace/testkit'
import { HealthyClient } from '../broker/healthy-client.ts'
import { brokenBatch, type EncodedMessage, requestApis } from './inputs.ts'
import { mutate, pick } from './mutate.ts'

const RECENT_MAX = 500
const ANSWER_MS_MAX = 300
const TOPIC = 'under-fire'

export interface Finding {
  readonly symptom: string
  readonly frames: readonly Buffer[]
}

export class BrokerTarget {
  readonly findings: Finding[] = []
  framesSent = 0
  /** Chunks that came back: about the number of answers. */
  answers = 0
  readonly #broker: TestBroker
  readonly #healthy: HealthyClient
  readonly #requests: readonly EncodedMessage[]
  readonly #faults: string[]
  #recent: Buffer[] = []
  #collecting = false

  private constructor(broker: TestBroker, healthy: HealthyClient, requests: EncodedMessage[], faults: string[]) {
    this.#broker = broker
    this.#healthy = healthy
    this.#requests = requests
    this.#faults = faults
  }

  static async start(vectors: readonly EncodedMessage[]): Promise<BrokerTarget> {
    const faults: string[] = []
    const settings = { 'max.connections': '200', 'num.partitions': '1', 'group.min.session.timeout.ms': '1' }
    const broker = await startTestBroker({ settings, logger: faultLogger(faults) })
    const requests = vectors.filter(({ message }) => requestApis.has(message))
    return new BrokerTarget(broker, await HealthyClient.start(broker.port), requests, faults)
  }

  get healthyRoundsMs(): readonly number[] {
    return this.#healthy.roundsMs
  }

  async run(options: { seed: number; workers: number; untilMs: number; findingsMax?: number }): Promise<void> {
    const { seed, workers, untilMs, findingsMax = 20 } = options
    const caught = (error: unknown): void => void this.#faults.push(`nobody caught: ${textOf(error)}`)
    process.on('unhandledRejection', caught)
    process.on('uncaughtException', caught)
    try {
      await Promise.all(
        Array.from({ length: workers }, (_, i) => this.#work(seededRandom(seed + i), untilMs, findingsMax)),
      )
      await this.#healthy.rounds(3)
    } catch (error) {
      this.#faults.push(`the healthy client failed: ${textOf(error)}`)
      await this.#collect()
    } finally {
      process.off('unhandledRejection', caught)
      process.off('uncaughtException', caught)
    }
  }

  /** Sends one frame alone and answers what went wrong with it, if anything did. */
  async replay(frame: Buffer): Promise<string | undefined> {
    this.#faults.length = 0
    await this.#visit([frame])
    await this.#healthy.rounds(1)
    return this.#faults.splice(0)[0]
  }

  async stop(): Promise<void> {
    await this.#healthy.stop().catch(error => this.#faults.push(textOf(error)))
    await this.#broker.stop()
  }

  async #work(random: Random, untilMs: number, findingsMax: number): Promise<void> {
    while (performance.now() < untilMs && this.findings.length < findingsMax) {
      const frames = Array.from({ length: 1 + random.integer(4) }, () => this.#frame(random))
      this.framesSent += frames.length
      this.#recent = [...this.#recent, ...frames].slice(-RECENT_MAX)
      await this.#visit(frames)
      if (this.#faults.length > 0 && !this.#collecting) await this.#collect()
    }
  }

  /** Finds the frame that does it alone; where none does, all recent ones are the finding. */
  async #collect(): Promise<void> {
    const suspects = this.#recent
    this.#recent = []
    const [symptom] = this.#faults.splice(0)
    if (symptom === undefined) return
    this.#collecting = true
    let guilty = suspects
    for (const frame of suspects.toReversed())
      if ((await this.replay(frame).catch(textOf)) !== undefined) {
        guilty = [frame]
        break
      }
    this.findings.push({ symptom, frames: guilty })
    this.#collecting = false
  }

  /** Connects, sends, waits until the broker hung up or has said nothing more for a while, and goes. */
  #visit(frames: readonly Buffer[]): Promise<void> {
    return new Promise(resolve => {
      const socket: Socket = connect({ port: this.#broker.port, host: '127.0.0.1' })
      const timer = setTimeout(() => socket.destroy(), ANSWER_MS_MAX)
      let answered = 0
      socket.on('error', () => {})
      socket.on('data', () => {
        this.answers++
        if (++answered >= frames.length) socket.destroy()
      })
      socket.on('close', () => {
        clearTimeout(timer)
        resolve()
      })
      for (const frame of frames) socket.write(frame)
    })
  }

  #frame(random: Random): Buffer {
    const frame = random.integer(4) === 0 ? recordsFrame(random) : this.#mutatedFrame(random)
    switch (random.integer(40)) {
      case 0:
        frame.writeInt32BE(pick(random, [-1, -4, 0, 1, 0x7fffffff, frame.length + 100]), 0)
        return frame
      case 1:
        return frame.subarray(0, random.integer(frame.length + 1))
      case 2:
        return random.bytes(random.integer(300))
      default:
        return frame
    }
  }

  #mutatedFrame(random: Random): Buffer {
    const { message, version, bytes } = pick(random, this.#requests)
    const body = random.integer(3) === 0 ? bytes : mutate(bytes, random, pick(random, this.#requests).bytes)
    const { key, flexible } = requestApis.get(message)!
    const frame = frameOf(key, version, version >= flexible, w => w.bytes(body))
    return random.integer(20) === 0 ? resized(mutate(frame, random, body)) : frame
  }
}

function resized(frame: Buffer): Buffer {
  if (frame.length >= 4) frame.writeInt32BE(frame.length - 4, 0)
  return frame.length >= 4 ? frame : Buffer.alloc(4)
}

/** Requests that get as far as the log: broken batches for a topic that is there, and fetches of what became of them. */
function recordsFrame(random: Random): Buffer {
  if (random.integer(3) === 0) {
    const version = 4 + random.integer(9)
    return frameOf(Fetch.key, version, version >= Fetch.flexible, w =>
      Fetch.request.write(w, fetchOf(random, version), version),
    )
  }
  const version = 3 + random.integer(10)
  const records = [brokenBatch(random)]
  if (random.integer(10) === 0) records.push(brokenBatch(random))
  const topicData = [{ name: TOPIC, partitionData: [{ index: random.integer(2), records }] }]
  return frameOf(Produce.key, version, version >= Produce.flexible, w =>
    Produce.request.write(w, { acks: pick(random, [-1, 1, 0, 2]), timeoutMs: 1000, topicData }, version),
  )
}

function fetchOf(random: Random, version: number) {
  const number = () => pick(random, [-2, -1, 0, 1, 100, 1_000_000, 0x7fffffff])
  const partition = { partition: random.integer(2), fetchOffset: number(), partitionMaxBytes: number() }
  return {
    maxWaitMs: pick(random, [-1, 0, 10, 0x7fffffff]),
    minBytes: number(),
    maxBytes: number(),
    sessionId: version >= 7 ? random.integer(2) : 0,
    sessionEpoch: version >= 7 ? random.integer(4) - 1 : -1,
    topics: [{ topic: TOPIC, partitions: [partition, partition].slice(random.integer(2)) }],
    forgottenTopicsData: [],
  }
}

function frameOf(apiKey: number, apiVersion: number, flexible: boolean, body: (w: Writer) => void): Buffer {
  const w = new Writer()
  w.int32(0)
  writeRequestHeader(w, { apiKey, apiVersion, correlationId: 7, clientId: 'fuzz' }, flexible)
  body(w)
  w.patchInt32(w.length - 4)
  return Buffer.from(w.finish())
}

const textOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))

/** Whatever the broker calls an error is one of ours: a client's mistake is never logged as that. */
function faultLogger(faults: string[]): Logger {
  return createLogger({ level: 'error', format: 'json', write: line => void faults.push(line.trim()) })
}
