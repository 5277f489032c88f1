/**
 * One look at each record of a batch, when its header, its checksum and its codec are done with: inner lengths, offset deltas 0, 1, 2 …, keys, timestamps.
 *
 *   ┌ short records, without headers ┐┌ from the first other one to the end ┐
 *   walkShortRecords, fast             RecordCursor, for any record; alone says what is wrong
 *
 * Which way a record is looked at makes no difference to the outcome.
 */
import { NO_TIMESTAMP } from './batch.ts'
import { RecordCursor } from './record-cursor.ts'
import { type ShortRun, walkShortRecords } from './short-records.ts'

export interface RecordRules {
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  readonly now: number
  /** Compacted topics. */
  readonly keysRequired: boolean
}

export interface RecordError {
  readonly batchIndex: number
  readonly message: string
}

/** A response lists no more bad records than this, so that a small compressed batch cannot ask for a huge answer. */
const RECORD_ERRORS_MAX = 10_000
/** What a run's timestamp deltas are held against is cut off here, where no delta of a run comes to. */
const DELTA_LIMIT = 2 ** 30
/** Beyond it, sums of a base timestamp and a delta are not exact. */
const BASE_TIMESTAMP_LIMIT = 2 ** 52

const nearestDelta = (delta: number): number => Math.max(-DELTA_LIMIT, Math.min(delta, DELTA_LIMIT))

export class RecordWalk {
  readonly errors: RecordError[] = []
  hasTimestampError = false
  maxTimestamp = NO_TIMESTAMP
  maxTimestampOffsetDelta = -1
  readonly #baseTimestamp: number
  readonly #recordCount: number
  readonly #keysRequired: boolean
  readonly #timestampMin: number
  readonly #timestampMax: number

  constructor(baseTimestamp: number, recordCount: number, rules: RecordRules) {
    const { keysRequired, timestampType, now, timestampBeforeMaxMs, timestampAfterMaxMs } = rules
    this.#baseTimestamp = baseTimestamp
    this.#recordCount = recordCount
    this.#keysRequired = keysRequired
    const isCreateTime = timestampType === 'CreateTime'
    this.#timestampMin = isCreateTime ? Math.max(now - timestampBeforeMaxMs, Number.MIN_SAFE_INTEGER) : -Infinity
    this.#timestampMax = isCreateTime ? Math.min(now + timestampAfterMaxMs, Number.MAX_SAFE_INTEGER) : Infinity
  }

  /** Returns what is wrong with the batch as a whole; `errors` has what is wrong with single records. */
  run(content: Buffer, start: number, end: number): string | undefined {
    if (Math.abs(this.#baseTimestamp) > BASE_TIMESTAMP_LIMIT) return this.runFrom(0, content, start, end)
    const { count, position } = this.#runShort(content, start, end)
    return position === end && count === this.#recordCount ? undefined : this.runFrom(count, content, position, end)
  }

  #runShort(content: Buffer, start: number, end: number): ShortRun {
    const base = this.#baseTimestamp
    const run = walkShortRecords(content, start, end, {
      countMax: this.#recordCount,
      keysRequired: this.#keysRequired,
      deltaMin: nearestDelta(this.#timestampMin - base),
      deltaMax: nearestDelta(this.#timestampMax - base),
      deltaFloor: nearestDelta(NO_TIMESTAMP - base),
    })
    if (run.maxIndex >= 0) {
      this.maxTimestamp = base + run.maxDelta
      this.maxTimestampOffsetDelta = run.maxIndex
    }
    return run
  }

  /** The general way: any record from the given one on, which starts at `start`. */
  runFrom(index: number, content: Buffer, start: number, end: number): string | undefined {
    const cursor = new RecordCursor(content, start, end)
    const baseTimestamp = this.#baseTimestamp
    const recordCount = this.#recordCount
    const keysRequired = this.#keysRequired
    const timestampMin = this.#timestampMin
    const timestampMax = this.#timestampMax
    let at = index
    for (; cursor.next(); at++) {
      if (at === recordCount) return `the batch has more than the ${recordCount} records it counts`
      if (cursor.offsetDelta !== at) return `record ${at} has offset delta ${cursor.offsetDelta}`
      if (keysRequired && cursor.keyLength < 0) {
        this.#blame(at, 'compacted topic cannot accept message without key')
        continue
      }
      const timestamp = baseTimestamp + cursor.timestampDelta
      if (timestamp !== NO_TIMESTAMP && !(timestamp >= timestampMin && timestamp <= timestampMax)) {
        this.hasTimestampError = true
        this.#blame(at, `timestamp ${timestamp} is out of range, which is ${timestampMin} to ${timestampMax}`)
        continue
      }
      if (timestamp > this.maxTimestamp) {
        this.maxTimestamp = timestamp
        this.maxTimestampOffsetDelta = at
      }
    }
    if (cursor.problem !== undefined) return cursor.problem
    return at === recordCount ? undefined : `the batch has ${at} records, not the ${recordCount} it counts`
  }

  #blame(batchIndex: number, message: string): void {
    if (this.errors.length < RECORD_ERRORS_MAX) this.errors.push({ batchIndex, message })
  }
}
