/**
 * One group's life outside the state machine: feeds it events one at a time, makes its writes durable before anything that they permit, answers its
 * requests and keeps its timers.
 */
import type { Clock, Logger, Timer, TimerWheel } from '@millrace/base'
import { assert } from '@millrace/base'
import {
  applyOffsets,
  applyPendingOffsets,
  breakGuards,
  type CommittedOffset,
  type GroupConfig,
  type GroupEffect,
  type GroupEvent,
  type GroupOffsets,
  type GroupReply,
  type GroupState,
  type GroupStep,
  type GroupTimer,
  type GroupTransactions,
  type PendingOffsetRecord,
  type RequestId,
  stepClassicGroup,
} from '@millrace/coordinator'
import { type Catalog, type CatalogChange, CatalogError, type MaybePromise, type StoredOffset } from '@millrace/storage'
import type { IsPromised } from '../promised-topics.ts'
import { encodeGroupRecord } from './group-record-codec.ts'

export interface ShellServices {
  readonly catalog: Catalog
  readonly timers: TimerWheel
  readonly clock: Clock
  readonly logger: Logger
  readonly config: () => GroupConfig
  readonly isPromised: IsPromised
  /** The group has come to its end: nothing of it is to be kept. */
  readonly onDead: (groupId: string) => void
}

/** What a group keeps beside its state: committed offsets, and those of open transactions. */
export interface KeptOffsets {
  readonly offsets: GroupOffsets
  readonly transactions: GroupTransactions
}

/** An event that waits for a write to end. With a timer: only if it is still the one that is armed by then. */
interface Queued {
  readonly event: GroupEvent
  readonly timer: Timer | undefined
}

export class GroupShell {
  readonly groupId: string
  readonly offsets: GroupOffsets
  readonly transactions: GroupTransactions
  readonly #services: ShellServices
  readonly #queue: Queued[] = []
  readonly #pending = new Map<RequestId, (reply: GroupReply) => void>()
  readonly #timers = new Map<GroupTimer, Timer>()
  #state: GroupState
  #nextRequest = 1
  /** The request that is being put to the group, until it is answered. */
  #asking: RequestId | undefined
  #replyAtOnce: GroupReply | undefined
  #writing = false

  constructor(state: GroupState, kept: KeptOffsets, services: ShellServices) {
    this.groupId = state.groupId
    this.offsets = kept.offsets
    this.transactions = kept.transactions
    this.#state = state
    this.#services = services
  }

  /** As of the last event that was taken in; one whose write is under way is not. */
  get state(): GroupState {
    return this.#state
  }

  /** Requests that are parked, or wait for the group's write. */
  get pendingCount(): number {
    return this.#pending.size
  }

  get isBusy(): boolean {
    return this.#writing || this.#queue.length > 0 || this.#pending.size > 0 || this.transactions.guards.size > 0
  }

  /** Puts a request to the group. It answers at once where it can, as a heartbeat, or else when a write or a round has ended. */
  ask(eventOf: (request: RequestId, now: number, kept: KeptOffsets) => GroupEvent): MaybePromise<GroupReply> {
    const request = this.#nextRequest++
    this.#asking = request
    this.tell(eventOf(request, this.#services.clock.now(), this))
    const reply = this.#replyAtOnce
    this.#asking = undefined
    this.#replyAtOnce = undefined
    return reply ?? new Promise(resolve => void this.#pending.set(request, resolve))
  }

  tell(event: GroupEvent): void {
    if (!this.#writing) return this.#take(event)
    // Bounded by what connections may have under way.
    this.#queue.push({ event, timer: undefined })
  }

  /** A guard was given back: it may have been all that kept a group that does not exist. */
  forgetIfDead(): void {
    if (this.#state.kind === 'Dead' && !this.isBusy) this.#services.onDead(this.groupId)
  }

  /** Ends the timers; the requests that are still parked are told to look for another coordinator. */
  close(): void {
    this.tell({ kind: 'unload', now: this.#services.clock.now() })
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }

  #take(event: GroupEvent): void {
    const step = stepClassicGroup(this.#state, event, this.#services.config())
    const changes = changesOf(step.effects)
    if (changes.length === 0) this.#perform(step, event.now)
    else void this.#write(step, event, changes)
  }

  /** The durable write comes before the answer that it permits; a failed one leaves the old state and tells those who asked. */
  async #write(step: GroupStep, event: GroupEvent, changes: readonly CatalogChange[]): Promise<void> {
    this.#writing = true
    try {
      await this.#services.catalog.write(changes, { isVital: this.#isVital(event, changes) })
      this.#writing = false
      this.#perform(step, event.now)
    } catch (error) {
      this.#writing = false
      if (!(error instanceof CatalogError)) throw error
      this.#services.logger.error(`group ${this.groupId} could not be written`, { error })
      this.#take({
        kind: 'failed',
        now: this.#services.clock.now(),
        event,
        error: error.code === 'FENCED' ? 'NOT_COORDINATOR' : 'COORDINATOR_NOT_AVAILABLE',
      })
    }
    while (!this.#writing && this.#queue.length > 0) this.#takeQueued(this.#queue.shift()!)
  }

  /** Committed offsets are as safe as the records that they count. Those of a transaction are made again from its decision. Undefined is as the catalog is. */
  #isVital(event: GroupEvent, changes: readonly CatalogChange[]): boolean | undefined {
    if (event.kind === 'endTransaction') return false
    const isPromise = (change: CatalogChange): boolean =>
      change.kind === 'putOffset' && this.#services.isPromised(change.offset.topic)
    return changes.some(isPromise) || undefined
  }

  #takeQueued({ event, timer }: Queued): void {
    if (event.kind === 'expire' && timer !== undefined) return this.#expire(event.timer, timer)
    this.#take(event)
  }

  #perform(step: GroupStep, now: number): void {
    this.#state = step.state
    for (const effect of step.effects) this.#performOne(effect, now)
    this.forgetIfDead()
  }

  #performOne(effect: GroupEffect, now: number): void {
    switch (effect.kind) {
      case 'persist':
        return
      case 'persistOffsets':
        return applyOffsets(this.offsets, effect.records)
      case 'persistPendingOffsets':
        return applyPendingOffsets(this.transactions, effect.records)
      case 'breakGuards':
        return breakGuards(this.transactions, effect.producerId)
      case 'reply':
        return this.#reply(effect.to, effect.reply)
      case 'arm':
        return this.#arm(effect.timer, effect.at - now)
      case 'disarm':
        this.#timers.get(effect.timer)?.cancel()
        this.#timers.delete(effect.timer)
        return
      default:
        effect satisfies never
    }
  }

  #reply(to: RequestId, reply: GroupReply): void {
    if (to === this.#asking) {
      this.#asking = undefined
      this.#replyAtOnce = reply
      return
    }
    const resolve = this.#pending.get(to)
    assert(resolve !== undefined, `group ${this.groupId} answered a request twice`)
    this.#pending.delete(to)
    resolve(reply)
  }

  /** Delays and not times are kept, so that a jump of the wall clock throws nobody out. */
  #arm(name: GroupTimer, delayMs: number): void {
    const known = this.#timers.get(name)
    if (known !== undefined) return known.rearm(delayMs)
    const timer = this.#services.timers.arm(delayMs, () => this.#expire(name, timer))
    this.#timers.set(name, timer)
  }

  /** An event ahead in the queue may arm the timer anew, or disarm it: then this expiry never happened. */
  #expire(name: GroupTimer, timer: Timer): void {
    const event: GroupEvent = { kind: 'expire', now: this.#services.clock.now(), timer: name }
    if (this.#writing) {
      this.#queue.push({ event, timer })
      return
    }
    if (timer.isArmed || this.#timers.get(name) !== timer) return
    this.#timers.delete(name)
    this.#take(event)
  }
}

const NO_CHANGES: readonly CatalogChange[] = []

/** Writes come first among the effects, so that the hundreds of answers of a round are not looked through for them. */
function changesOf(effects: readonly GroupEffect[]): readonly CatalogChange[] {
  let changes = NO_CHANGES
  for (const effect of effects) {
    const own = changesOfOne(effect)
    if (own === undefined) return changes
    changes = changes.length === 0 ? own : [...changes, ...own]
  }
  return changes
}

/** Undefined for an effect that is no write. */
function changesOfOne(effect: GroupEffect): readonly CatalogChange[] | undefined {
  switch (effect.kind) {
    case 'persist': {
      const { groupId, record } = effect
      return record === null
        ? [{ kind: 'deleteGroup', groupId }]
        : [{ kind: 'putGroup', groupId, value: encodeGroupRecord(record) }]
    }
    case 'persistPendingOffsets':
      return effect.records.map(record => pendingChange(effect.groupId, record))
    case 'persistOffsets': {
      const { groupId } = effect
      return effect.records.map(({ topic, partition, committed }): CatalogChange => {
        if (committed === null) return { kind: 'deleteOffset', groupId, topic, partition }
        return { kind: 'putOffset', groupId, offset: storedOffset(topic, partition, committed) }
      })
    }
    default:
      return undefined
  }
}

export function pendingChange(
  groupId: string,
  { producerId, topic, partition, pending }: PendingOffsetRecord,
): CatalogChange {
  if (pending === null) return { kind: 'deletePendingOffset', groupId, producerId, topic, partition }
  const { committed, sequence, isSuperseded } = pending
  const offset = storedOffset(topic, partition, committed)
  return { kind: 'putPendingOffset', groupId, pending: { producerId, offset, sequence, isSuperseded } }
}

function storedOffset(topic: string, partition: number, committed: CommittedOffset): StoredOffset {
  const { offset, leaderEpoch, metadata, commitTimestampMs, expireTimestampMs } = committed
  return { topic, partition, offset, leaderEpoch, metadata, commitTimestampMs, expireTimestampMs }
}
