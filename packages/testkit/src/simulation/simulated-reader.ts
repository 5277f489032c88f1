/** How simulated clients read: one partition at a time, by topic id, each answer a line of the history. */
import {
  BATCH_OVERHEAD,
  baseOffsetOf,
  CorruptRecordsError,
  crc32c,
  errorName,
  Fetch,
  forEachBatch,
  isControl,
  isTransactional,
  ListOffsets,
  nextOffsetOf,
  producerIdOf,
  RecordCursor,
  readControlRecord,
} from '@millrace/protocol'
import type { IsolationName, SeenRecord } from '../history/event.ts'
import { NoAnswer, SimulatedClient, type SimulatedTopic } from './simulated-client.ts'

const FETCH_VERSION = 16
const WAIT_MS = 200
const EARLIEST = -2
/** Of a batch: where its checksum lies, and what it is over. */
const CRC_AT = 17
const CRC_FROM = 21

export interface Fetched {
  readonly error: string
  readonly records: readonly SeenRecord[]
  /** Offsets of control records. */
  readonly markers: readonly number[]
  /** Behind what was read. */
  readonly next: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStart: number
}

export interface FetchPlace {
  readonly topic: SimulatedTopic
  readonly partition: number
  readonly position: number
  readonly isolation: IsolationName
}

export class SimulatedReader extends SimulatedClient {
  /** Under which it is known to the history. */
  protected get alias(): string {
    return this.name
  }

  protected get group(): string | undefined {
    return undefined
  }

  /** Rejects with NoAnswer. */
  async fetch({ topic, partition, position, isolation }: FetchPlace): Promise<Fetched> {
    const began = this.world.time.nowMs
    const { responses } = await this.request(Fetch, FETCH_VERSION, {
      maxWaitMs: WAIT_MS,
      minBytes: 1,
      maxBytes: 1 << 20,
      isolationLevel: isolation === 'read_committed' ? 1 : 0,
      topics: [
        {
          topicId: topic.id,
          partitions: [{ partition, fetchOffset: position, partitionMaxBytes: 200 + this.random.integer(4_000) }],
        },
      ],
    })
    const answer = responses[0]?.partitions[0]
    if (answer === undefined) throw new Error('an answer to a fetch without its partition')
    const { highWatermark, lastStableOffset, logStartOffset: logStart } = answer
    const { records, markers, next, isDamaged } = recordsOf(
      answer.records ?? [],
      position,
      answer.abortedTransactions ?? [],
    )
    const error = isDamaged ? 'CORRUPT_MESSAGE' : errorName(answer.errorCode)
    const { alias: client, group } = this
    if (error === 'NONE')
      this.world.record({
        kind: 'read',
        client,
        began,
        topic: topic.key,
        partition,
        position,
        records,
        isolation,
        ...(group !== undefined && { group }),
        highWatermark,
        lastStableOffset,
        logStart,
      })
    return { error, records, markers, next, highWatermark, lastStableOffset, logStart }
  }

  /** Where to begin when the position is out of range. Rejects with NoAnswer. */
  protected async earliest(topic: SimulatedTopic, partition: number): Promise<number> {
    // Asked by name, which may be another topic's by now where topics come and go; those do not shrink.
    if (!topic.shrinks) return 0
    const partitions = [{ partitionIndex: partition, timestamp: EARLIEST }]
    const answer = await this.request(ListOffsets, 7, { replicaId: -1, topics: [{ name: topic.name, partitions }] })
    const { errorCode, offset } = answer.topics[0]!.partitions[0]!
    if (errorCode !== 0) throw new NoAnswer(errorName(errorCode))
    return offset
  }

  protected seek(topic: SimulatedTopic, partition: number, position: number): void {
    this.world.record({ kind: 'seek', client: this.alias, topic: topic.key, partition, position })
  }
}

/** Reads each of its partitions from the start on, over and over. */
export class FollowingReader extends SimulatedReader {
  readonly #positions = new Map<string, number>()
  readonly #isolation: IsolationName

  constructor(isolation: IsolationName, ...client: ConstructorParameters<typeof SimulatedReader>) {
    super(...client)
    this.#isolation = isolation
  }

  async run(): Promise<void> {
    while (!this.world.isEnding) {
      const topics = this.world.topics.filter(topic => !topic.isGone)
      if (topics.length > 0) await this.#readOnce(this.pick(topics))
      if (this.chance(20)) this.stall(this.random.integer(2_000))
      await this.sleep(this.random.integer(30))
    }
  }

  async #readOnce(topic: SimulatedTopic): Promise<void> {
    const partition = this.random.integer(topic.partitions)
    const key = `${topic.id}-${partition}`
    if (!this.#positions.has(key) || this.chance(10)) this.#go(topic, partition, 0)
    const position = this.#positions.get(key)!
    try {
      const fetched = await this.fetch({ topic, partition, position, isolation: this.#isolation })
      if (fetched.error === 'OFFSET_OUT_OF_RANGE') this.#go(topic, partition, await this.earliest(topic, partition))
      else if (fetched.error === 'NONE') this.#positions.set(key, fetched.next)
      else if (isDamage(fetched.error)) this.#go(topic, partition, position + 1)
      else await this.sleep(100)
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error
      await this.sleep(50)
    }
  }

  #go(topic: SimulatedTopic, partition: number, position: number): void {
    this.#positions.set(`${topic.id}-${partition}`, position)
    this.seek(topic, partition, position)
  }
}

/** What cannot be read, as the broker or the checksum says. */
export const isDamage = (error: string): boolean => error === 'CORRUPT_MESSAGE'

interface Aborted {
  readonly producerId: number
  readonly firstOffset: number
}

interface Received {
  readonly records: SeenRecord[]
  /** Offsets of control records. */
  readonly markers: number[]
  readonly next: number
  /** Nothing could be read but what is damaged. */
  readonly isDamaged: boolean
}

/** The records from the position on, as every client takes them: a batch may begin before it, a damaged one ends the reading, aborted ones are left out. */
function recordsOf(chunks: readonly Buffer[], position: number, aborted: readonly Aborted[]): Received {
  const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  const records: SeenRecord[] = []
  const markers: number[] = []
  const left = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  const aborting = new Set<number>()
  let next = position
  let isDamaged = false
  const take = (at: number, size: number): void => {
    const producerId = producerIdOf(bytes, at)
    while (left.length > 0 && left[0]!.firstOffset <= nextOffsetOf(bytes, at) - 1)
      aborting.add(left.shift()!.producerId)
    if (isControl(bytes, at)) {
      if (readControlRecord(bytes, at)?.kind === 'abort') aborting.delete(producerId)
      markers.push(baseOffsetOf(bytes, at))
    } else if (!isTransactional(bytes, at) || !aborting.has(producerId)) {
      const cursor = new RecordCursor(bytes, at + BATCH_OVERHEAD, at + size)
      const baseOffset = baseOffsetOf(bytes, at)
      while (cursor.next()) {
        const offset = baseOffset + cursor.offsetDelta
        if (offset < position) continue
        records.push([offset, bytes.toString('latin1', cursor.valueStart, cursor.valueStart + cursor.valueLength)])
      }
    }
    next = Math.max(next, nextOffsetOf(bytes, at))
  }
  forEachBatch(bytes, (at, size) => {
    isDamaged ||= bytes.readUInt32BE(at + CRC_AT) !== crc32c(bytes, at + CRC_FROM, at + size)
    if (isDamaged) return
    try {
      take(at, size)
    } catch (error) {
      // A checksum that was made to fit what is damaged.
      if (!(error instanceof CorruptRecordsError)) throw error
      isDamaged = true
    }
  })
  return { records, markers, next, isDamaged: bytes.length > 0 && next === position }
}
