/**
 * What the consumer knows of one partition that it reads. The offsets, in this order:
 *
 *   processed <= position <= fetchOffset
 *
 * `processed`: the program is done with everything before it. `position`: the next record to hand over. `fetchOffset`: the next to ask the broker for. What lies
 * between the last two is in the prefetch buffer. Whoever moves the position raises `generation`, so that answers to older questions are recognised.
 */
import type { TopicPartition } from '../record.ts'

export type PartitionPhase =
  /** The position is not known: look for a committed offset, else reset. */
  | 'unknown'
  /** To be reset to what `resetTo` says. */
  | 'reset'
  /** The leader changed: is the log that the position was in still the log? */
  | 'validate'
  | 'ready'

export class AssignedPartition implements TopicPartition {
  readonly topic: string
  readonly partition: number
  phase: PartitionPhase = 'unknown'
  /** A time for ListOffsets (LATEST, EARLIEST or milliseconds), in phase `reset`. */
  resetTo = 0
  position = -1
  /** Of the record before the position: what the position was true for. */
  positionEpoch = -1
  processed = -1
  processedEpoch = -1
  /** The offset that was committed last, as far as this consumer knows. */
  committed = -1
  fetchOffset = -1
  /** The leader epoch under which this is fetched; -1 before the first time. */
  leaderEpoch = -1
  generation = 0
  paused = false
  bufferedBytes = 0
  /** No fetch before this (monotonic ms): the last one failed. */
  retryAt = 0
  highWatermark = -1
  lastStableOffset = -1
  logStartOffset = -1
  /** A replica that is nearer than the leader (KIP-392), until it fails or `preferredUntil` (monotonic ms). */
  preferredReplica = -1
  preferredUntil = 0

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get isFetchable(): boolean {
    return this.phase === 'ready' && !this.paused
  }

  seek(offset: number, leaderEpoch = -1): void {
    this.position = offset
    this.positionEpoch = leaderEpoch
    this.processed = offset
    this.processedEpoch = leaderEpoch
    this.#restart('ready')
    this.leaderEpoch = -1
  }

  /** Everything that was read ahead is void; reading goes on from the position. */
  rewind(): void {
    this.#restart('ready')
  }

  /** Back to what the group has committed, or to what the policy says. */
  forget(): void {
    this.position = -1
    this.positionEpoch = -1
    this.processed = -1
    this.committed = -1
    this.#restart('unknown')
  }

  reset(time: number): void {
    this.resetTo = time
    this.#restart('reset')
  }

  validate(leaderEpoch: number): void {
    this.leaderEpoch = leaderEpoch
    this.#restart('validate')
  }

  /** Handing over moves the position; the program has not worked on it yet. */
  advance(offset: number, leaderEpoch: number): void {
    this.position = offset
    if (leaderEpoch >= 0) this.positionEpoch = leaderEpoch
  }

  markProcessed(): void {
    this.processed = this.position
    this.processedEpoch = this.positionEpoch
  }

  #restart(phase: PartitionPhase): void {
    this.phase = phase
    this.generation++
    this.fetchOffset = this.position
    this.retryAt = 0
    this.preferredReplica = -1
  }
}
